"""Any row that is altered, removed, repeated or exchanged is found, or here stands why nothing can find it."""

import json
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from quota_core.errors import ConstraintError
from quota_core.proof import Proof
from tests.core.catalogs import everything
from tests.core.opened_ledger import OpenLedger, SteerableClock, open_ledger
from tests.core.rich_ledger import lived_in

# Tables of which the ledger's numbers say nothing, and why they need no proof by them.
BESIDE_THE_LEDGER = {
    "deliveries": "what Stripe posted; Stripe has the original",
    "reversals": "what Stripe reported of refunds and disputes; Stripe has the original, lots agree with it",
    "views": "openings of the shop, for statistics",
    "api_keys": "who may ask; a key that was altered is refused",
    "marks": "how far a recurring check has come",
    "migrations": "the version of the schema",
    "erasures": "who asked to be forgotten, until it is done",
    "pools": "what a server's admins set; what was drawn is in the entries",
    "pool_caps": "the same",
    "leases": "which process does what, just now",
    "recipients": "where messages go",
    "preferences": "what people chose about messages",
    "consents": "who agreed to use paid units; the entries say what was used",
}
# Columns of rows that were altered without anything to show it, and why. A second word limits it to such rows.
WITHOUT_WITNESS = {
    "accounts.locale": "the language last seen, learned again at the next interaction",
    "accounts.dm_channel_id": "what Discord says of the person, asked again when it fails",
    "audit.id": "a number that nothing refers to",
    "holds.id": "a number that nothing refers to",
    "notices.id": "a number that nothing refers to",
    "notices.nonce": "drawn at random",
    "notices.state": "how far the sending is",
    "notices.attempts": "how far the sending is",
    "notices.next_ms": "how far the sending is",
    "notices.fence": "how far the sending is",
    "notices.lease_until_ms": "how far the sending is",
    "notices.sent_ms": "how far the sending is",
    "notices.failure": "how far the sending is",
    "notices.created_ms payment": "when a state was told that brought nothing",
    "notices.created_ms quota": "when a threshold was told that may be told later",
    "notices.account dispute": "who is an operator stands in the settings",
    "notices.account payment_held": "the same",
    "notices.account recipient": "whose recipient it was; it may be removed since",
    "notices.locale recipient": "the language of who hears of it",
    "notices.locale dispute": "the language that an operator had then",
    "notices.locale payment_held": "the same",
    "notices.locale received": "the language that the member had then",
    "notices.locale quota": "the language that the account had then",
    "notices.locale other": "the language of who hears of it too",
    "notices.target other": "who hears of it too, and may be removed since",
    "orders.url": "the provider's page; it decides what is paid there",
    "orders.attempt": "how often the provider was asked for a page",
    "orders.refund_failures": "how often a refund met a failure that the provider keeps",
    "orders.receipt_url": "the provider's page",
    "orders.after_entry": "where an unpaid order is shown in the history",
    "orders.reference unpaid": "the provider's page; a payment there must agree with the order",
    "orders.payment unpaid": "the provider's page",
    "orders.parameters unpaid": "what the page was opened with; a payment there must agree with the order",
    "orders.state open": "open or expired: no payment either way",
    "crossings.percent": "the limit that was crossed stands in the catalog",
    "usage_days.day": "the time zone that makes it stands in the catalog",
    "crossings.routed": "how far the telling is",
    "crossings.shown": "how far the telling is",
}
# What messages tell that stands nowhere else: by kind, the facts, and why.
TOLD_ONCE = {
    "reversal": (("returned_minor",), "the money that had gone back by then, within what its units allow"),
    "received": (("server_name",), "what Discord called the server"),
    "payment_held": (("difference", "event", "order"), "what Stripe reported; Stripe has the original"),
    "recipient_code": (("code",), "it is drawn at random"),
    "quota_alert": (
        ("window", "severity", "used", "limit", "resets_ms", "plan", "overage_policy", "purchased_left"),
        "what the catalog and the account said when it was told",
    ),
}
# Messages whose removal nothing shows, and why.
TOLD_BY_CHOICE = {
    "dispute_opened": "who is an operator stands in the settings",
    "payment_held": "the same",
    "quota_alert": "who wants to hear of it is their choice",
    "recipient_code": "who asked for it may have removed the address since",
    "recipient_test": "the same",
}
REMOVED_WITHOUT_TRACE = {
    "orders open": "nobody paid it, and nothing was told of it",
    "crossings": "a threshold may be told twice",
}


