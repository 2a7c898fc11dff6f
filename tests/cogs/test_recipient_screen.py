"""One recipient under `!notifications`: tried, chosen for, repeated and turned on again, by its owner alone."""

import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks import Webhook

from channels.assembly import sending
from channels.guarded import Guarded
from cogs import custom_ids
from quota_core.accounts import AccountRef
from quota_core.events import EVENTS
from quota_core.resending import PAUSE_MS
from quota_core.store import recipients as rows
from quota_core.store.recipients import Recipient
from sandbox.places import FRIEND_ID, MEMBER_ID
from tests.channels.receiver import Receiver, receiving
from tests.cogs.stack import Core, Running, running_bot
from tests.cogs.talk import Talk, labels_of, menu, text_of, title_of
from wording.words import Words

Json = dict[str, Any]
MEMBER, FRIEND = AccountRef("user", str(MEMBER_ID)), AccountRef("user", str(FRIEND_ID))
KINDS, REPLAY = "What it hears of", "Send one of these again"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Return a real HTTP server."""
    async with receiving() as one:
        yield one


def posting(core: Core) -> AbstractAsyncContextManager[None]:
    """Send webhooks until the block ends."""
    return sending(
        *(core.parts.catalog, core.parts.messages, Guarded(allow_private=True)),
        mail_server=None,
        dashboard_url="https://quota.example",
        can_sell=True,
        clock=core.clock,
    )


async def hook_of(core: Core, account: AccountRef = MEMBER, url: str = "https://h.example/in") -> Recipient:
    """Return a new signed webhook."""
    return await core.parts.messages.recipients.add(account, "webhook", url)


async def opened(talk: Talk) -> Json:
    """Return the card of the member's first recipient."""
    return await talk.press_and_watch(await talk.slash("notifications"), "1…")


async def choose(talk: Talk, message: Json, placeholder: str, *values: str) -> Json:
    """Choose from a menu and return the message as it was changed."""
    async with talk.changes(MEMBER_ID) as changes:
        await talk.press(message, menu(message, placeholder)["custom_id"], values=list(values))
        changed: Json = (await changes.next("message_update"))["message"]
        return changed


async def test_a_test_arrives_and_stands_in_the_log(
    talk: Talk, core: Core, running: Running, receiver: Receiver
) -> None:
    """Signed, and verified by the library of the specification."""
    assert running.bot
    hook = await hook_of(core, url=receiver.url)
    card = await opened(talk)
    async with posting(core):
        await talk.press_and_watch(card, "Send a test")
        headers, body = await receiver.next()
        outcome = await core.notices.outcome()
    seen = await talk.press_and_watch(card, "Refresh")
    assert hook.secret is not None
    # The library goes by the real time, and so does the sender here.
    event = Webhook(hook.secret).verify(body, headers)

    assert (event["type"], event["data"], outcome) == ("endpoint.test", {"endpoint": hook.id}, "sent")
    assert abs(datetime.now(UTC).timestamp() - int(headers["webhook-timestamp"])) < 300
    assert "Test, delivered" in text_of(seen)


async def test_a_delivery_is_chosen_and_sent_again(
    talk: Talk, core: Core, running: Running, receiver: Receiver
) -> None:
    """Under the same id and with the same bytes; here one that was given up."""
    assert running.bot
    await hook_of(core, url=receiver.url)
    await core.spend(48)
    await core.parts.messages.alerts.route()
    notice = await core.notices.claim("webhook")
    assert notice is not None
    await core.notices.give_up(notice, "answered 500")
    assert await core.notices.outcome() == "dead"
    card = await opened(talk)
    option = menu(card, REPLAY)["options"][0]
    async with posting(core):
        await choose(talk, card, REPLAY, option["value"])
        first = await receiver.next()
        assert await core.notices.outcome() == "sent"
        core.clock.ahead_ms += PAUSE_MS
        await choose(talk, card, REPLAY, option["value"])
        second = await receiver.next()
        assert await core.notices.outcome() == "sent"

    assert option["label"].endswith("Quota almost used up, given up")
    assert first[1] == second[1]
    assert first[0]["webhook-id"] == second[0]["webhook-id"] == f"msg_{notice.nonce}"
    assert json.loads(first[1])["type"] == "usage.quota.alert"


@pytest.mark.usefixtures("running")
async def test_events_are_chosen_for_each_recipient(talk: Talk, core: Core) -> None:
    """What is chosen is marked; all of them is everything, and what is for operators is not offered."""
    await hook_of(core)
    card = await opened(talk)
    offered = {one["value"] for one in menu(card, KINDS)["options"]}
    some = await choose(talk, card, KINDS, "purchase", "reversal")
    [kept] = await core.parts.messages.recipients.of(MEMBER)
    everything = await choose(talk, some, KINDS, *offered)
    [whole] = await core.parts.messages.recipients.of(MEMBER)

    assert offered == {kind for kind, event in EVENTS.items() if not event.operators_only}
    assert all(words.has(f"event.{kind}") for words in (Words("en"), Words("fr")) for kind in EVENTS)
    assert kept.kinds == "purchase reversal"
    assert [one["value"] for one in menu(some, KINDS)["options"] if one["default"]] == [
        "purchase",
        "reversal",
    ]
    assert "Purchase credited\nPurchase taken back or given back" in text_of(some)
    assert (whole.kinds, "everything" in text_of(everything)) == ("", True)


