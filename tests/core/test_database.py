"""One file, one owner: full disks, failing statements, lost folders, second processes, wrong files."""

import asyncio
import json
import sqlite3
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from quota_core.accounts import AccountRef
from quota_core.catalog import Catalog
from quota_core.errors import ConstraintError, DatabaseInUseError, HaltedError, SchemaError, UnavailableError
from quota_core.recent_check import check_recent
from quota_core.sqlite_database import SqliteDatabase
from quota_core.statements import Work, fetch, run
from tests.core.opened_ledger import OPERATOR, OpenLedger, SteerableClock, open_ledger
from tests.core.recounting import assert_sound

ANA = AccountRef("user", "1")
PROJECT = Path(__file__).parents[2]


@pytest.fixture
def engine() -> str:
    """Return the one engine that this is about."""
    return "sqlite"


def raw(ledger: OpenLedger) -> sqlite3.Connection:
    """Return the driver's own connection: the only way to make a real database fail on demand."""
    assert isinstance(ledger.database, SqliteDatabase)
    connection = ledger.database._connection  # the tests' one look inside
    assert connection is not None
    return connection._conn


def refuse_reads_of(ledger: OpenLedger, table: str) -> None:
    """Make SQLite itself refuse every statement that reads a table."""

    def authorize(action: int, first: str | None, *_: Any) -> int:
        refused = action == sqlite3.SQLITE_READ and first == table
        return sqlite3.SQLITE_DENY if refused else sqlite3.SQLITE_OK

    raw(ledger).set_authorizer(authorize)


