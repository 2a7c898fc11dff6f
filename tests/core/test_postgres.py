"""PostgreSQL: servers that would lose data, databases of others, lost connections, commits without an answer."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from quota_core.accounts import AccountRef
from quota_core.catalog import Catalog
from quota_core.errors import ConstraintError, HaltedError, SchemaError, UnavailableError
from quota_core.migrations import migrate
from quota_core.postgres_database import PostgresDatabase
from quota_core.settled import settled_id
from quota_core.sqlite_database import SqliteDatabase
from quota_core.statements import Row, Work, fetch, run, tables
from quota_core.store.entries import take_ids
from tests.core.opened_ledger import OPERATOR, OpenLedger, Place, SteerableClock, open_ledger
from tests.core.recounting import assert_sound
from tests.postgres_server import PostgresServer

ANA, BEN = AccountRef("user", "1"), AccountRef("user", "2")
END_OTHERS = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@pytest.fixture
def engine() -> str:
    """Return the one engine that this is about."""
    return "postgres"


@pytest.fixture
async def empty(postgres: PostgresServer) -> AsyncIterator[str]:
    """Return the address of a database without a schema."""
    url = await postgres.new_database(template="template0")
    yield url
    await postgres.drop(url)


def name_of(url: str) -> str:
    """Return the name of a database."""
    return url.partition("@/")[2].partition("?")[0]


async def refusal(url: str) -> str:
    """Open a database that must be refused and return why."""
    with pytest.raises(SchemaError) as refused:
        await PostgresDatabase(url).open()
    return str(refused.value)


async def end_other_connections(url: str) -> None:
    """Cut every other connection to the database, as a server that is restarted does."""
    database = PostgresDatabase(url)
    await database.open()
    await database.read(lambda: rows_of(END_OTHERS))
    await database.close()


def rows_of(sql: str) -> Work[list[Row]]:
    """Read rows."""
    return (yield fetch(sql))


async def test_a_server_that_loses_commits_is_refused(postgres: PostgresServer, empty: str) -> None:
    """Read back at each connection, never assumed; the message says what to set."""
    await postgres.execute(f"ALTER DATABASE {name_of(empty)} SET synchronous_commit = off")

    assert "synchronous_commit" in await refusal(empty)


async def test_a_database_of_another_encoding_is_refused(postgres: PostgresServer) -> None:
    """What people write must come back as they wrote it."""
    await postgres.execute(
        "CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    )

    assert "LATIN1" in await refusal(postgres.url("latin"))
    await postgres.drop(postgres.url("latin"))


async def test_the_database_of_another_program_is_refused_and_left_alone(empty: str) -> None:
    """A wrong address does not turn somebody's diary into a ledger."""
    diary = PostgresDatabase(empty)
    await diary.open()

    def keep_a_diary() -> Work[None]:
        yield run("CREATE TABLE days (text TEXT)")

    await diary.write(keep_a_diary)
    reason = await refusal(empty)
    found = await diary.read(tables)
    await diary.close()

    assert "another program" in reason
    assert found == [("days",)]


async def test_a_server_that_is_not_there_is_refused_in_words() -> None:
    """Without the password that stood in the address."""
    database = PostgresDatabase("postgresql://jauge:secret-word@127.0.0.1:1/quota")
    with pytest.raises(UnavailableError) as refused:
        await database.open()

    assert "secret-word" not in str(refused.value)


async def test_two_processes_that_start_at_once_make_the_schema_once(
    empty: str, clock: SteerableClock
) -> None:
    """One makes it, the others wait and find it made."""
    databases = [PostgresDatabase(empty) for _ in range(3)]
    await asyncio.gather(*(database.open() for database in databases))
    numbers = await asyncio.gather(*(migrate(database, clock=clock) for database in databases))
    made = await databases[0].read(lambda: rows_of("SELECT number FROM migrations"))
    await asyncio.gather(*(database.close() for database in databases))

    assert len(set(numbers)) == 1
    assert len(made) == numbers[0]