@pytest.fixture
async def rich(tmp_path: Path, clock: SteerableClock) -> AsyncIterator[OpenLedger]:
    """Return a lived-in ledger without what stands in the way of someone who edits the file."""
    ledger = await open_ledger(tmp_path / "quota.db", catalog=everything(), clock=clock)
    await lived_in(ledger)
    for (trigger,) in await ledger.rows("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
        await ledger.execute(f"DROP TRIGGER {trigger}")
    await ledger.rows("PRAGMA foreign_keys = OFF")
    await ledger.rows("PRAGMA ignore_check_constraints = ON")
    yield ledger
    await ledger.close()


async def problems(ledger: OpenLedger) -> list[str]:
    """Verify everything."""
    return (await Proof(ledger.database).verify()).problems


async def columns_of(ledger: OpenLedger, table: str) -> list[str]:
    """Return the names of a table's columns."""
    return [row[1] for row in await ledger.rows(f"PRAGMA table_info({table})")]


async def rows_of(ledger: OpenLedger, table: str) -> list[dict[str, Any]]:
    """Return every row of a table, by the names of its columns."""
    names = await columns_of(ledger, table)
    return [
        dict(zip(names, row, strict=True))
        for row in await ledger.rows(f"SELECT {', '.join(names)} FROM {table}")
    ]


def others(value: Any) -> Iterator[Any]:
    """Yield what a column may be altered to: one bit of a number, one byte of a text, nothing at all."""
    match value:
        case None:
            yield from (1, "x")
        case int():
            yield from (value ^ 1, value ^ (1 << 20), -value - 1, None)
        case str():
            yield from (value[:at] + chr(ord(value[at]) ^ 1) + value[at + 1 :] for at in range(len(value)))
            yield from (value + "0", None)
        case bytes():
            yield from (value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :] for at in range(len(value)))


def is_excused(table: str, column: str, row: dict[str, Any], changed: Any) -> bool:
    """Tell whether nothing can show that this was altered."""
    name = f"{table}.{column}"
    kinds = [name]
    if table == "orders" and row["state"] != "paid":
        kinds.append(f"{name} unpaid")
        if row["state"] in ("open", "expired") and changed in ("open", "expired"):
            kinds.append(f"{name} open")
    if table == "notices":
        return any(kind in WITHOUT_WITNESS for kind in (name, *_kinds_of_notice(name, row))) or (
            column == "facts" and _is_told_once(row["kind"], row["facts"], changed)
        )
    return any(kind in WITHOUT_WITNESS for kind in kinds)


def _kinds_of_notice(name: str, row: dict[str, Any]) -> Iterator[str]:
    """Yield under which names a column of a notice may be excused."""
    yield f"{name} {row['kind']}"
    yield f"{name} {row['kind'].partition('_')[0]}"
    if row["channel"] != "dm":
        yield f"{name} other"


def _is_told_once(kind: str, facts: str, changed: Any) -> bool:
    """Tell whether a message differs in nothing but what stands nowhere else."""
    names, _ = TOLD_ONCE.get(kind, ((), ""))
    try:
        said, other = json.loads(facts), json.loads(changed)
    except (TypeError, ValueError):
        return False
    return said.keys() == other.keys() and all(name in names for name in said if said[name] != other[name])


TABLES = (
    *("accounts", "balances", "allowances", "debts", "lots", "orders", "notices", "entries", "audit"),
    *("crossings", "metrics", "holds", "usage_days"),
)


async def test_every_table_is_proved_or_its_reason_stands_here(rich: OpenLedger) -> None:
    """A new table must be thought of."""
    names = {row[0] for row in await rich.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}

    assert names - set(TABLES) - {"payers"} <= BESIDE_THE_LEDGER.keys()
    assert await problems(rich) == []


async def alter(ledger: OpenLedger, table: str, row: dict[str, Any], column: str, value: Any) -> bool:
    """Change one value of one row; False where the file itself refuses it."""
    where = " AND ".join(f"{name} IS ${number}" for number, name in enumerate(row, 2))
    try:
        await ledger.execute(f"UPDATE {table} SET {column} = $1 WHERE {where}", value, *row.values())
    except ConstraintError:
        return False  # STRICT, NOT NULL or UNIQUE
    return True


def _kind_of_message(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["kind"], row["channel"], json.loads(row["facts"]).get("change")


@pytest.mark.parametrize("table", TABLES)
async def test_any_altered_value_is_found(rich: OpenLedger, table: str) -> None:
    """Each row, each column, each byte of a text."""
    missed, tried = [], 0
    kinds: set[object] = set()
    for row in await rows_of(rich, table):
        kind = _kind_of_message(row) if table == "notices" else len(kinds)
        if kind in kinds:
            continue  # another message of a kind says as much
        kinds.add(kind)
        for column, value in row.items():
            for changed in others(value):
                if changed == value or not await alter(rich, table, row, column, changed):
                    continue
                tried += 1
                if not await problems(rich) and not is_excused(table, column, row, changed):
                    missed.append(f"{table}.{column}: {value!r} -> {changed!r}")
                assert await alter(rich, table, row | {column: changed}, column, value)

    assert missed == []
    assert tried > 0
    assert await problems(rich) == []


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("entries", "at_ms", 2**63 - 1),
        ("entries", "at_ms", -(2**63)),
        ("orders", "price_minor", 0),
        ("orders", "id", ""),
    ],
)
async def test_values_that_no_program_could_write_are_found_too(
    rich: OpenLedger, table: str, column: str, value: Any
) -> None:
    """A time that no calendar has, a price to divide by, an id that nothing lies behind: named, and no failure."""
    missed = []
    for row in await rows_of(rich, table):
        if row.get("state", "paid") not in ("paid", "pending", "failed"):
            continue  # nobody was told of it
        assert await alter(rich, table, row, column, value)
        if not await problems(rich):
            missed.append(row)
        assert await alter(rich, table, row | {column: value}, column, row[column])

    assert missed == []
    assert await problems(rich) == []