@asynccontextmanager
async def other_process(what: str, file: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run another process at the file, and end it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.core.other_process", what, str(file)),
        cwd=PROJECT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(180):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def told(process: asyncio.subprocess.Process) -> dict[str, Any]:
    """Return the next thing that happened there."""
    assert process.stdout is not None
    facts: dict[str, Any] = json.loads(await process.stdout.readline())
    return facts


async def test_a_second_process_is_told_at_once_that_the_file_is_in_use(tmp_path: Path) -> None:
    """F19: it neither waits nor writes; and it gets the file as soon as the first one is gone."""
    file = tmp_path / "quota.db"
    async with other_process("hold", file) as process:
        assert await told(process) == {"opened": True}
        assert await told(process) == {"held": True}
        database = SqliteDatabase(file)
        async with asyncio.timeout(30):
            try:
                with pytest.raises(DatabaseInUseError, match="in use by another process"):
                    await database.open()
            finally:
                await database.close()
        await process.communicate(b"\n")

    assert process.returncode == 0
    await database.open()
    await database.close()


async def test_what_a_killed_process_answered_is_there(
    tmp_path: Path, catalog: Catalog, clock: SteerableClock
) -> None:
    """P3: killed without a chance to close; its write-ahead log is read back."""
    file = tmp_path / "quota.db"
    async with other_process("hold", file) as process:
        assert await told(process) == {"opened": True}
        assert await told(process) == {"held": True}
        process.kill()
        await process.wait()
    ledger = await open_ledger(file, catalog=catalog, clock=clock)
    spend = await ledger.quota.consume(ANA, key="held")
    await assert_sound(ledger)
    await ledger.close()

    assert (spend.replayed, spend.allowance_left) == (True, 49)


async def test_a_full_disk_refuses_writes_and_nothing_is_half_done(tmp_path: Path) -> None:
    """F10, by a limit on the size of files: refused, readable, and working again once there is room."""
    async with other_process("full", tmp_path / "quota.db") as process:
        assert await told(process) == {"opened": True}
        full, after = await told(process), await told(process)
        await process.wait()

    assert full["refusals"] == ["UnavailableError"]
    assert full["answered"] == full["balance"] > 0
    assert after == {"after": full["answered"] + 1, "entries": full["answered"] + 1}
    assert process.returncode == 0


async def test_a_database_at_its_largest_is_opened_again_and_the_work_is_done_once(
    ledger: OpenLedger,
) -> None:
    """SQLITE_FULL in the middle of a transaction: rolled back, opened again, run once more."""
    raw(ledger).execute("PRAGMA max_page_count = 1")
    before = raw(ledger)
    for number in range(40):
        await ledger.grants.add(ANA, 1, actor=OPERATOR, reason="r" * 200, key=f"g{number}")
    after = [
        await ledger.grants.add(ANA, 1, actor=OPERATOR, reason="r" * 200, key=f"g{n}") for n in range(40)
    ]

    assert raw(ledger) is not before
    assert after[-1].after == 40
    await assert_sound(ledger)


async def test_a_folder_that_is_gone_stops_writes_and_comes_back(
    tmp_path: Path, catalog: Catalog, clock: SteerableClock
) -> None:
    """F15: while the file cannot be opened again, everything says so; afterwards everything is as it was."""
    folder, away = tmp_path / "here", tmp_path / "away"
    ledger = await open_ledger(folder / "quota.db", catalog=catalog, clock=clock)
    await ledger.quota.consume(ANA, 5, key="before")
    raw(ledger).execute("PRAGMA max_page_count = 1")
    folder.rename(away)
    refusals: list[str] = []
    for number in range(40):
        try:
            await ledger.grants.add(ANA, 1, actor=OPERATOR, reason="r" * 200, key=f"g{number}")
        except UnavailableError as error:
            refusals.append(str(error))
    with pytest.raises(UnavailableError):
        await ledger.balances.of(ANA)
    granted = 40 - len(refusals)
    away.rename(folder)
    spend = await ledger.quota.consume(ANA, 5, key="after")
    await assert_sound(ledger)
    await ledger.close()

    assert refusals
    assert (spend.allowance_left, spend.purchased_left) == (40, granted)


async def test_a_statement_that_fails_leaves_nothing_behind(ledger: OpenLedger) -> None:
    """After everything was decided in memory, the last statement fails: memory and file forget it all."""
    await ledger.quota.consume(ANA, 5, key="before")
    for table in ("entries", "balances", "audit"):
        refused = table

        def authorize(action: int, first: str | None, *_: Any, refused: str = refused) -> int:
            writes = action in (sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE) and first == refused
            return sqlite3.SQLITE_DENY if writes else sqlite3.SQLITE_OK

        raw(ledger).set_authorizer(authorize)
        work = (
            ledger.grants.add(ANA, 3, actor=OPERATOR, reason="", key="g")
            if table == "audit"
            else ledger.quota.consume(ANA, 3, key="m")
        )
        with pytest.raises((sqlite3.DatabaseError, UnavailableError)):
            await work
        raw(ledger).set_authorizer(None)
        await assert_sound(ledger)
        part = (await ledger.balances.of(ANA)).of("requests")

        assert part is not None
        assert (part.allowance_left, part.purchased_left) == (45, 0)
    spend = await ledger.quota.consume(ANA, 3, key="m")

    assert (spend.allowance_left, spend.replayed) == (42, False)


async def test_work_that_raises_changes_nothing(ledger: OpenLedger) -> None:
    """A transaction is whole or not there, whatever ends it."""

    def work() -> Work[None]:
        yield run("INSERT INTO marks VALUES ('half', 1)")
        raise LookupError

    with pytest.raises(LookupError):
        await ledger.database.write(work)

    assert await ledger.rows("SELECT * FROM marks") == []


async def test_the_file_keeps_the_promises_that_it_was_opened_with(ledger: OpenLedger) -> None:
    """Durable at each commit, one owner, strict types, and readable by its owner alone."""
    settings = {
        name: (await ledger.rows(f"PRAGMA {name}"))[0][0]
        for name in ("journal_mode", "synchronous", "locking_mode", "foreign_keys")
    }
    tables = await ledger.rows("SELECT name, strict FROM pragma_table_list WHERE name NOT LIKE 'sqlite_%'")

    assert settings == {
        "journal_mode": "wal",
        "synchronous": 2,
        "locking_mode": "exclusive",
        "foreign_keys": 1,
    }
    assert [name for name, strict in tables if not strict] == ["migrations"]
    assert ledger.path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE entries SET units = units + 1",
        "DELETE FROM entries",
        "UPDATE audit SET reason = 'another'",
        "DELETE FROM audit",
        "INSERT INTO allowances VALUES (1, 1, '2026-11-19', -1, 0)",
        "UPDATE lots SET left_units = -1",
        "UPDATE lots SET left_units = units + 1",
        "UPDATE lots SET units = '12abc'",
        "INSERT INTO entries SELECT id + 9, account, 9, 1, 1, 1, 1, '', 0, key, 0, 0, digest FROM entries LIMIT 1",
    ],
)
async def test_the_file_itself_refuses_what_must_never_be(ledger: OpenLedger, sql: str) -> None:
    """L3, L6, L15: append-only, never negative, integers only, one entry for each key."""
    await ledger.grants.add(ANA, 5, actor=OPERATOR, reason="", key="g")
    await ledger.quota.consume(ANA, 1, key="m")
    with pytest.raises(ConstraintError):
        await ledger.execute(sql)

    await assert_sound(ledger)


