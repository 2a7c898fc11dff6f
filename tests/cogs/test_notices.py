"""What is owed is sent: at least once, not twice, in the language it is owed in."""

import pytest

from cogs.connection import DiscordState
from quota_core.settlement import Settlement
from sandbox.places import MEMBER_ID, OPERATOR_ID
from sandbox.server import Sandbox
from tests.cogs.buying import MEMBER, bought
from tests.cogs.stack import Core, Running, running_bot
from tests.cogs.talk import Talk, text_of, title_of

DM_MESSAGES = "channels/[0-9]+/messages$"


async def direct(talk: Talk, *, user: int = MEMBER_ID) -> list[str]:
    """Return the titles of what the bot wrote to a user directly."""
    return [title_of(one) for one in await talk.seen(viewer=user, channel="dm") if one["embeds"]]


async def test_a_purchase_is_confirmed_directly(talk: Talk, core: Core, running: Running) -> None:
    """Units, balance before and after, all that is available, never expires, the order's id."""
    assert running.bot
    await core.spend(20)

    await bought(core)
    message = await talk.next_message("0", channel="dm")

    text = text_of(message)
    assert "**+1,000 requests**" in text
    assert "0 → **1,000**" in text
    assert "1,030 requests" in text
    assert "never expires" in text
    assert "Order ord_" in text
    assert await core.notices.outcome() == "sent"


async def test_it_is_written_in_the_language_of_the_order(talk: Talk, core: Core, running: Running) -> None:
    """Whatever language is spoken elsewhere."""
    assert running.bot

    await bought(core, locale="fr")
    message = await talk.next_message("0", channel="dm")

    assert "requêtes" in text_of(message)
    assert "1 000" in text_of(message)


async def test_a_delayed_payment_is_announced_then_confirmed(
    talk: Talk, core: Core, running: Running
) -> None:
    """Two messages about one order."""
    assert running.bot

    await bought(core, status="pending")
    await core.notices.outcome()
    await bought(core, status="failed")
    await core.notices.outcome()

    assert await direct(talk) == ["⏳ Payment on its way", "❌ Payment failed"]


async def test_a_payment_that_does_not_match_goes_to_the_operator(
    talk: Talk, core: Core, running: Running
) -> None:
    """Nothing is credited, nothing is told to the buyer."""
    assert running.bot

    assert await bought(core, amount_minor=1) is Settlement.MISMATCH
    message = await talk.next_message("0", viewer=OPERATOR_ID, channel="dm")

    assert "amount is 1 instead of 1499" in text_of(message)
    assert await direct(talk) == []


async def test_a_cold_start_sends_what_is_owed(talk: Talk, core: Core) -> None:
    """The row was written in the crediting transaction; no bot had to be there."""
    await bought(core)

    async with running_bot(core.parts):
        message = await talk.next_message("0", channel="dm")

    assert title_of(message) == "✅ Quota added!"


async def test_the_gateway_is_not_needed(talk: Talk, core: Core) -> None:
    """Discord's REST API alone is enough."""
    await talk.fault("gateway", "close", code=4000, times=1000)
    await bought(core)

    async with running_bot(core.parts, until=DiscordState.LOGGED_IN):
        message = await talk.next_message("0", channel="dm")
        await talk.call("DELETE", "faults")

    assert title_of(message) == "✅ Quota added!"


@pytest.mark.parametrize(
    "trouble",
    [
        {"fault": "status", "status": 503},
        {"fault": "status", "status": 520},
        {"fault": "status", "status": 429, "retry_after": 0.2},
        {"fault": "status", "status": 429, "headers": {"Via": ""}, "retry_after": 1},
        {"fault": "status", "status": 503, "html": True},
        {"fault": "cut"},
        {"fault": "lost"},
    ],
    ids=["503", "520", "429", "429 of a proxy", "html", "cut", "lost"],
)
async def test_trouble_delays_a_message_and_never_doubles_it(
    talk: Talk, core: Core, running: Running, trouble: dict[str, object]
) -> None:
    """The same nonce again, until it is there once."""
    assert running.bot
    await talk.fault("discord", times=1, path=DM_MESSAGES, method="POST", **trouble)  # type: ignore[arg-type] # facts of one fault

    await bought(core)
    while await core.notices.outcome() != "sent":
        pass

    assert await direct(talk) == ["✅ Quota added!"]


