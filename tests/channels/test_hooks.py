"""Signed webhooks and Slack's, posted to a real server."""

import asyncio
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from channels.events import event_body
from channels.standard_webhooks import signed_headers
from quota_core.accounts import AccountRef
from quota_core.events import EVENTS, TEST, TEST_TYPE
from quota_core.notices import Notice
from quota_core.recipients import MAX_FAILURES, OVERLAP_MS, new_secret
from tests.channels.conftest import ANA, Post
from tests.channels.receiver import Receiver

DOCUMENT = Path(__file__).parents[2] / "docs/webhooks.md"


async def test_a_delivery_is_verified_by_the_library_of_the_specification(
    post: Post, receiver: Receiver
) -> None:
    """Id, time and signature; the body says what happened."""
    hook = await post.messages.recipients.add(ANA, "webhook", receiver.url)
    post.clock.now_ms = int(datetime.now(UTC).timestamp() * 1000)  # the library goes by the real time
    async with post.sending():
        await post.cross()
        headers, body = await receiver.next()
        outcome = await post.notices.outcome()
    assert hook.secret is not None
    event = Webhook(hook.secret).verify(body, headers)

    assert outcome == "sent"
    assert event["type"] == "usage.quota.alert"
    assert event["data"]["account"] == "user:1"
    assert (event["data"]["used"], event["data"]["remaining"]) == (48, 2)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(body, headers)


async def test_a_try_that_fails_comes_again_with_the_same_id_and_body(post: Post, receiver: Receiver) -> None:
    """So that a receiver who took the first one knows the second."""
    await post.messages.recipients.add(ANA, "webhook", receiver.url)
    receiver.statuses = [500, 302]
    seen = []
    async with post.sending():
        await post.cross()
        for _ in range(3):
            seen.append(await receiver.next())
            await post.notices.outcome()
            await post.later()

    assert len({(headers["webhook-id"], body) for headers, body in seen}) == 1
    assert len({headers["webhook-signature"] for headers, _ in seen}) == 3
    assert [state for _, state, _ in await post.states()] == ["sent"]


async def test_both_secrets_sign_while_one_replaces_the_other(post: Post, receiver: Receiver) -> None:
    """For a day; then the new one alone."""
    hook = await post.messages.recipients.add(ANA, "webhook", receiver.url)
    secret = await post.messages.recipients.rotate(ANA, hook.id)
    counts = []
    async with post.sending():
        for number in range(2):
            await post.cross(units=48, key=f"{number}")
            headers, _ = await receiver.next()
            counts.append(len(headers["webhook-signature"].split()))
            await post.notices.outcome()
            post.clock.move(ms=OVERLAP_MS)

    assert secret is not None
    assert secret != hook.secret
    assert counts == [2, 1]


async def test_an_endpoint_that_is_gone_is_turned_off_and_its_owner_told(
    post: Post, receiver: Receiver
) -> None:
    """410 says so at once."""
    hook = await post.messages.recipients.add(ANA, "webhook", receiver.url)
    receiver.statuses = [410]
    async with post.sending():
        await post.cross()
        await receiver.next()
        await post.notices.outcome()
        await post.later()
        outcome = await post.notices.outcome()
    [found] = await post.messages.recipients.of(ANA)

    assert outcome == "dead"
    assert found.id == hook.id
    assert found.disabled_ms is not None
    assert [channel for channel, _, _ in await post.states("recipient_disabled")] == ["dm"]


async def test_an_endpoint_that_keeps_failing_is_turned_off(post: Post, receiver: Receiver) -> None:
    """After twenty tries in a row over more than an hour; turned on again it gets what is new."""
    hook = await post.messages.recipients.add(ANA, "webhook", receiver.url)
    receiver.statuses = [503] * MAX_FAILURES
    async with post.sending():
        await post.cross()
        for _ in range(MAX_FAILURES):
            await receiver.next()
            assert await post.notices.outcome() == "later"
            await post.later(hours=2)
        assert await post.notices.outcome() == "dead"
        await post.messages.recipients.enable(ANA, hook.id)
        await post.cross(key="tomorrow")
        await receiver.next()

        assert await post.notices.outcome() == "sent"
    assert [state for _, state, _ in await post.states()] == ["dead", "sent"]


