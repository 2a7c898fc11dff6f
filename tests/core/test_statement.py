"""A statement proves itself, with nothing but the file; whatever is altered in it shows."""

import json
from pathlib import Path
from typing import Any

import pytest

from quota_core.account_statement import Statements
from quota_core.accounts import AccountRef
from quota_core.signing import SigningKey
from quota_core.statement_check import check_statement
from tests.core.catalogs import everything
from tests.core.opened_ledger import OpenLedger, SteerableClock, open_ledger
from tests.core.rich_ledger import ANA, CARL, lived_in

KEY = SigningKey.new()


@pytest.fixture
async def content(tmp_path: Path, clock: SteerableClock) -> bytes:
    """Return the statement of a lived-in account."""
    ledger = await open_ledger(tmp_path / "quota.db", catalog=everything(), clock=clock)
    await lived_in(ledger)
    statement = await Statements(ledger.database, KEY, clock=clock).of(ANA)
    await ledger.close()
    assert statement is not None
    return statement.content


def test_a_statement_is_sound_and_readable(content: bytes) -> None:
    """Names, times and sums for people; digests for machines."""
    checked = check_statement(content, KEY.public_key)
    document = json.loads(content)

    assert checked.problems == ()
    assert (checked.account, checked.earlier) == ("user:1", 0)
    assert checked.entries == len(document["entries"]) > 10
    assert document["entries"][0]["kind"] == "spend"
    assert document["entries"][0]["time"] == "2026-11-20T12:00:00.000Z"
    assert checked.pots["requests/2026-11-20"] == 10


@pytest.mark.parametrize("signed_again", [False, True], ids=["altered", "altered and signed by the same key"])
def test_every_altered_fact_of_an_entry_is_found(content: bytes, *, signed_again: bool) -> None:
    """Even the bot's own key cannot make a chain fit that does not."""
    document = json.loads(content)
    missed = []
    for place, line in enumerate(document["entries"]):
        for name, value in line.items():
            changed = json.loads(content)
            changed["entries"][place][name] = _other(name, value)
            if signed_again:
                changed = KEY.signed(_unsigned(changed))
            try:
                found = check_statement(json.dumps(changed).encode(), KEY.public_key).problems
            except ValueError:
                continue
            if not found:
                missed.append((place, name))

    assert missed == []


def _unsigned(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in ("signature", "public_key")}


def _other(name: str, value: Any) -> Any:
    match value:
        case None:
            return 5
        case int():
            return value + 1
        case str() if name == "time":
            return value.replace("12:", "13:")
        case _:
            return value[:-1] + ("0" if value[-1] != "0" else "1")


@pytest.mark.parametrize("part", ["opening", "closing", "account", "metrics", "made", "format"])
def test_what_surrounds_the_entries_is_signed_too(content: bytes, part: str) -> None:
    """Nothing of the file is outside the signature."""
    document = json.loads(content)
    value = document[part]
    document[part] = value + "x" if isinstance(value, str) else value | {"version": 99}

    try:
        problems = check_statement(json.dumps(document).encode(), KEY.public_key).problems
    except ValueError:
        problems = ("no statement",)
    assert problems


def test_a_missing_or_exchanged_entry_breaks_the_chain(content: bytes) -> None:
    """Whoever signs."""
    left_out, exchanged = _unsigned(json.loads(content)), _unsigned(json.loads(content))
    del left_out["entries"][3]
    lines = exchanged["entries"]
    lines[2], lines[3] = lines[3], lines[2]

    for document in (left_out, exchanged):
        problems = check_statement(json.dumps(KEY.signed(document)).encode(), KEY.public_key).problems
        assert any("does not follow" in problem for problem in problems)


def test_another_key_proves_nothing(content: bytes) -> None:
    """A forger signs too, but not with the bot's key."""
    forged = SigningKey.new().signed(_unsigned(json.loads(content)))

    assert check_statement(json.dumps(forged).encode(), None).problems == ()
    assert "another key" in check_statement(json.dumps(forged).encode(), KEY.public_key).problems[0]


async def test_a_long_history_begins_with_sums(ledger: OpenLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest entries are listed; the chain goes on from the digest of the last one that is not."""
    monkeypatch.setattr("quota_core.account_statement.MAX_ENTRIES", 4)
    for number in range(10):
        await ledger.quota.consume(ANA, 1, key=f"c{number}")
    statement = await Statements(ledger.database, KEY, clock=ledger.clock).of(ANA)
    assert statement is not None
    checked = check_statement(statement.content, KEY.public_key)

    assert (statement.entries, statement.earlier) == (4, 6)
    assert checked.problems == ()
    assert (checked.entries, checked.earlier) == (4, 6)
    assert set(checked.pots.values()) == {10}


async def test_who_did_nothing_has_no_statement(ledger: OpenLedger) -> None:
    """Neither who was never seen nor who only looked."""
    statements = Statements(ledger.database, KEY, clock=ledger.clock)
    await ledger.purchases.viewed(CARL, "shop")

    assert await statements.of(CARL) is None
    assert await statements.of(AccountRef("user", "9")) is None
    assert not await statements.has_entries(CARL)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"format": "jauge-statement-1"}', b"\xff"])
def test_what_is_no_statement_is_refused(content: bytes) -> None:
    """With a reason, and never with a failure."""
    with pytest.raises(ValueError, match=r"."):
        check_statement(content, None)