async def test_a_message_whose_nonce_is_forgotten_is_looked_for(
    talk: Talk, core: Core, running: Running, sandbox: Sandbox
) -> None:
    """After a few minutes Discord forgets nonces, so the channel is read before the next try."""
    assert running.bot
    await talk.fault("discord", "lost", times=1, path=DM_MESSAGES, method="POST")
    await bought(core)
    assert await core.notices.outcome() == "later"
    sandbox.world._nonces.clear()  # as if five minutes had passed

    core.clock.ahead_ms += 10 * 60_000
    core.notices.wake.set()

    assert await core.notices.outcome() == "sent"
    assert await direct(talk) == ["✅ Quota added!"]


async def test_a_known_channel_is_used_again(talk: Talk, core: Core, running: Running) -> None:
    """Opening channels is what Discord watches."""
    assert running.bot
    await bought(core)
    await core.notices.outcome()
    await talk.fault("discord", "status", status=403, times=1, path="users/@me/channels")

    await bought(core)

    assert await core.notices.outcome() == "sent"
    assert [notice.dm_channel_id is None for notice in core.notices.attempts] == [True, False]


async def test_a_channel_that_is_gone_is_opened_again(talk: Talk, core: Core, running: Running) -> None:
    """A saved id may be wrong by now."""
    assert running.bot
    await core.parts.people.direct_channel(MEMBER, 1101500000000000999)

    await bought(core)

    assert await core.notices.outcome() == "sent"
    assert await direct(talk) == ["✅ Quota added!"]


async def test_opened_too_fast_pauses_new_channels(talk: Talk, core: Core, running: Running) -> None:
    """Nothing is opened for ten minutes; nothing is lost."""
    assert running.bot
    body = {"code": 40003, "message": "You are opening direct messages too fast."}
    await talk.fault("discord", "status", status=403, body=body, times=1, path="users/@me/channels")

    await bought(core)
    assert await core.notices.outcome() == "later"
    core.clock.ahead_ms += 11 * 60_000
    core.notices.wake.set()

    # The clock of the ledger moved, the monotonic one did not: the channel stays closed a while.
    assert await core.notices.outcome() == "later"


async def test_a_user_who_is_gone_is_given_up(talk: Talk, core: Core, running: Running) -> None:
    """Discord does not know the id any more."""
    assert running.bot
    body = {"code": 10013, "message": "Unknown User"}
    await talk.fault("discord", "status", status=404, body=body, times=1, path="users/@me/channels")

    await bought(core)

    assert await core.notices.outcome() == "dead"


async def test_closed_direct_messages_hold_nobody_else_up(talk: Talk, core: Core, running: Running) -> None:
    """One request, then kept; the operator's message goes out."""
    assert running.bot
    await talk.post("users", id=str(MEMBER_ID), dms_open=False)

    await bought(core)
    await bought(core, amount_minor=1)

    assert {await core.notices.outcome(), await core.notices.outcome()} == {"kept", "sent"}
    assert await direct(talk) == []
    assert len(core.notices.attempts) == 2


async def test_a_token_refused_while_sending_stops_discord(talk: Talk, core: Core, running: Running) -> None:
    """Nothing more is tried with it; the message stays owed."""
    body = {"code": 0, "message": "401: Unauthorized"}
    await talk.fault("discord", "status", status=401, body=body, times=1, path="users/@me/channels")

    await bought(core)

    assert await core.notices.outcome() == "later"
    await running.states.until(DiscordState.REFUSED)
    await running.task
