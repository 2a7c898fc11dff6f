"""
SQLite: one file, one connection, one owner.

A whole transaction (a generator, see `statements`) runs in aiosqlite's thread, from BEGIN to COMMIT: one hop for
each, and a caller that is cancelled cannot leave half of one behind.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite

from quota_core import sqlite_backup
from quota_core.crash_points import crash_point
from quota_core.database import Cache
from quota_core.errors import (
    ConstraintError,
    DatabaseInUseError,
    HaltedError,
    SchemaError,
    UnavailableError,
)
from quota_core.halting import Halting
from quota_core.late_balances import LateBalances
from quota_core.sqlite_connection import connect, is_no_text, may_be_one_read
from quota_core.sqlite_statements import caught_up, drive
from quota_core.statements import Work

log = logging.getLogger(__name__)

T = TypeVar("T")


class SqliteDatabase(Halting):
    """
    One SQLite file, one connection, one owner.

    One connection, since SQLite before 3.51.3 can damage a write-ahead log that two connections write
    and checkpoint (https://sqlite.org/wal.html#walresetbug); synchronous=FULL, since NORMAL loses
    commits that were already answered when the power fails.
    """

    alone = True

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: aiosqlite.Connection | None = None
        self._lost = False  # the connection was closed after a failure and could not be opened again
        self._caches: list[Cache] = []
        self._late = LateBalances()
        self._writes = 0
        self._quiet = asyncio.Event()

    def attach(self, cache: Cache) -> None:
        """Tell `cache` when to make room and when to forget."""
        cache.late = self._late
        self._caches.append(cache)

    async def open(self) -> None:
        """
        Open or make the file and take it for this process alone.

        Raises:
            DatabaseInUseError: another process holds it.
            SchemaError: it is no database, or one of another program.
            UnavailableError: it cannot be opened or made.

        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch(mode=0o600)
        except OSError as error:
            raise UnavailableError(f"{self._path} cannot be opened: {error}") from error
        connection = aiosqlite.Connection(lambda: connect(self._path), iter_chunk_size=64)
        # A program that fails before it could close the file must end all the same.
        connection._thread.daemon = True  # noqa: SLF001 - aiosqlite has no public way to say so
        try:
            await connection
        except BaseException:
            # aiosqlite tells its thread to end and does not wait; the thread would meet a closed loop.
            await asyncio.to_thread(connection._thread.join)  # noqa: SLF001 - nothing public waits for it
            raise
        self._connection = connection

    async def close(self) -> None:
        """Write the log back into the file and close it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                crash_point("ops.82.checkpoint")
                await connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            except sqlite3.Error as error:
                # The log stays beside the file and is read at the next start.
                log.warning("the write-ahead log could not be written back: %s", error)
            finally:
                await connection.close()

    async def back_up(self, target: Path, on_step: Callable[[int, int], None]) -> None:
        """Copy the file into the empty `target` while work goes on; see `sqlite_backup.back_up`."""
        if self._connection is None:
            raise UnavailableError("the database is closed")
        await sqlite_backup.back_up(self._connection._conn, target, on_step)  # noqa: SLF001 - as in _in_thread

    async def read(self, work: Callable[[], Work[T]]) -> T:
        """
        Run `work`, which only reads; nothing else runs between its statements.

        Raises:
            UnavailableError: the file cannot be read just now.

        """
        return await self._in_thread(self._look, work)

    def _look(self, connection: sqlite3.Connection, work: Callable[[], Work[T]]) -> T:
        try:
            return self._glance(connection, work)
        except sqlite3.Error as error:
            if not may_be_one_read(error):
                raise self._trouble(error, "read") from error
            log.exception("the database could not be read; opening it again")
            return self._again(error, "read", lambda fresh: self._glance(fresh, work))

    def _glance(self, connection: sqlite3.Connection, work: Callable[[], Work[T]]) -> T:
        try:
            result = drive(connection, lambda: caught_up(connection, work, self._late))
        except BaseException as error:
            if connection.in_transaction:
                self._roll_back(connection)
            elif isinstance(error, sqlite3.Error):
                self._forget()
            raise
        if connection.in_transaction:
            self._keep_late(connection)
        return result

    def _keep_late(self, connection: sqlite3.Connection) -> None:
        """Commit what a look had to write first; it has seen it either way."""
        if self.halted is None:
            try:
                connection.execute("COMMIT")
            except sqlite3.Error:
                log.exception("what was late could not be written; it is told again by the entries")
            else:
                return
        self._roll_back(connection)

    async def write(self, work: Callable[[], Work[T]]) -> T:
        """
        Run `work` in one transaction and return once it is durable.

        `work` must be safe to run twice: when COMMIT itself fails the outcome is unknown, so the file
        is opened again and the work is run once more; what it finds by its keys decides.

        Raises:
            HaltedError, UnavailableError: writes are stopped, or the file cannot be written just now.
            ConstraintError: the schema refuses a row.

        """
        self._writes += 1
        self._quiet.clear()
        try:
            return await self._change(self._transact_with_room, work)
        except asyncio.CancelledError:
            # Who stops waiting does not stop the thread: it has ended when what is queued behind it has.
            self._writes += 1
            behind = asyncio.gather(self._in_thread(_end), return_exceptions=True)
            behind.add_done_callback(self._wrote)
            raise
        finally:
            self._wrote()

    def _wrote(self, _: object = None) -> None:
        self._writes -= 1
        if not self._writes:
            self._quiet.set()

    async def append(self, work: Callable[[], Work[T]]) -> T:
        """
        Write what was decided in memory while the database was not `busy`; as `write`, in the order of the calls.

        Raises:
            HaltedError, UnavailableError, ConstraintError: nothing was written.

        """
        return await self._change(self._transact, work)

    async def _change(self, transact: Callable[..., T], work: Callable[[], Work[T]]) -> T:
        self.require_running()
        return await self._in_thread(transact, work)

    @property
    def busy(self) -> bool:
        """Whether work is under way that reads before it writes, so that nobody may decide ahead of it."""
        return self._writes > 0

    async def quiet(self) -> None:
        """Wait until no such work is under way."""
        await self._quiet.wait()

    def _transact_with_room(self, connection: sqlite3.Connection, work: Callable[[], Work[T]]) -> T:
        for cache in self._caches:
            cache.make_room()
        return self._transact(connection, work)

    def _transact(self, connection: sqlite3.Connection, work: Callable[[], Work[T]]) -> T:
        try:
            return self._attempt(connection, work)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.IntegrityError):
                raise ConstraintError(str(error)) from error
            if isinstance(error, sqlite3.ProgrammingError):
                raise  # a mistake of ours, not trouble with the file
            if not isinstance(error, sqlite3.OperationalError) and not may_be_one_read(error):
                raise self._trouble(error, "written") from error
            log.exception("the database refused a write; opening it again")
            return self._again(error, "written", lambda fresh: self._attempt(fresh, work))

    def _again(self, error: sqlite3.Error, verb: str, attempt: Callable[[sqlite3.Connection], T]) -> T:
        """Try on a fresh connection what failed with `error`; what fails there too is trouble."""
        try:
            fresh = self._reopen()
        except UnavailableError as refusal:
            raise self._trouble(error, verb) if may_be_one_read(error) else refusal from error
        try:
            return attempt(fresh)
        except sqlite3.Error as again:
            raise self._trouble(again, verb) from again

    def _trouble(self, error: sqlite3.Error, verb: str) -> UnavailableError:
        """Return what to raise for an error of the file; a damaged one stops all writes."""
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest tells the kind more exactly
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or is_no_text(error):
            self.halt(f"the database file is damaged: {error}")
            return HaltedError(f"the database file is damaged: {error}")
        return UnavailableError(f"the database cannot be {verb}: {error}")

    def _reopen(self) -> sqlite3.Connection:
        """Replace the connection (in its thread): after a failed sync, its pages cannot be trusted."""
        if self._connection is None:
            raise UnavailableError("the database is closed")
        self._lost = True
        self._connection._conn.close()  # noqa: SLF001 - aiosqlite has no public way to open again in place
        try:
            fresh = self._connection._connection = connect(self._path)  # noqa: SLF001 - the same
        except (DatabaseInUseError, SchemaError) as error:
            raise UnavailableError(str(error)) from error
        self._lost = False
        return fresh

    def _attempt(self, connection: sqlite3.Connection, work: Callable[[], Work[T]]) -> T:
        try:
            connection.execute("BEGIN IMMEDIATE")
            result = drive(connection, lambda: caught_up(connection, work, self._late))
            connection.execute("COMMIT")
        except BaseException:
            self._roll_back(connection)
            raise
        return result

    def _roll_back(self, connection: sqlite3.Connection) -> None:
        self._forget()
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except sqlite3.Error:
            log.exception("a transaction could not be rolled back; opening the database again")
            self._lost = True

    def _forget(self) -> None:
        self._late.forget()
        for cache in self._caches:
            cache.forget()

    async def _in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        connection = self._connection
        if connection is None:
            raise UnavailableError("the database is closed")

        # aiosqlite has no public call to run several statements in one hop: the reason why its version is held.
        def hop() -> T:
            raw = self._reopen() if self._lost else connection._conn  # noqa: SLF001 - see above
            return function(raw, *arguments)

        result: T = await connection._execute(hop)  # type: ignore[no-untyped-call]  # noqa: SLF001 - see above
        return result


def _end(_: sqlite3.Connection) -> None: ...