@pytest.mark.usefixtures("running")
async def test_what_was_turned_off_is_turned_on_before_it_is_tried(talk: Talk, core: Core) -> None:
    """Until then neither a test nor a repetition is offered; one that is pressed anyway is explained."""
    hook = await hook_of(core)
    before = await opened(talk)
    await core.database.write(lambda: rows.disable(hook.id, core.clock()))
    refused = await talk.press_label(before, "Send a test")
    off = await opened(talk)
    on = await talk.press_and_watch(off, "Turn on again")

    assert "Turn it on again first." in text_of(refused)
    assert refused["ephemeral"]
    assert "Send a test" not in labels_of(off)
    assert "Send a test" in labels_of(on)
    assert "turned off" not in text_of(on)


async def test_who_is_told_that_it_was_turned_off_gets_there_by_a_button(
    talk: Talk, core: Core, running: Running, receiver: Receiver
) -> None:
    """In the direct message itself, where it can be turned on again."""
    assert running.bot
    hook = await hook_of(core, url=receiver.url)
    receiver.statuses = [410]
    await core.parts.messages.resending.test(MEMBER, hook.id)
    async with posting(core):
        told = await talk.next_message("0", channel="dm")
        card = await talk.press_and_watch(told, "See what is wrong")
        on = await talk.press_and_watch(card, "Turn on again")
    [kept] = await core.parts.messages.recipients.of(MEMBER)

    assert title_of(told) == "🔌 No more messages there"
    assert "turned off after many failures" in text_of(card)
    assert "Send a test" in labels_of(on)
    assert kept.disabled_ms is None


async def test_the_card_works_after_a_restart(talk: Talk, core: Core) -> None:
    """Buttons and menus alike: what they do is in their ids."""
    await hook_of(core)
    async with running_bot(core.parts):
        card = await opened(talk)
    async with running_bot(core.parts):
        await talk.press_and_watch(card, "Send a test")
        chosen = await choose(talk, card, KINDS, "purchase")
    [kept] = await core.parts.messages.recipients.of(MEMBER)

    assert kept.kinds == "purchase"
    assert "Test, on its way" in text_of(chosen)


@pytest.mark.parametrize("what", ["show", "test", "rotate", "enable", "remove", "code", "nonsense"])
async def test_a_made_up_button_does_nothing_to_anothers(
    talk: Talk, core: Core, running: Running, what: str
) -> None:
    """It names the one who presses as its owner, and a recipient of somebody else."""
    hook = await hook_of(core, FRIEND)
    await core.database.write(lambda: rows.disable(hook.id, core.clock()))
    [before] = await core.parts.messages.recipients.of(FRIEND)
    custom_id = custom_ids.recipient(what, hook.id, MEMBER_ID)
    message = await talk.drawn_by(running.bot, custom_id)
    async with talk.changes(MEMBER_ID) as changes:
        await talk.press(message, custom_id)
        await changes.next("interaction_answered")
    seen = [text_of(one) for one in await talk.seen()]

    assert await core.parts.messages.recipients.of(FRIEND) == [before]
    assert await core.parts.messages.log.of_recipient(hook) == []
    assert not any("h.example" in text for text in seen)


@pytest.mark.usefixtures("running")
async def test_made_up_choices_do_nothing_to_anothers(talk: Talk, core: Core) -> None:
    """Neither a message of another's log, nor a kind that there is not."""
    own, theirs = await hook_of(core), await hook_of(core, FRIEND)
    await core.parts.messages.resending.test(FRIEND, theirs.id)
    await core.parts.messages.resending.test(MEMBER, own.id)
    notice = await core.notices.claim("webhook")
    assert notice is not None
    assert notice.target == str(theirs.id)
    await core.notices.give_up(notice, "no")
    card = await opened(talk)
    told = []
    for placeholder, value in ((REPLAY, str(notice.id)), (REPLAY, "9" * 30), (KINDS, "payment_bananas")):
        told.append(
            await talk.press_id(card, menu(card, placeholder)["custom_id"], values=[value], force=True)
        )
    [delivery] = await core.parts.messages.log.of_recipient(theirs)
    [mine] = await core.parts.messages.recipients.of(MEMBER)

    assert [one["ephemeral"] for one in told] == [True] * 3
    assert "no such message" in text_of(told[0])
    assert "no such message" in text_of(told[1])
    assert "no messages of the kind" in text_of(told[2])
    assert delivery.state == "dead"
    assert mine.kinds == ""