async def test_a_removed_endpoint_gets_nothing_more(post: Post, receiver: Receiver) -> None:
    """Also what was owed to it already."""
    hook = await post.messages.recipients.add(ANA, "webhook", receiver.url)
    await post.cross()
    stranger = await post.messages.recipients.remove(AccountRef("user", "2"), hook.id)
    owner = await post.messages.recipients.remove(ANA, hook.id)
    async with post.sending():
        outcome = await post.notices.outcome()

    assert (stranger, owner, outcome) == (False, True, "dead")
    assert receiver.came.empty()


async def test_one_slow_receiver_holds_up_nobody(post: Post, receiver: Receiver) -> None:
    """A closed port and a good one: the good one is served meanwhile."""
    await post.messages.recipients.add(ANA, "webhook", "http://127.0.0.1:9/closed")
    await post.messages.recipients.add(ANA, "webhook", receiver.url)
    async with post.sending():
        await post.cross()
        await receiver.next()
        outcomes = {await post.notices.outcome(), await post.notices.outcome()}

    assert outcomes == {"sent", "later"}


async def test_slack_gets_text_without_our_marks(post: Post, receiver: Receiver) -> None:
    """Plain words, moments as dates, nothing that Slack would read as a command."""
    await post.messages.recipients.add(None, "slack", receiver.url)
    async with post.sending():
        await post.cross(AccountRef("external", "project:<!channel>"))
        _, body = await receiver.next()
    text = json.loads(body)["text"]

    assert text.startswith(
        "📊 Quota almost used up!\nproject:&lt;!channel&gt;\nYou have used 96% of your daily quota."
    )
    assert "**" not in text
    assert "<" not in text
    assert re.search(r"Resets: .*2026.*\(UTC\)", text)


async def test_slack_compatible_addresses_call_nobody(post: Post, receiver: Receiver) -> None:
    """Discord's and Mattermost's own take a bare @everyone for a call to everybody."""
    await post.messages.recipients.add(None, "slack", receiver.url)
    async with post.sending():
        await post.cross(AccountRef("external", "project:@everyone:@here"))
        _, body = await receiver.next()
    text = json.loads(body)["text"]

    assert "everyone" in text
    assert re.search(r"@\w", text) is None


async def test_what_was_meant_for_one_recipient_never_goes_to_the_next(
    post: Post, receiver: Receiver
) -> None:
    """A removed recipient's number is nobody else's, and so are its owed messages and its log."""
    recipients, ben = post.messages.recipients, AccountRef("user", "2")
    mine = await recipients.add(ANA, "slack", "http://127.0.0.1:9/ana")
    await post.cross()
    await recipients.remove(ANA, mine.id)
    theirs = await recipients.add(ben, "slack", receiver.url)
    async with post.sending():
        outcome = await post.notices.outcome()

    assert theirs.id != mine.id
    assert outcome == "dead"
    assert receiver.came.empty()
    assert await post.messages.log.of_recipient(theirs) == []


@pytest.mark.parametrize("channel", ["slack", "webhook"])
async def test_no_failure_repeats_the_address(
    post: Post, caplog: pytest.LogCaptureFixture, channel: str
) -> None:
    """The path of a Slack address is a secret: not in the log, nor in the list of deliveries."""

    async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"this is no HTTP\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(nonsense, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/services/CANARY?token=CANARY"
    await post.messages.recipients.add(ANA, channel, url)
    async with server, post.sending():
        await post.cross()
        outcome = await post.notices.outcome()
    [(_, _, failure)] = await post.states()

    assert outcome == "later"
    assert failure == "ClientResponseError"
    assert "CANARY" not in caplog.text