async def test_both_engines_have_the_same_tables_and_columns(
    place: str, clock: SteerableClock, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """One text is the schema of both: the same columns, and as many rules and indexes on each table."""
    file = SqliteDatabase(tmp_path_factory.mktemp("other") / "quota.db")
    await file.open()
    await migrate(file, clock=clock)
    ours = await file.read(
        lambda: rows_of(
            """
            SELECT t.name, c.name, c."notnull" OR c.pk > 0 FROM pragma_table_list t, pragma_table_info(t.name) c
            WHERE t.name NOT LIKE 'sqlite_%' AND t.schema = 'main'
            """
        )
    )
    checks = await file.read(lambda: rows_of("SELECT name, sql FROM sqlite_master WHERE type = 'table'"))
    await file.close()
    database = PostgresDatabase(place)
    await database.open()
    theirs = await database.read(
        lambda: rows_of(
            """
            SELECT table_name::text, column_name::text, is_nullable = 'NO' FROM information_schema.columns
            WHERE table_schema = current_schema()
            """
        )
    )
    counted = await database.read(
        lambda: rows_of(
            """
            SELECT conrelid::regclass::text, count(*) FROM pg_constraint
            WHERE contype = 'c' AND connamespace = current_schema()::regnamespace GROUP BY 1
            """
        )
    )
    await database.close()

    assert {(table, column, bool(needed)) for table, column, needed in ours} == set(theirs)
    assert dict(counted) == {name: sql.count("CHECK (") for name, sql in checks if "CHECK (" in sql}


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE entries SET units = units + 1",
        "DELETE FROM entries",
        "TRUNCATE entries CASCADE",
        "UPDATE audit SET reason = 'another'",
        "DELETE FROM audit",
        "INSERT INTO allowances VALUES (1, 1, '2026-11-19', -1, 0)",
        "UPDATE lots SET left_units = -1",
        "UPDATE lots SET left_units = units + 1",
        "INSERT INTO entries SELECT id + 9, account, 9, 1, 1, 1, 1, '', 0, key, 0, 0, digest FROM entries LIMIT 1",
    ],
)
async def test_the_database_itself_refuses_what_must_never_be(ledger: OpenLedger, sql: str) -> None:
    """L3, L6, L15: append-only, never negative, one entry for each key."""
    await ledger.grants.add(ANA, 5, actor=OPERATOR, reason="", key="g")
    await ledger.quota.consume(ANA, 1, key="m")
    with pytest.raises(ConstraintError):
        await ledger.execute(sql)

    await assert_sound(ledger)


async def test_connections_that_were_cut_are_replaced(ledger: OpenLedger, place: str) -> None:
    """F17: whoever asks next gets a new one, and nobody notices."""
    await ledger.quota.consume(ANA, 5, key="before")
    await end_other_connections(place)
    spend = await ledger.quota.consume(ANA, 5, key="after")
    balance = await ledger.balances.of(ANA)

    assert (spend.allowance_left, spend.replayed) == (40, False)
    assert balance.exists


class CutAtCommit:
    """A connection that is lost while its COMMIT is answered, once: the server has committed, nobody knows."""

    def __init__(self, real: Any) -> None:
        self.real = real
        self.cut = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    async def execute(self, sql: str) -> None:
        """Do what the real one does, and be lost after it committed."""
        await self.real.execute(sql)
        if sql.endswith("COMMIT"):
            self.cut = True
            self.real.terminate()
            raise ConnectionResetError


async def test_a_commit_without_an_answer_is_looked_up(ledger: OpenLedger) -> None:
    """The work is run again on another connection, and finds what the first run did."""
    assert isinstance(ledger.database, PostgresDatabase)
    connections = ledger.database._connections  # the tests' one look inside
    await ledger.quota.consume(BEN, 1, key="warm")
    losing = CutAtCommit(connections._idle.pop())
    connections._idle.append(losing)
    spend = await ledger.quota.consume(ANA, 5, key="m")
    await assert_sound(ledger)

    assert losing.cut
    assert (spend.replayed, spend.allowance_left) == (True, 45)


