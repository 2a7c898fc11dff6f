"""Both halves of a transfer are proved: by the chain, and against each other where somebody made the chain fit."""

from collections.abc import AsyncIterator
from itertools import takewhile

import pytest

from quota_core.accounts import AccountRef
from quota_core.chain import digest_of
from quota_core.operators import Actor
from quota_core.proof import Proof
from quota_core.witnesses import first_digest
from tests.core.catalogs import everything
from tests.core.opened_ledger import OPERATOR, OpenLedger, Place, SteerableClock, open_ledger
from tests.core.test_proof_rows import alter, others, put_back, rows_of, take_out

GUILD, ANA, BEN = AccountRef("guild", "7"), AccountRef("user", "1"), AccountRef("user", "2")
MANAGER = Actor(user_id=5, guild_id=7, manages_guild=True)
ENDS = 1_800_000_000_000


@pytest.fixture
def engine() -> str:
    """Return the engine of whoever edits a file."""
    return "sqlite"


@pytest.fixture
async def moved(place: Place, clock: SteerableClock) -> AsyncIterator[OpenLedger]:
    """Return a ledger in which units moved, without what stands in the way of someone who edits the file."""
    ledger = await open_ledger(place, catalog=everything(), clock=clock)
    await ledger.grants.add(BEN, 1, actor=OPERATOR, reason="", key="b")
    await ledger.grants.add(GUILD, 9, actor=OPERATOR, reason="", key="g", expires_ms=ENDS)
    await ledger.grants.add(GUILD, 9, actor=OPERATOR, reason="", key="g2", metric="renders")
    clock.move(seconds=1)
    await ledger.transfers.move(7, ANA, 4, actor=MANAGER, key="t")
    await ledger.tamper("DELETE FROM erasures")
    await ledger.rows("PRAGMA ignore_check_constraints = ON")
    yield ledger
    await ledger.close()


async def problems(ledger: OpenLedger) -> list[str]:
    """Verify everything."""
    return (await Proof(ledger.database).verify()).problems


async def seal_again(ledger: OpenLedger, account: AccountRef) -> None:
    """Make the chain of an account fit what its entries say now, as who knows the format can."""
    number, created_ms = (
        await ledger.rows(
            "SELECT id, created_ms FROM accounts WHERE kind = $1 AND external_id = $2", *account
        )
    )[0]
    version, head, digest, at_ms = 0, 0, first_digest(*account, created_ms), created_ms
    for entry in await ledger.entries():
        if entry.account == number:
            version, at_ms = version + 1, entry.at_ms
            fresh = entry._replace(version=version, prev=head)
            head, digest = entry.id, digest_of(fresh, digest)
            await ledger.execute(
                "UPDATE entries SET version = $2, prev = $3, digest = $4 WHERE id = $1",
                *(entry.id, version, fresh.prev, digest),
            )
    await ledger.execute(
        "UPDATE balances SET version = $2, head = $3, digest = $4, active_ms = $5 WHERE account = $1",
        *(number, version, head, digest, at_ms),
    )


async def test_any_altered_value_of_a_transfer_is_found(moved: OpenLedger) -> None:
    """Each column of both entries and of the member's lot, each byte of a text."""
    missed, tried = [], 0
    entries = [("entries", row) for row in await rows_of(moved, "entries") if row["kind"] == 19]
    lots = [("lots", row) for row in await rows_of(moved, "lots") if row["id"] == 4]
    for table, row in entries + lots:
        for column, value in row.items():
            for changed in others(value):
                if changed == value or not await alter(moved, table, row, column, changed):
                    continue
                tried += 1
                if not await problems(moved):
                    missed.append(f"{table}.{column}: {value!r} -> {changed!r}")
                assert await alter(moved, table, row | {column: changed}, column, value)

    assert (len(entries), len(lots)) == (2, 1)
    assert missed == []
    assert tried > 200
    assert await problems(moved) == []


async def test_a_missing_half_is_found(moved: OpenLedger) -> None:
    """Either one, also where the chain and the lots were made to fit."""
    rows = [row for row in await rows_of(moved, "entries") if row["kind"] == 19]
    lot = next(row for row in await rows_of(moved, "lots") if row["id"] == 4)
    await take_out(moved, "entries", rows[0])
    await moved.execute("UPDATE lots SET left_units = left_units + 4 WHERE id = 2")
    await seal_again(moved, GUILD)
    without_out = await problems(moved)
    await put_back(moved, "entries", rows[0])
    await moved.execute("UPDATE lots SET left_units = left_units - 4 WHERE id = 2")
    await seal_again(moved, GUILD)
    await take_out(moved, "entries", rows[1])
    await take_out(moved, "lots", lot)
    await seal_again(moved, ANA)
    without_into = await problems(moved)

    assert without_out[0] == f"entry {rows[1]['id']}: brings units that account 2 did not give"
    assert without_into[-1] == (
        f"entry {rows[0]['id']}: 4 units went to account {rows[1]['account']}, and no entry of it says so"
    )


LIES = {
    "another member": ("out", "parts = replace(parts, '~to=', '~to=1')", ""),
    "another server": ("into", "parts = replace(parts, '~from=2', '~from=1')", ""),
    "nobody gave": ("into", "parts = replace(parts, '~from=', '~until=')", ""),
    "to and from": ("into", "parts = parts || ' ~to=1'", ""),
    "fewer left": (
        "out",
        "units = 3, parts = replace(parts, '=-4', '=-3'), purchased_left = 6",
        "UPDATE lots SET left_units = 6 WHERE id = 2",
    ),
    "more came": (
        "into",
        "units = 5, parts = replace(parts, '#4=4', '#4=5'), purchased_left = 5",
        "UPDATE lots SET left_units = 5, units = 5 WHERE id = 4",
    ),
    "for longer": (
        "into",
        f"parts = replace(parts, '{ENDS}', '{ENDS + 1}')",
        f"UPDATE lots SET expires_ms = {ENDS + 1} WHERE id = 4",
    ),
    "for ever": (
        "into",
        f"parts = replace(parts, '@4={ENDS} ', '')",
        "UPDATE lots SET expires_ms = NULL WHERE id = 4",
    ),
    "at another time": (
        "into",
        "at_ms = at_ms + 1",
        "UPDATE lots SET created_ms = created_ms + 1 WHERE id = 4",
    ),
    "under another key": ("into", "key = zeroblob(16)", ""),
    "of another metric": ("into", "metric = metric + 1", "UPDATE lots SET metric = metric + 1 WHERE id = 4"),
    "with a debt that paid": ("out", "parts = parts || ' !=1'", "INSERT INTO debts VALUES (2, 1, 1)"),
    "with a window": ("out", "parts = parts || ' 2026-11-20=1'", ""),
}


@pytest.mark.parametrize("lie", LIES)
async def test_halves_that_do_not_fit_are_found(moved: OpenLedger, lie: str) -> None:
    """Although each chain, lot and balance was made to agree with what its entries say now."""
    half, change, rows = LIES[lie]
    out, into = [entry for entry in await moved.entries() if entry.kind == 19]
    await moved.execute(f"UPDATE entries SET {change} WHERE id = $1", (out if half == "out" else into).id)
    if rows:
        await moved.execute(rows)
    await seal_again(moved, GUILD if half == "out" else ANA)
    found = await problems(moved)

    assert found
    assert not [problem for problem in found if "digest" in problem]
    assert list(takewhile(lambda problem: problem.startswith("entry"), found))
