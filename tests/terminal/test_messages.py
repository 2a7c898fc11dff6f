"""`notices`: what became of messages, and who gets them."""

import pytest

from quota_core.accounts import AccountRef
from terminal.desk import Desk
from terminal.messages import MessageDesk
from tests.core.opened_ledger import OpenLedger

ANA = AccountRef("user", "1")


@pytest.fixture
def desk(ledger: OpenLedger) -> Desk:
    """Return a desk with its commands about messages."""
    messages = MessageDesk(ledger.messages)
    return Desk(ledger.database, ledger.keys, clock=ledger.clock, messages=messages)


async def ask(desk: Desk, command: str, **options: object) -> tuple[int, list[str]]:
    """Return the exit code and the lines of a command."""
    lines: list[str] = []
    code = await desk.do(f"notices {command}", options, lines.append)
    return code, lines


async def test_recipients_are_added_shown_rotated_and_removed(desk: Desk) -> None:
    """A secret is shown once; an address only by its host."""
    url = "https://hooks.example/in?token=hidden"
    added, lines = await ask(
        desk, "add", channel="webhook", target=url, account=None, events=["usage.quota.alert"], locale=None
    )
    _, listed = await ask(desk, "recipients")
    rotated, secret = await ask(desk, "rotate", id=1)
    removed, _ = await ask(desk, "remove", id=1)
    unknown, _ = await ask(desk, "remove", id=1)

    assert (added, rotated, removed, unknown) == (0, 0, 0, 1)
    assert lines[1].startswith("whsec_")
    assert secret[0] != lines[1]
    assert "hooks.example" in listed[0]
    assert "quota_alert" in listed[0]
    assert "hidden" not in listed[0]


async def test_a_recipient_is_tried(desk: Desk) -> None:
    """The test stands in the log; what hinders it is explained."""
    await ask(desk, "add", channel="slack", target="https://a.example", account=None, events=[], locale=None)
    sent, _ = await ask(desk, "test", id=1)
    _, listed = await ask(desk, "list", state=None, limit=5)
    again, why = await ask(desk, "test", id=1)
    unknown, _ = await ask(desk, "test", id=2)

    assert (sent, again, unknown) == (0, 1, 1)
    assert "recipient_test" in listed[0]
    assert "wait a second" in why[0]


async def test_what_cannot_be_added_is_explained(desk: Desk) -> None:
    """Each with what to do instead."""
    for channel, target, events, word in (
        ("webhook", "http://plain.example", [], "https"),
        ("email", "nobody", [], "address"),
        ("slack", "https://hooks.example", ["no.such"], "usage.quota.alert"),
    ):
        code, lines = await ask(
            desk, "add", channel=channel, target=target, account=None, events=events, locale=None
        )

        assert code == 2
        assert word in lines[0]


async def test_a_message_that_was_given_up_is_sent_again(desk: Desk, ledger: OpenLedger) -> None:
    """Under the same id, with all its tries before it."""
    await ledger.messages.recipients.add(ANA, "webhook", "https://hooks.example/in")
    await ledger.quota.consume(ANA, 48, key="a")
    await ledger.messages.alerts.route()
    first = await ledger.notices.claim("webhook")
    assert first is not None
    await ledger.notices.give_up(first, "answered 500")
    _, dead = await ask(desk, "list", state="dead", limit=10)
    code, _ = await ask(desk, "retry", id=first.id)
    again, _ = await ask(desk, "retry", id=first.id)
    second = await ledger.notices.claim("webhook")

    assert "answered 500" in dead[0]
    assert (code, again) == (0, 1)
    assert second is not None
    assert (second.nonce, second.attempts) == (first.nonce, 1)
