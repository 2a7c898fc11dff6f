"""The schema's steps: whole or not there, never backwards, and nobody else's file."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from quota_core.catalog import Catalog
from quota_core.database import Database
from quota_core.errors import SchemaError, UnavailableError
from quota_core.migrations import migrate, steps
from quota_core.sqlite_database import SqliteDatabase
from quota_core.sqlite_statements import split_script
from quota_core.statements import Row, Statement, Work, fetch
from tests.core.opened_ledger import SteerableClock, open_ledger
from tests.core.recounting import assert_sound


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """Return an open database without a schema."""
    opened = SqliteDatabase(tmp_path / "quota.db")
    await opened.open()
    yield opened
    await opened.close()


class PulledPlugError(Exception):
    """The program ends here."""


def schema() -> Work[list[Row]]:
    """Read all that the schema consists of."""
    return (yield fetch("SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2"))


def statements() -> list[str]:
    """Return every statement of every step."""
    return [statement for file in steps() for statement in split_script(file.read_text(encoding="utf-8"))]


async def test_every_step_begins_with_its_reason() -> None:
    """Who reads the schema in two years learns why it is as it is."""
    assert all(file.read_text(encoding="utf-8").startswith("-- Reason: ") for file in steps())


async def test_triggers_stay_whole_when_a_step_is_split() -> None:
    """Their inner semicolons end nothing."""
    text = "-- why\nCREATE TABLE a (b);\nCREATE TRIGGER c AFTER INSERT ON a BEGIN\n  SELECT 1;\n  SELECT 2;\nEND;\n"

    assert [statement.split()[-1] for statement in split_script(text)] == ["(b);", "END;"]
    with pytest.raises(AssertionError):
        list(split_script("CREATE TABLE a (b)"))


async def test_a_step_that_ends_at_any_statement_leaves_no_trace(
    database: Database, clock: SteerableClock
) -> None:
    """Cut after each statement in turn: nothing of the step is there, and the next start makes all of it."""
    empty = await database.read(schema)
    for cut in range(len(statements()) + 1):
        driven: list[Statement] = []

        def interrupted(cut: int = cut, driven: list[Statement] = driven) -> Work[None]:
            for statement in statements():
                if len(driven) == cut:
                    raise PulledPlugError
                driven.append(Statement(statement, ((),), reads=False))
                yield driven[-1]
            raise PulledPlugError

        with pytest.raises(PulledPlugError):
            await database.write(interrupted)

        assert len(driven) == cut
        assert await database.read(schema) == empty
    number = await migrate(database, clock=clock)

    assert number == len(steps())


async def test_a_statement_that_the_disk_refuses_ends_the_step(
    database: Database, clock: SteerableClock
) -> None:
    """SQLite itself refuses the n-th new table, index or trigger: all or nothing."""
    assert isinstance(database, SqliteDatabase)
    connection = database._connection  # to make a real database fail on demand
    assert connection is not None
    for allowed in (0, 1, 5, 12, 25):
        made: list[str] = []

        def authorize(
            action: int, name: str | None, *_: object, allowed: int = allowed, made: list[str] = made
        ) -> int:
            if action not in (
                sqlite3.SQLITE_CREATE_TABLE,
                sqlite3.SQLITE_CREATE_INDEX,
                sqlite3.SQLITE_CREATE_TRIGGER,
            ):
                return sqlite3.SQLITE_OK
            made.append(str(name))
            return sqlite3.SQLITE_OK if len(made) <= allowed else sqlite3.SQLITE_DENY

        connection._conn.set_authorizer(authorize)
        with pytest.raises(UnavailableError):
            await migrate(database, clock=clock)
        connection._conn.set_authorizer(None)

        assert await database.read(schema) == []
    await migrate(database, clock=clock)


async def test_starting_again_changes_no_schema(database: Database, clock: SteerableClock) -> None:
    """Steps that were made stay made, with the moment of the first time."""
    await migrate(database, clock=clock)
    first = await database.read(schema)
    clock.move(days=1)
    await migrate(database, clock=clock)

    def marks() -> Work[list[Row]]:
        return (yield fetch("SELECT number, at_ms FROM migrations"))

    assert await database.read(schema) == first
    assert {row[1] for row in await database.read(marks)} == {clock() - 86_400_000}


async def test_an_older_program_refuses_a_newer_schema(
    tmp_path: Path, catalog: Catalog, clock: SteerableClock
) -> None:
    """And changes nothing in it."""
    ledger = await open_ledger(tmp_path / "quota.db", catalog=catalog, clock=clock)
    await ledger.execute("INSERT INTO migrations VALUES (99, 'of tomorrow', 0)")
    await ledger.close()
    before = (tmp_path / "quota.db").read_bytes()
    with pytest.raises(SchemaError, match="has schema 99, this program knows"):
        await open_ledger(tmp_path / "quota.db", catalog=catalog, clock=clock)

    assert (tmp_path / "quota.db").read_bytes() == before


async def test_the_database_of_another_program_is_refused(
    tmp_path: Path, catalog: Catalog, clock: SteerableClock
) -> None:
    """A wrong path does not turn somebody's diary into a ledger."""
    file = tmp_path / "diary.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE days (text TEXT)")
    connection.close()
    with pytest.raises(SchemaError, match="another program"):
        await open_ledger(file, catalog=catalog, clock=clock)
    connection = sqlite3.connect(file)
    tables = connection.execute("SELECT name FROM sqlite_master").fetchall()
    connection.close()

    assert tables == [("days",)]


async def test_the_database_of_another_program_is_left_as_it_was(
    tmp_path: Path, catalog: Catalog, clock: SteerableClock
) -> None:
    """Not one byte of it, nor who may read it."""
    file = tmp_path / "diary.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE days (text TEXT)")
    connection.close()
    file.chmod(0o644)
    before = file.read_bytes()
    with pytest.raises(SchemaError):
        await open_ledger(file, catalog=catalog, clock=clock)

    assert file.read_bytes() == before
    assert file.stat().st_mode & 0o777 == 0o644


async def test_a_metric_keeps_its_number_when_it_leaves_the_catalog(
    tmp_path: Path, catalog: Catalog, clock: SteerableClock
) -> None:
    """Entries name metrics by number; a new catalog adds numbers and takes none."""
    ledger = await open_ledger(tmp_path / "quota.db", catalog=catalog, clock=clock)
    first = dict(ledger.book.metric_ids)
    ledger.catalog = catalog.model_copy(update={"metrics": {"tokens": catalog.metrics["requests"]}})
    ledger = await ledger.reopened()
    second = dict(ledger.book.metric_ids)
    await assert_sound(ledger)
    await ledger.close()

    assert second == {**first, "tokens": 2}