async def test_a_halted_ledger_can_be_read(ledger: OpenLedger) -> None:
    """P8: writes are refused with a time to come back; reads stay up."""
    await ledger.quota.consume(ANA, 5, key="before")
    ledger.database.halt("an invariant is broken")
    with pytest.raises(HaltedError) as refusal:
        await ledger.quota.consume(ANA, key="m")
    part = (await ledger.balances.of(ANA)).of("requests")

    assert refusal.value.retry_seconds == 60
    assert part is not None
    assert part.allowance_left == 45


async def test_a_closed_ledger_says_that_it_is(
    tmp_path: Path, catalog: Catalog, clock: SteerableClock
) -> None:
    """Who comes too late gets the refusal that means: later."""
    ledger = await open_ledger(tmp_path / "quota.db", catalog=catalog, clock=clock)
    await ledger.close()
    with pytest.raises(UnavailableError, match="closed"):
        await ledger.quota.consume(ANA, key="m")
    with pytest.raises(UnavailableError, match="closed"):
        await ledger.balances.of(ANA)
    await ledger.close()


async def test_a_read_that_fails_is_not_remembered(
    tmp_path: Path, catalog: Catalog, clock: SteerableClock
) -> None:
    """The day's use cannot be read just now; it must not count as none afterwards."""
    ledger = await open_ledger(tmp_path / "quota.db", catalog=catalog, clock=clock)
    await ledger.quota.consume(ANA, 50, key="all")
    clock.move(days=1)
    await ledger.quota.consume(ANA, 1, key="next day")  # closes the window of the first
    clock.move(days=-1)
    ledger.book.forget()
    refuse_reads_of(ledger, "allowances")
    with pytest.raises((sqlite3.DatabaseError, UnavailableError)):
        await ledger.balances.of(ANA)
    raw(ledger).set_authorizer(None)
    part = (await ledger.balances.of(ANA)).of("requests")
    outcome = await ledger.quota.consume_many([ledger.quota.operation(ANA, 1, key="more")])
    await ledger.close()

    assert part is not None
    assert part.allowance_left == 0
    assert isinstance(outcome[0], Exception)


async def test_a_rollback_that_fails_is_not_remembered_either(ledger: OpenLedger) -> None:
    """What was decided and never committed is in no answer."""

    def authorize(action: int, first: str | None, *_: Any) -> int:
        refused = (action, first) in (
            (sqlite3.SQLITE_INSERT, "audit"),
            (sqlite3.SQLITE_TRANSACTION, "ROLLBACK"),
        )
        return sqlite3.SQLITE_DENY if refused else sqlite3.SQLITE_OK

    raw(ledger).set_authorizer(authorize)
    with pytest.raises((sqlite3.DatabaseError, UnavailableError)):
        await ledger.grants.add(ANA, 3, actor=OPERATOR, reason="", key="g")
    raw(ledger).set_authorizer(None)
    part = (await ledger.balances.of(ANA)).of("requests")
    await ledger.quota.consume(ANA, 1, key="m")

    assert part is not None
    assert part.purchased_left == 0


