"""Balances that are written late: nobody reads an old one, and a crash loses none."""

import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from quota_core.accounts import AccountRef
from quota_core.catalog import Catalog
from quota_core.catalog_file import load
from quota_core.errors import HaltedError
from quota_core.proof import Proof
from quota_core.recent_check import check_recent
from quota_core.statements import Row
from tests.core.catalogs import everything
from tests.core.opened_ledger import OPERATOR, OpenLedger, SteerableClock, open_ledger
from tests.core.recounting import assert_sound

ANA = AccountRef("user", "1")
PEOPLE = [AccountRef("user", str(number)) for number in range(1, 41)]
BALANCES = "SELECT account, version, head, digest, active_ms, windows FROM balances ORDER BY account"


@pytest.fixture
def engine() -> str:
    """Return the only engine that one process owns."""
    return "sqlite"


def as_after_a_crash(ledger: OpenLedger, place: Path) -> Path:
    """Copy the file and its log as they are now, which is what a killed process leaves."""
    place.mkdir()
    for end in ("", "-wal"):
        file = ledger.path.with_name(ledger.path.name + end)
        shutil.copy(file, place / file.name)
    return place / ledger.path.name


def written(file: Path) -> list[Row]:
    """Return the balances as their rows have them."""
    with closing(sqlite3.connect(file)) as connection:
        return list(connection.execute(BALANCES))


async def spend_from(ledger: OpenLedger, people: Sequence[AccountRef], key: str, units: int = 1) -> None:
    """Let each of these spend once, all together."""
    operations = [ledger.quota.operation(one, units, key=f"{key}.{one}") for one in people]
    assert not [one for one in await ledger.quota.consume_many(operations) if isinstance(one, Exception)]


async def test_a_reader_never_meets_a_late_balance(ledger: OpenLedger, tmp_path: Path) -> None:
    """Rows stay as they were while people spend, and are there as soon as anything reads them."""
    await spend_from(ledger, PEOPLE, "first")
    before = written(as_after_a_crash(ledger, tmp_path / "before"))
    await spend_from(ledger, PEOPLE, "second")
    behind = written(as_after_a_crash(ledger, tmp_path / "behind"))
    read = await ledger.rows(BALANCES)
    after = written(as_after_a_crash(ledger, tmp_path / "after"))

    assert [row[1] for row in before] == [1] * len(PEOPLE)
    assert behind == before
    assert [row[1] for row in read] == [2] * len(PEOPLE)
    assert after == read


async def test_a_crash_loses_no_balance(
    ledger: OpenLedger, tmp_path: Path, catalog: Catalog, clock: SteerableClock
) -> None:
    """The entries say what the rows did not: the next process writes them, and goes on."""
    await ledger.grants.add(ANA, 5, actor=OPERATOR, reason="", key="g")
    for number in range(6):
        await spend_from(ledger, PEOPLE[: 5 * number + 5], f"m{number}", units=1 + number % 2)
        clock.move(seconds=1)
    await ledger.quota.give_back(ANA, key=f"m1.{ANA}")
    await spend_from(ledger, PEOPLE[:7], "last")
    crashed = as_after_a_crash(ledger, tmp_path / "crashed")
    wanted = await ledger.rows(BALANCES)
    late = written(as_after_a_crash(ledger, tmp_path / "again"))
    next_life = await open_ledger(crashed, catalog=catalog, clock=clock)
    found = await next_life.rows(BALANCES)
    await spend_from(next_life, PEOPLE, "next")
    await assert_sound(next_life)
    await next_life.close()

    assert late == wanted
    assert found == wanted


@settings(max_examples=15)
@example([(0, 1, True), (0, 2, True), (1, 1, False)])
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3), st.booleans()), min_size=1, max_size=12))
async def test_whatever_people_do_the_entries_tell_it(
    tmp_path_factory: pytest.TempPathFactory, done: list[tuple[int, int, bool]]
) -> None:
    """Spends, grants and turning windows in any order, killed after each: the same rows."""
    folder, clock, catalog = tmp_path_factory.mktemp("told"), SteerableClock(), load("quota-manager")
    ledger = await open_ledger(folder / "quota.db", catalog=catalog, clock=clock)
    for number, (who, units, turn) in enumerate(done):
        person = PEOPLE[who]
        if turn:
            clock.move(hours=13 if number % 3 else -13)
            await ledger.grants.add(person, units, actor=OPERATOR, reason="", key=f"g{number}")
        await spend_from(ledger, [person], f"m{number}", units)
        await spend_from(ledger, [person], f"n{number}", units)
        crashed = as_after_a_crash(ledger, folder / str(number))
        next_life = await open_ledger(crashed, catalog=catalog, clock=clock)
        found = await next_life.rows(BALANCES)
        await next_life.close()
        assert [row[:5] for row in found] == [row[:5] for row in await ledger.rows(BALANCES)]
        await ledger.quota.consume(PEOPLE[9], key=f"k{number}")
    await assert_sound(ledger)
    await ledger.close()