async def test_what_cannot_be_made_into_a_message_holds_up_nobody(post: Post, receiver: Receiver) -> None:
    """A notice of another version of the program, say: it is tried later, and ends one day."""
    await post.messages.recipients.add(ANA, "slack", receiver.url)
    await post.cross()
    await post.ledger.execute("UPDATE notices SET facts = '{}'")
    ben = AccountRef("user", "2")
    await post.messages.recipients.add(ben, "slack", receiver.url)
    await post.cross(ben)
    async with post.sending():
        await receiver.next()
        outcomes = {await post.notices.outcome(), await post.notices.outcome()}

    assert outcomes == {"later", "sent"}
    assert ("slack", "owed", "it could not be made into a message") in await post.states()


def test_signatures_are_those_of_the_specification() -> None:
    """Its own example: id, time, body, secret."""
    headers = signed_headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )

    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


FACTS: Mapping[str, Mapping[str, Any]] = {
    "quota_alert": {
        "metric": "requests",
        "window": "day",
        "period": "2026-11-20",
        "threshold": 95,
        "severity": "warning",
        "used": 48,
        "limit": 50,
        "resets_ms": 1795219200000,
        "plan": "free",
        "overage_policy": "block",
        "purchased_left": 0,
    },
    "purchase": {
        "order": "ord_019a",
        "package": "quota_1000",
        "metric": "requests",
        "units": 1000,
        "price_minor": 1499,
        "currency": "EUR",
        "account": "user:1",
        "before": 30,
        "after": 1030,
        "total": 1080,
        "entry": 7,
    },
    "payment_pending": {
        "order": "ord_019a",
        "package": "quota_1000",
        "metric": "requests",
        "units": 1000,
        "price_minor": 1499,
        "currency": "EUR",
        "account": "user:1",
    },
    "payment_failed": {
        "order": "ord_019a",
        "package": "quota_1000",
        "metric": "requests",
        "units": 1000,
        "price_minor": 1499,
        "currency": "EUR",
        "account": "user:1",
    },
    "reversal": {
        "order": "ord_019a",
        "package": "quota_1000",
        "metric": "requests",
        "units": 1000,
        "account": "user:1",
        "change": "take_back",
        "cause": "refund",
        "returned_minor": 1499,
        "currency": "EUR",
        "debt": 200,
        "after": 0,
        "entry": 9,
    },
    "received": {
        "metric": "requests",
        "units": 30,
        "server": "guild:7",
        "server_name": "Makers",
        "after": 30,
        "entry": 9,
    },
    "dispute_opened": {
        "order": "ord_019a",
        "reference": "dp_1",
        "price_minor": 1499,
        "currency": "EUR",
        "account": "user:1",
        "units": 1000,
        "metric": "requests",
    },
    "recipient_test": {"recipient": 7},
    "payment_held": {
        "difference": "amount is 1 instead of 1499",
        "event": "evt_1",
        "reference": "cs_test_1",
        "order": "ord_019a",
    },
}


def noticed(kind: str) -> Notice:
    """Return a notice of a kind."""
    return Notice(
        id=1,
        account=ANA,
        account_id=1,
        kind=kind,
        facts=FACTS[kind],
        locale="en",
        nonce="0" * 24,
        attempts=1,
        fence=1,
        created_ms=1795176000000,
        dm_channel_id=None,
        channel="webhook",
        target="1",
    )


def test_the_document_shows_every_event_as_it_is_sent() -> None:
    """What stands in docs/webhooks.md is what receivers get."""
    blocks = re.findall(r"```json\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    shown = {event["type"]: event for event in map(json.loads, blocks)}

    types = {TEST: TEST_TYPE, **{kind: event.type for kind, event in EVENTS.items()}}
    assert shown == {types[kind]: json.loads(event_body(noticed(kind))) for kind in FACTS}
    assert set(FACTS) == set(types)