async def test_a_read_that_fails_says_unavailable(ledger: OpenLedger) -> None:
    """Who reads is told to come back, in the core's words."""
    refuse_reads_of(ledger, "accounts")
    try:
        with pytest.raises(UnavailableError):
            await ledger.balances.of(ANA)
    finally:
        raw(ledger).set_authorizer(None)


async def test_a_lost_file_can_be_closed(tmp_path: Path, catalog: Catalog, clock: SteerableClock) -> None:
    """A stop while the disk is away ends as a stop."""
    folder = tmp_path / "here"
    ledger = await open_ledger(folder / "quota.db", catalog=catalog, clock=clock)
    raw(ledger).execute("PRAGMA max_page_count = 1")
    folder.rename(tmp_path / "away")
    refused = 0
    for number in range(40):
        try:
            await ledger.grants.add(ANA, 1, actor=OPERATOR, reason="r" * 200, key=f"g{number}")
        except UnavailableError:
            refused += 1

    await ledger.close()

    assert refused
    assert not folder.exists(), "no new file was made in the place of the lost one"


async def test_an_empty_file_is_a_new_ledger(tmp_path: Path, catalog: Catalog, clock: SteerableClock) -> None:
    """What a crash left of a file that was just made is no foreign database."""
    file = tmp_path / "quota.db"
    file.touch()
    ledger = await open_ledger(file, catalog=catalog, clock=clock)
    spend = await ledger.quota.consume(ANA, key="m")
    await ledger.close()

    assert spend.allowance_left == 49


async def test_a_file_that_is_no_database_is_refused_in_words(tmp_path: Path) -> None:
    """A wrong path in DATABASE_URL is a clear message, not a traceback."""
    file = tmp_path / "notes.txt"
    file.write_text("milk, bread\n" * 100)
    database = SqliteDatabase(file)
    with pytest.raises(SchemaError):
        await database.open()


async def test_a_folder_that_may_not_be_written_is_refused_in_words() -> None:
    """F15, as a user without rights."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "quota.db"
        file.parent.chmod(0o555)
        async with other_process("readonly", file) as process:
            facts = await told(process)

    assert facts["error"] in ("UnavailableError", "SchemaError")
    assert str(file) in facts["text"]


async def test_many_reads_and_writes_share_one_connection(ledger: OpenLedger) -> None:
    """Reads never see half of a transaction."""

    def both() -> Work[None]:
        yield run("INSERT INTO marks VALUES ('a', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1")
        yield run("INSERT INTO marks VALUES ('b', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1")

    def look() -> Work[list[tuple[Any, ...]]]:
        return (yield fetch("SELECT value FROM marks ORDER BY name"))

    works: list[Any] = []
    for _ in range(30):
        works += [ledger.database.write(both), ledger.database.read(look)]
    seen = [rows for rows in await asyncio.gather(*works) if rows is not None]

    assert [rows[0] == rows[1] for rows in seen if rows] == [True] * 30


async def test_a_text_that_is_none_stops_all_writes(ledger: OpenLedger) -> None:
    """One flipped bit of a letter: no read can show such a row, and the check of the ledger says so."""
    await ledger.quota.consume(ANA, 1, key="m")
    await ledger.rows("SELECT * FROM balances")  # none is late: else it would be told by such an entry
    await ledger.tamper("UPDATE entries SET parts = CAST(x'b0' AS TEXT)")
    with pytest.raises(HaltedError, match="damaged: Could not decode to UTF-8 column 'parts'"):
        await check_recent(ledger.database)

    assert ledger.database.halted is not None
    assert (await ledger.balances.of(ANA)).exists
    with pytest.raises(HaltedError):
        await ledger.grants.add(ANA, 1, actor=OPERATOR, reason="", key="g")
