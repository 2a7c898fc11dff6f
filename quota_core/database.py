"""
The only place that knows a database driver.

A transaction is written as a generator that yields statements and receives rows: it can touch nothing
but the database, so no wait for Discord or Stripe can stand inside one, and the engine chooses how
to run it. Here SQLite runs the whole generator in aiosqlite's thread, from BEGIN to COMMIT: one hop for each
transaction, and a caller that is cancelled cannot leave half of one behind.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Generator, Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import aiosqlite

from quota_core.errors import DatabaseInUseError, HaltedError, UnavailableError

log = logging.getLogger(__name__)

T = TypeVar("T")
Row = tuple[Any, ...]


class Statement(NamedTuple):
    """SQL with `$1` parameters, and one or many rows of arguments; `reads` says whether rows come back."""

    sql: str
    rows: Iterable[Sequence[Any]]
    reads: bool


Work = Generator[Statement, list[Row], T]


def fetch(sql: str, *arguments: Any) -> Statement:
    """Ask for all rows of a query."""
    return Statement(sql, (arguments,), reads=True)


def fetch_each(sql: str, rows: Iterable[Sequence[Any]]) -> Statement:
    """Ask for the rows of one query for each row of arguments, one after the other in one list."""
    return Statement(sql, rows, reads=True)


def run(sql: str, *arguments: Any) -> Statement:
    """Change something once."""
    return Statement(sql, (arguments,), reads=False)


def run_each(sql: str, rows: Iterable[Sequence[Any]]) -> Statement:
    """Change something once for each row of arguments."""
    return Statement(sql, rows, reads=False)


class Database:
    """
    One SQLite file, one connection, one owner.

    One connection, since SQLite before 3.51.3 can damage a write-ahead log that two connections write
    and checkpoint (https://sqlite.org/wal.html#walresetbug); synchronous=FULL, since NORMAL loses
    commits that were already answered when the power fails.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: aiosqlite.Connection | None = None
        self._halted: str | None = None
        self._lost = False  # the connection was closed after a failure and could not be opened again
        self._on_rollback: list[Callable[[], None]] = []

    @property
    def halted(self) -> str | None:
        """Why writes are stopped, None while they are not."""
        return self._halted

    def halt(self, reason: str) -> None:
        """Stop all writes until the program is started again; reads go on."""
        log.critical("writes are stopped: %s", reason)
        self._halted = reason

    def on_rollback(self, forget: Callable[[], None]) -> None:
        """Call `forget` (in the database's thread) whenever what was decided may not stand in the file."""
        self._on_rollback.append(forget)

    async def open(self) -> None:
        """
        Open or make the file and take it for this process alone.

        Raises:
            DatabaseInUseError: another process holds it.

        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = aiosqlite.Connection(self._connect, iter_chunk_size=64)
        await connection
        self._connection = connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, timeout=0, check_same_thread=False)
        try:
            self._path.chmod(0o600)
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        try:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA cache_size = -65536")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise DatabaseInUseError(
                    f"{self._path} is in use by another process; use PostgreSQL to run several"
                ) from error
            raise
        # Read back, never assumed: a file on a strange disk may refuse either.
        if connection.execute("PRAGMA synchronous").fetchone() != (2,):
            raise UnavailableError("SQLite does not keep synchronous=FULL")
        if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            raise UnavailableError(f"{self._path} cannot use a write-ahead log (is it on a network disk?)")

    async def close(self) -> None:
        """Write the log back into the file and close it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                await connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                await connection.close()

    async def read(self, work: Callable[[], Work[T]]) -> T:
        """Run `work`, which only reads; nothing else runs between its statements."""
        return await self._in_thread(_drive, work)

    async def write(self, work: Callable[[], Work[T]]) -> T:
        """
        Run `work` in one transaction and return once it is durable.

        `work` must be safe to run twice: when COMMIT itself fails the outcome is unknown, so the file
        is opened again and the work is run once more; what it finds by its keys decides.

        Raises:
            HaltedError: writes are stopped.
            UnavailableError: the file cannot be written just now.

        """
        if self._halted is not None:
            raise HaltedError(self._halted)
        return await self._in_thread(self._transact, work)

    def _transact(self, connection: sqlite3.Connection, work: Callable[[], Work[T]]) -> T:
        try:
            return self._attempt(connection, work)
        except sqlite3.OperationalError as error:
            log.exception("the database refused a write; opening it again")
            try:
                return self._attempt(self._reopen(), work)
            except (sqlite3.Error, DatabaseInUseError):
                raise UnavailableError(f"the database cannot be written: {error}") from error

    def _reopen(self) -> sqlite3.Connection:
        """Replace the connection (in its thread): after a failed sync, its pages cannot be trusted."""
        assert self._connection is not None
        self._lost = True
        self._connection._conn.close()  # noqa: SLF001 - aiosqlite has no public way to open again in place
        fresh = self._connection._connection = self._connect()  # noqa: SLF001 - the same
        self._lost = False
        return fresh

    def _attempt(self, connection: sqlite3.Connection, work: Callable[[], Work[T]]) -> T:
        try:
            connection.execute("BEGIN IMMEDIATE")
            result = _drive(connection, work)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            for forget in self._on_rollback:
                forget()
            raise
        return result

    async def _in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        connection = self._connection
        if connection is None:
            raise UnavailableError("the database is closed")

        # aiosqlite offers one hop for each statement, and no public call to run several in one: this is
        # the exception, and the reason why its version is held.
        def hop() -> T:
            try:
                raw = self._reopen() if self._lost else connection._conn  # noqa: SLF001 - see above
            except (sqlite3.Error, DatabaseInUseError) as error:
                raise UnavailableError(f"the database cannot be opened: {error}") from error
            return function(raw, *arguments)

        result: T = await connection._execute(hop)  # type: ignore[no-untyped-call]  # noqa: SLF001 - see above
        return result


def _drive(connection: sqlite3.Connection, work: Callable[[], Work[T]]) -> T:
    generator = work()
    try:
        statement = next(generator)
        while True:
            statement = generator.send(_execute(connection, statement))
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        generator.close()


def _execute(connection: sqlite3.Connection, statement: Statement) -> list[Row]:
    sql = _dialect(statement.sql)
    if not statement.reads:
        if isinstance(statement.rows, tuple):
            for arguments in statement.rows:  # executemany refuses to change the schema
                connection.execute(sql, arguments)
        else:
            connection.executemany(sql, statement.rows)
        return []
    rows: list[Row] = []
    for arguments in statement.rows:
        rows += connection.execute(sql, arguments)
    return rows


@lru_cache(maxsize=1024)
def _dialect(sql: str) -> str:
    """Both engines share one text; SQLite spells its numbered parameters ?1."""
    return sql.replace("$", "?")
