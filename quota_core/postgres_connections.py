"""
A few connections to PostgreSQL: opened when they are needed, each checked before its first use.

Nothing is repaired in a connection: one that failed in any way is thrown away.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # it has no type hints

from quota_core.errors import SchemaError, UnavailableError

log = logging.getLogger(__name__)

OLDEST_VERSION = 14
CONNECT_SECONDS = 10
WAIT_SECONDS = 10
COMMAND_SECONDS = 90
"""How long an answer is waited for when the network is gone; the server's own limits end work much earlier."""
SESSION = {
    "application_name": "jauge",
    # A backslash in a literal is a backslash: `postgres_dialect.execution` counts on it.
    "standard_conforming_strings": "on",
    "statement_timeout": "60s",
    "lock_timeout": "10s",
    # Rows that a stuck process locked are free again soon.
    "idle_in_transaction_session_timeout": "30s",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    # A plan that knows how long an array is would rather read a whole table than look up each of its rows, and a
    # plan that was made while the tables were small would stay.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "jit": "off",
}
_PROMISES = """
SELECT current_setting('server_version_num')::int / 10000, current_setting('server_encoding'),
    current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit'),
    pg_is_in_recovery(), current_schema()
"""


class Session(asyncpg.Connection):  # type: ignore[misc]  # it has no type hints
    """A connection that knows under which name the server has a statement, so that its text is read once."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._named: dict[str, Any] = {}

    async def name_of(self, text: str) -> str:
        """Return the name of a statement, which the server learns first if it must."""
        statement = self._named.get(text)
        if statement is None:
            statement = self._named[text] = await self.prepare(text)
        name: str = statement.get_name()
        return name


class Connections:
    """
    At most `size` connections to the database at `url`.

    Raises (from `take`):
        UnavailableError: the server cannot be used just now, or all connections stay in use.
        SchemaError: the server can never be used as it is; the text says what to change.

    """

    def __init__(self, url: str, *, size: int) -> None:
        self._url = url
        self._idle: list[Any] = []
        self._free = asyncio.Semaphore(size)

    async def take(self) -> Any:
        """Return a connection that is in use until `give` gets it back."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._free.acquire()
        except TimeoutError as error:
            raise UnavailableError("every connection to the database is in use") from error
        try:
            while self._idle:
                connection = self._idle.pop()
                if not connection.is_closed():
                    return connection
            return await self._opened()
        except BaseException:
            self._free.release()
            raise

    def give(self, connection: Any, *, sound: bool) -> None:
        """Take a connection back; one that is not sound is cut off."""
        if sound and not connection.is_closed() and not connection.is_in_transaction():
            self._idle.append(connection)
        else:
            connection.terminate()
        self._free.release()

    async def close(self) -> None:
        """Close what is idle."""
        idle, self._idle = self._idle, []
        for connection in idle:
            try:
                await connection.close(timeout=2)
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                connection.terminate()

    async def _opened(self) -> Any:
        connection = await asyncpg.connect(
            self._url,
            timeout=CONNECT_SECONDS,
            command_timeout=COMMAND_SECONDS,
            statement_cache_size=512,
            max_cached_statement_lifetime=0,
            server_settings=SESSION,
            connection_class=Session,
        )
        try:
            _require(await connection.fetchrow(_PROMISES))
            # The sum of whole numbers is a whole number, whatever PostgreSQL calls it.
            await connection.set_type_codec(
                "numeric", schema="pg_catalog", encoder=str, decoder=int, format="text"
            )
        except BaseException:
            connection.terminate()
            raise
        return connection


def _require(promises: tuple[int, str, str, str, str, bool, str | None]) -> None:
    """Refuse a server that would lose what was answered; read back, never assumed."""
    version, encoding, fsync, full_page_writes, synchronous_commit, follows, schema = promises
    if version < OLDEST_VERSION:
        raise SchemaError(f"the server is PostgreSQL {version}: it must be {OLDEST_VERSION} or later")
    if encoding != "UTF8":
        raise SchemaError(
            f"the database is encoded in {encoding}: "
            "make one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        )
    for name, value in (("fsync", fsync), ("full_page_writes", full_page_writes)):
        if value != "on":
            raise SchemaError(
                f"{name} is {value} on the server: a power cut would damage it; set {name} = on"
            )
    if synchronous_commit == "off":
        raise SchemaError(
            "synchronous_commit is off: a crash would lose what was answered; set it to on for this database"
        )
    if schema is None:
        raise SchemaError("no schema of search_path exists: CREATE SCHEMA public, or correct search_path")
    if follows:
        # A failover makes it one that takes writes; meanwhile it is not the one to ask.
        raise UnavailableError("the server only follows another one (it is in recovery)")
