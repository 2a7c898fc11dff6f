"""`!notifications`: what somebody chooses, and that it is kept and honoured."""

from typing import Any

import pytest

from quota_core.accounts import AccountRef
from quota_core.alerts import GRACE_MS
from quota_core.preferences import Preference
from sandbox.places import FRIEND_ID, GENERAL_ID, MEMBER_ID
from tests.cogs.stack import Core, Running
from tests.cogs.talk import Talk, button, labels_of, text_of, title_of

Json = dict[str, Any]
MEMBER = AccountRef("user", str(MEMBER_ID))


async def fill(talk: Talk, message: Json, label: str, *, news: str = "message_update", **values: str) -> Json:
    """Press what opens a form, send it, and return the message as it is then, or the new one."""
    async with talk.changes(MEMBER_ID) as changes:
        await talk.press(message, button(message, label))
        form = await changes.next("modal")
    async with talk.changes(MEMBER_ID) as changes:
        await talk.post("modal", as_=MEMBER_ID, interaction=form["interaction"], values=values)
        shown: Json = (await changes.next(news))["message"]
        return shown


@pytest.mark.usefixtures("running")
async def test_the_choices_are_private(talk: Talk) -> None:
    """A message in a server shows a button; the slash form shows the card to its user alone."""
    cover = await talk.answer_to("!notifications")
    opened = await talk.press_label(cover, "Show it to me only")
    card = await talk.slash("notifications")

    assert "Quiet hours" not in text_of(cover)
    assert opened["ephemeral"]
    assert title_of(card) == "🔔 Your notifications"
    assert "receipts, and alerts once you bought something" in text_of(card)
    assert [one for one in await talk.seen(viewer=FRIEND_ID) if one["ephemeral"]] == []


@pytest.mark.usefixtures("running")
async def test_kinds_and_ways_are_turned_on_and_off(talk: Talk, core: Core) -> None:
    """Each press keeps one choice and draws all of them."""
    card = await talk.slash("notifications")
    card = await talk.press_and_watch(card, "Turn on: Direct messages")
    card = await talk.press_and_watch(card, "Turn off: Purchases and payments")

    assert labels_of(card)[:3] == [
        "Turn off: Direct messages",
        "Turn off: Alerts of little quota",
        "Turn on: Purchases and payments",
    ]
    assert await core.parts.messages.preferences.of(MEMBER) == Preference(
        dm="on", muted=frozenset({"billing"})
    )


@pytest.mark.usefixtures("running")
async def test_quiet_hours_are_typed_in(talk: Talk, core: Core) -> None:
    """In the zone of the one who types them; nonsense is explained."""
    card = await talk.slash("notifications")
    card = await fill(talk, card, "Quiet hours", hours="22:00-7:30", zone="Europe/Paris")
    refused = await fill(talk, card, "Quiet hours", news="message_create", hours="at night")

    assert "22:00 to 07:30 (Europe/Paris)" in text_of(card)
    assert "are no hours of a day" in text_of(refused)
    kept = await core.parts.messages.preferences.of(MEMBER)
    assert (kept.quiet, kept.zone) == ((22 * 60, 7 * 60 + 30), "Europe/Paris")


@pytest.mark.usefixtures("running")
async def test_a_webhook_is_added_shown_rotated_and_removed(talk: Talk, core: Core) -> None:
    """The secret is shown once, to its owner."""
    card = await talk.slash("notifications")
    url = "https://hooks.example/in?token=hidden"
    secret = await fill(talk, card, "Add a signed webhook", news="message_create", target=url)
    card = await talk.slash("notifications")
    one = await talk.press_and_watch(card, "1…")
    rotated = await talk.press_label(one, "New secret")
    [kept] = await core.parts.messages.recipients.of(MEMBER)
    gone = await talk.press_and_watch(one, "Remove")

    assert secret["ephemeral"]
    assert "whsec_" in text_of(secret)
    assert "hooks.example" in text_of(card)
    assert "hidden" not in text_of(card) + text_of(one)
    assert str(kept.secret) in text_of(rotated)
    assert "nobody else" in text_of(gone)
    assert await core.parts.messages.recipients.of(MEMBER) == []


@pytest.mark.usefixtures("running")
async def test_an_address_is_confirmed_by_its_code(talk: Talk, core: Core) -> None:
    """A wrong one changes nothing."""
    card = await talk.slash("notifications")
    card = await fill(talk, card, "Add an e-mail address", target="ana@example.org")
    one = await talk.press_and_watch(card, "1…")
    [waiting] = await core.parts.messages.recipients.of(MEMBER)
    wrong = await fill(talk, one, "Enter the code", news="message_create", code="nonsense")
    right = await fill(talk, one, "Enter the code", code=str(waiting.code))

    assert "waits for the code" in text_of(card)
    assert "is not the code" in text_of(wrong)
    assert "Enter the code" not in labels_of(right)
    assert (await core.parts.messages.recipients.of(MEMBER))[0].code is None


@pytest.mark.usefixtures("running")
async def test_nobody_presses_anothers_button(talk: Talk, core: Core) -> None:
    """Nor names another's recipient in a button of their own."""
    await core.parts.messages.recipients.add(MEMBER, "webhook", "https://hooks.example/in")
    card = await talk.slash("notifications")
    [kept] = await core.parts.messages.recipients.of(MEMBER)
    refused = await core.parts.messages.recipients.remove(None, kept.id)

    assert labels_of(card)
    assert not refused
    assert len(await core.parts.messages.recipients.of(MEMBER)) == 1


async def test_an_alert_comes_as_a_direct_message_with_its_ways_out(
    talk: Talk, core: Core, running: Running
) -> None:
    """What a service spent, its user reads a minute later."""
    assert running.bot
    await core.parts.messages.preferences.keep(MEMBER, Preference(dm="on"))
    await core.spend(48)
    await core.parts.messages.alerts.route()
    core.clock.ahead_ms += GRACE_MS
    core.notices.wake.set()
    message = await talk.next_message("0", channel="dm")

    assert title_of(message) == "📊 Quota almost used up!"
    assert labels_of(message) == ["See the options", "Upgrade to Pro"]


async def test_a_channel_of_a_server_is_told(talk: Talk, core: Core, running: Running) -> None:
    """The operators' one, with the account that it is about; a channel that is gone is turned off."""
    assert running.bot
    await core.parts.messages.recipients.add(None, "channel", str(GENERAL_ID))
    await core.parts.messages.recipients.add(None, "channel", "1101500000000000999")
    after = await talk.latest_id()
    await core.spend(48)
    await core.parts.messages.alerts.route()
    message = await talk.next_message(after)
    outcomes = {await core.notices.outcome(), await core.notices.outcome()}
    standing = [one.disabled_ms is None for one in await core.parts.messages.recipients.of(None)]

    assert title_of(message) == "📊 Quota almost used up!"
    assert f"<@{MEMBER_ID}>" in text_of(message)
    assert outcomes == {"sent", "dead"}
    assert standing == [True, False]