async def test_a_window_that_closed_goes_on_from_its_own_row(tmp_path: Path, clock: SteerableClock) -> None:
    """A clock that goes back spends from a window that the balance no longer names."""
    ledger = await open_ledger(tmp_path / "hours.db", catalog=everything(), clock=clock)
    await ledger.grants.set_plan(ANA, "charged", until_ms=None, actor=OPERATOR, reason="", key="p")
    for number, hours in enumerate((0, 1, 1, -2)):
        clock.move(hours=hours)
        await ledger.quota.consume(ANA, 1, key=f"m{number}", metric="renders")
    crashed = as_after_a_crash(ledger, tmp_path / "crashed")
    next_life = await open_ledger(crashed, catalog=everything(), clock=clock)
    await assert_sound(next_life)
    await next_life.close()
    await ledger.close()


async def test_many_entries_are_followed_by_the_rows(
    ledger: OpenLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is read again after a crash is bounded."""
    monkeypatch.setattr("quota_core.late_balances.MOST_ENTRIES", 100)
    for number in range(3):
        await spend_from(ledger, PEOPLE, f"m{number}")
    rows = written(as_after_a_crash(ledger, tmp_path / "full"))

    assert [row[1] for row in rows] == [3] * len(PEOPLE)


async def test_accounts_without_room_in_memory_are_read_as_they_are(
    tmp_path: Path, catalog: Catalog, clock: SteerableClock
) -> None:
    """A memory for three accounts and forty that spend: every answer counts what came before."""
    ledger = await open_ledger(tmp_path / "small.db", catalog=catalog, clock=clock, resident_accounts=3)
    for number in range(4):
        for person in PEOPLE:
            spend = await ledger.quota.consume(person, key=f"m{number}")
            assert spend.allowance_left == 49 - number
    await assert_sound(ledger)
    await ledger.close()


async def test_stopped_writes_stop_no_reader(ledger: OpenLedger, tmp_path: Path) -> None:
    """After writes are stopped the rows stay as they were, and readers see what is true."""
    await spend_from(ledger, PEOPLE, "first")
    await spend_from(ledger, PEOPLE, "second")
    ledger.database.halt("for this test")
    read = [await ledger.rows(BALANCES) for _ in range(2)]
    with pytest.raises(HaltedError):
        await ledger.quota.consume(ANA, key="third")

    assert [row[1] for row in read[0]] == [2] * len(PEOPLE)
    assert read[1] == read[0]
    assert [row[1] for row in written(as_after_a_crash(ledger, tmp_path / "halted"))] == [1] * len(PEOPLE)


@pytest.mark.parametrize("parts", ["???", "=5", "2026-11-20=x", "@"])
async def test_an_entry_that_cannot_be_read_is_named_and_stops_no_reader(
    ledger: OpenLedger, tmp_path: Path, catalog: Catalog, clock: SteerableClock, parts: str
) -> None:
    """Somebody altered it while its balance was late; the next process starts, and says which one it is."""
    await spend_from(ledger, [ANA], "first")
    await ledger.rows(BALANCES)
    await spend_from(ledger, [ANA], "second")
    file = as_after_a_crash(ledger, tmp_path / "after")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("DROP TRIGGER entries_stay")
        connection.execute("UPDATE entries SET parts = ? WHERE id = 2", (parts,))
        connection.commit()
    again = await open_ledger(file, catalog=catalog, clock=clock)
    recent, whole = await check_recent(again.database), await Proof(again.database).verify()
    await again.close()

    assert recent.problems[0].startswith("entry 2: ")
    assert whole.problems[0].startswith("entry 2: ")