async def put_back(ledger: OpenLedger, table: str, row: dict[str, Any]) -> None:
    """Insert a row as it was."""
    marks = ", ".join(f"${number}" for number in range(1, len(row) + 1))
    await ledger.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", *row.values())


async def take_out(ledger: OpenLedger, table: str, row: dict[str, Any]) -> None:
    """Delete a row."""
    where = " AND ".join(f"{name} IS ${number}" for number, name in enumerate(row, 1))
    await ledger.execute(f"DELETE FROM {table} WHERE {where}", *row.values())


@pytest.mark.parametrize("table", TABLES)
async def test_any_removed_row_is_found(rich: OpenLedger, table: str) -> None:
    """One after the other."""
    missed = []
    for row in await rows_of(rich, table):
        await take_out(rich, table, row)
        excused = table in REMOVED_WITHOUT_TRACE or (
            (table == "orders" and row["state"] in ("open", "expired"))
            or (table == "notices" and (row["kind"] in TOLD_BY_CHOICE or row["channel"] != "dm"))
        )
        if not await problems(rich) and not excused:
            missed.append(row)
        await put_back(rich, table, row)

    assert missed == []
    assert await problems(rich) == []


@pytest.mark.parametrize("table", ["entries", "lots", "accounts", "audit", "notices", "holds"])
async def test_any_repeated_row_is_found(rich: OpenLedger, table: str) -> None:
    """Under a new number; where the file itself refuses a second one, that is found too."""
    missed = []
    for row in await rows_of(rich, table):
        copy = row | {"id": 1000}
        try:
            await put_back(rich, table, copy)
        except ConstraintError:
            continue
        if not await problems(rich):
            missed.append(row)
        await take_out(rich, table, copy)

    assert missed == []


@pytest.mark.parametrize("table", ["entries", "lots", "accounts"])
async def test_any_two_exchanged_rows_are_found(rich: OpenLedger, table: str) -> None:
    """Each with the one behind it: what one said, the other says now."""
    missed = []
    rows = await rows_of(rich, table)
    for one, other in pairwise(rows):
        await take_out(rich, table, one)
        await take_out(rich, table, other)
        swapped = (one | {"id": other["id"]}, other | {"id": one["id"]})
        for row in swapped:
            await put_back(rich, table, row)
        if not await problems(rich):
            missed.append((one, other))
        for row in swapped:
            await take_out(rich, table, row)
        for row in (one, other):
            await put_back(rich, table, row)

    assert missed == []
    assert await problems(rich) == []


@pytest.mark.parametrize("table", ["payers"])
async def test_what_nothing_made_is_found(rich: OpenLedger, table: str) -> None:
    """Tables for later are empty until then."""
    await rich.execute(f"INSERT INTO {table} VALUES (1, 0, 2, NULL)")

    assert table in (await problems(rich))[0]


async def test_the_first_bad_entry_is_named_first(rich: OpenLedger) -> None:
    """Then what follows from it; never more than twenty."""
    await rich.execute("UPDATE entries SET units = units + 1 WHERE id IN (4, 9)")
    await rich.execute("UPDATE balances SET active_ms = 1")
    last = (await rich.rows("SELECT max(account) FROM balances"))[0][0]
    found = await problems(rich)

    assert found[0].startswith("entry 4:")
    assert any(problem.startswith("entry 9:") for problem in found)
    assert found[-1].startswith(f"account {last}:")


LIES = (
    """facts = replace(facts, '"change": "take_back"', '"change": "restore"')""",
    """facts = replace(facts, '"cause": "dispute"', '"cause": "refund"')""",
    """facts = replace(facts, '"returned_minor": 150', '"returned_minor": 399')""",
)


@pytest.mark.parametrize("lie", LIES)
async def test_a_message_that_tells_something_else_is_found(rich: OpenLedger, lie: str) -> None:
    """Also where it reads as one that could have been sent."""
    before = await rows_of(rich, "notices")
    await rich.execute(f"UPDATE notices SET {lie}")

    assert await rows_of(rich, "notices") != before
    assert all(problem.startswith("notice") for problem in await problems(rich))
    assert await problems(rich)