async def test_a_storm_of_lost_connections_loses_and_doubles_nothing(ledger: OpenLedger, place: str) -> None:
    """F17: every connection is cut again and again; each key ends as one entry, or as a refusal to try again."""
    killer = PostgresDatabase(place, connections=2)
    await killer.open()
    tasks = [asyncio.ensure_future(ledger.quota.consume(ANA, 1, key=f"m{n}")) for n in range(40)]
    for _ in range(10):
        await killer.read(lambda: rows_of(END_OTHERS))
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    await killer.close()
    again = [await ledger.quota.consume(ANA, 1, key=f"m{n}") for n in range(40)]
    await assert_sound(ledger)

    answered = [n for n, outcome in enumerate(outcomes) if not isinstance(outcome, BaseException)]
    assert all(isinstance(outcomes[n], UnavailableError) for n in range(40) if n not in answered)
    assert all(again[n].replayed for n in answered)
    assert len(await ledger.entries()) == 40


async def test_a_caller_that_is_cancelled_leaves_nothing_half(ledger: OpenLedger) -> None:
    """What was begun goes on to its end, and its connection is free again."""
    for steps in range(12):
        task = asyncio.ensure_future(ledger.grants.add(ANA, 1, actor=OPERATOR, reason="", key=f"g{steps}"))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    changes = [
        await ledger.grants.add(ANA, 1, actor=OPERATOR, reason="", key=f"g{steps}") for steps in range(12)
    ]
    await assert_sound(ledger)

    assert sorted(change.after for change in changes) == list(range(1, 13))


async def test_a_halted_ledger_can_be_read(ledger: OpenLedger) -> None:
    """P8: writes are refused, reads stay up."""
    await ledger.quota.consume(ANA, 5, key="before")
    ledger.database.halt("an invariant is broken")
    with pytest.raises(HaltedError):
        await ledger.quota.consume(ANA, key="m")

    assert (await ledger.balances.of(ANA)).exists


async def test_a_closed_ledger_says_that_it_is(ledger: OpenLedger) -> None:
    """Who comes too late gets the refusal that means: later."""
    await ledger.database.close()
    with pytest.raises(UnavailableError, match="closed"):
        await ledger.balances.of(ANA)


async def test_a_new_plan_holds_for_who_waited_for_it(
    ledger: OpenLedger, place: Place, catalog: Catalog, clock: SteerableClock
) -> None:
    """The row that was read while another transaction held it is read again, and so is the account's plan."""
    other = await open_ledger(place, catalog=catalog, clock=clock)
    await ledger.quota.consume(ANA, 50, key="all of the day")
    change = ledger.grants.set_plan(ANA, "pro", until_ms=None, actor=OPERATOR, reason="", key="p")
    outcomes = await asyncio.gather(
        change,
        *(other.quota.consume(ANA, 1, key=f"m{n}") for n in range(20)),
        return_exceptions=True,
    )
    kinds = [row[0] for row in await ledger.rows("SELECT kind FROM entries ORDER BY id")]
    await assert_sound(other)
    await other.close()

    # Nobody spends before the plan's entry, and everyone whose turn came after it does.
    assert kinds[:2] == [1, 7]
    assert len(kinds) == 2 + sum(not isinstance(outcome, BaseException) for outcome in outcomes[1:])


async def test_ids_below_the_settled_one_appear_no_more(ledger: OpenLedger) -> None:
    """An id that was drawn and is not committed holds the answer back; a committed larger one does not help."""
    assert isinstance(ledger.database, PostgresDatabase)
    connection = await ledger.database._connections.take()
    await connection.execute("BEGIN")
    await connection.execute("INSERT INTO marks VALUES ('held', 1)")
    await connection.fetchval("SELECT nextval('entries_id_seq')")
    await ledger.quota.consume(ANA, 1, key="m")
    before = await settled_id(ledger.database, patience_seconds=0.1)
    await connection.execute("COMMIT")
    ledger.database._connections.give(connection, sound=True)
    after = await settled_id(ledger.database)

    assert before is None
    assert after == (await ledger.entries())[-1].id == 2


async def test_ids_are_drawn_in_rows_that_nobody_shares(ledger: OpenLedger) -> None:
    """Twenty at once, through several connections, ten ids each."""
    firsts = await asyncio.gather(*(ledger.database.write(lambda: take_ids(10)) for _ in range(20)))

    assert sorted(firsts) == list(range(min(firsts), min(firsts) + 200, 10))
