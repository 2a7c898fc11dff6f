"""
PostgreSQL: one transaction on one of a few connections, with the rows locked that it decides on.

`read` sees one moment (REPEATABLE READ, READ ONLY). `write` is READ COMMITTED: each statement sees what others
committed before it, so what is read after the lock is what the lock protects. Work that collides with another
process's is run again, and so is work whose COMMIT got no answer: its locks wait for whatever became of the first.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

import asyncpg  # type: ignore[import-untyped]  # it has no type hints

from quota_core.database import Cache
from quota_core.errors import ConstraintError, HaltedError, SchemaError, UnavailableError
from quota_core.halting import Halting
from quota_core.one_moment import Read
from quota_core.postgres_connections import Connections
from quota_core.postgres_listening import listen
from quota_core.postgres_statements import drive, drive_to_commit
from quota_core.statements import Work, tables

log = logging.getLogger(__name__)

T = TypeVar("T")

TRIES = 8
FIRST_PAUSE_SECONDS = 0.004
_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_WRITE = "BEGIN"
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_COLLISIONS = {"40001", "40P01"}
_UNIQUE = "23505"
_DAMAGE = {"XX001", "XX002"}
_REFUSED_ROW = ("22", "23")
_PASSING = ("08", "57P", "53", "25006")
"""Lost, stopped, full, or a follower since a moment ago: another connection may do."""
_TROUBLE = ("28", "3D", "55", "57", "58", "XX")


class PostgresDatabase(Halting):
    """A PostgreSQL database that other processes may use at the same time."""

    alone = False
    busy = False

    def __init__(self, url: str, *, connections: int = 8) -> None:
        self._url = url
        self._connections = Connections(url, size=connections)
        self._open = False
        self._tasks: set[asyncio.Task[Any]] = set()

    def attach(self, cache: Cache) -> None:
        """Take note of nothing: where others write too, nothing may stay in memory between transactions."""

    async def open(self) -> None:
        """
        Connect, and refuse a server or a database that cannot hold a ledger.

        Raises:
            SchemaError: it is the database of another program, or its settings would lose data.
            UnavailableError: it cannot be reached.

        """
        self._open = True
        try:
            _require_ours({row[0] for row in await self.read(tables)})
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Let what is under way end, and close every connection."""
        self._open = False
        while self._tasks:
            await asyncio.wait(self._tasks)
        await self._connections.close()

    async def back_up(self, target: Path, on_step: Callable[[int, int], None]) -> None:
        """Refuse: PostgreSQL has its own, better ways."""
        del target, on_step
        raise UnavailableError(
            "this ledger is on PostgreSQL: back it up with pg_dump, or by your database's own back-ups"
        )

    async def listen(self, channel: str, on_news: Callable[[], None]) -> None:
        """Call `on_news` for all that is said on the channel, until cancelled; see `postgres_listening`."""
        await listen(self._url, channel, on_news)

    async def read(self, work: Callable[[], Work[T]]) -> T:
        """
        Run `work`, which only reads, on the rows of one moment.

        Raises:
            UnavailableError: the database cannot be read just now.

        """
        return await self._to_its_end(work, _READ)

    @contextlib.asynccontextmanager
    async def moment(self) -> AsyncIterator[Read]:
        """Yield a `read` whose every call in the block sees the rows of its first one; see `one_moment`."""
        if not self._open:
            raise UnavailableError("the database is closed")
        connection = await self._connections.take()
        sound = False

        async def read(work: Callable[[], Work[T]], /) -> T:
            try:
                return await drive(connection, work)
            except (asyncpg.PostgresError, asyncpg.InternalClientError, OSError) as error:
                raise self._judge(error, "read")[1] from error

        try:
            await connection.execute(_READ)
            yield read
            await connection.execute("ROLLBACK")
            sound = True
        finally:
            self._connections.give(connection, sound=sound)

    async def write(self, work: Callable[[], Work[T]]) -> T:
        """
        Run `work` in one transaction and return once it is durable.

        `work` must be safe to run several times: each run locks first and then looks what it finds.

        Raises:
            HaltedError: writes are stopped.
            UnavailableError: the database cannot be written just now.
            ConstraintError: the schema refuses a row.

        """
        self.require_running()
        return await self._to_its_end(work, _WRITE)

    append = write

    async def quiet(self) -> None:
        """Return: transactions wait for each other in the database, row by row."""

    async def _to_its_end(self, work: Callable[[], Work[T]], begin: str) -> T:
        if not self._open:
            raise UnavailableError("the database is closed")
        # In a task of its own: a caller that is cancelled must not leave half of a transaction on a connection.
        task = asyncio.create_task(self._repeat(work, begin))
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # seen: whoever waited may be gone

    async def _repeat(self, work: Callable[[], Work[T]], begin: str) -> T:
        """Run `work` until it ends in an answer, a refusal, or trouble that does not pass."""
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._attempt(work, begin)
            except (asyncpg.PostgresError, asyncpg.InternalClientError, OSError) as error:
                tries, final = self._judge(error, "read" if begin == _READ else "written")
                if attempt >= tries:
                    if final is error:
                        raise
                    raise final from error
                log.info("a transaction is run again after: %s", error)
            # Not all at once: what collided would collide again.
            await asyncio.sleep(FIRST_PAUSE_SECONDS * 2**attempt * random.uniform(0.5, 1))  # noqa: S311 - no secret

    async def _attempt(self, work: Callable[[], Work[T]], begin: str) -> T:
        connection = await self._connections.take()
        sound = False
        try:
            try:
                if begin == _READ:
                    await connection.execute(begin)
                    result = await drive(connection, work)
                    await connection.execute("COMMIT")
                else:
                    result = await drive_to_commit(connection, work)
            except BaseException:
                if not connection.is_closed():
                    await connection.execute("ROLLBACK")
                    sound = True
                raise
            sound = True
        except asyncpg.InterfaceError as error:
            if connection.is_closed():
                raise ConnectionError(f"the connection was lost: {error}") from error
            raise  # a mistake of ours: a wrong type, for one
        finally:
            self._connections.give(connection, sound=sound)
        return result

    def _judge(self, error: Exception, verb: str) -> tuple[int, Exception]:
        """Return how often work that ended so may be run, and what to raise after the last time."""
        code = getattr(error, "sqlstate", None) or ""
        trouble = UnavailableError(f"the database cannot be {verb}: {error or type(error).__name__}")
        if code in _DAMAGE:
            self.halt(f"the database is damaged: {error}")
            return 1, HaltedError(f"the database is damaged: {error}")
        if code in _COLLISIONS:
            return TRIES, trouble
        if code == _UNIQUE:
            # Two processes made the same thing at once: the one that was later looks again, and finds it.
            return 2, ConstraintError(str(error))
        if code.startswith(_REFUSED_ROW):
            return 1, ConstraintError(str(error))
        if code.startswith(_PASSING) or not code or isinstance(error, asyncpg.InvalidCachedStatementError):
            return TRIES, trouble
        return 1, trouble if code.startswith(_TROUBLE) else error


def _require_ours(found: set[str]) -> None:
    if found and "migrations" not in found:
        raise SchemaError("the database is that of another program; make one for the ledger alone")
