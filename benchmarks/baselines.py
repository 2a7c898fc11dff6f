"""
What the product is compared with.

`Naive` is what a person would write: one aiosqlite connection, a lock, one transaction for each request. `Raw` is
how fast the standard library's SQLite does the same statements in large transactions: one window, no chain.
`bare` is a web server that answers a constant. Both databases are durable (`synchronous=FULL`) and,
but for that and the write-ahead log, as SQLite comes.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from itertools import islice
from pathlib import Path
from uuid import uuid4

import aiosqlite
from aiohttp import web

from benchmarks.workload import Operation

LIMIT_UNITS = 1_000_000_000
PER_TRANSACTION = 1000
PERIOD = "2026-11-20"
METRIC = 1

_BALANCES = """
CREATE TABLE balances (account INTEGER PRIMARY KEY, period TEXT NOT NULL, used INTEGER NOT NULL)
"""
_ENTRIES = """
CREATE TABLE entries (
    id INTEGER PRIMARY KEY, account INTEGER NOT NULL, metric INTEGER NOT NULL, units INTEGER NOT NULL,
    at_ms INTEGER NOT NULL, key {type} NOT NULL UNIQUE
)
"""
_OPEN = "INSERT INTO balances VALUES (?, ?, 0)"
_KNOWN = "SELECT id FROM entries WHERE key = ?"
_SPEND = """
UPDATE balances SET used = used + ?1 WHERE account = ?2 AND period = ?3 AND used + ?1 <= ?4 RETURNING used
"""
_USED = "SELECT used FROM balances WHERE account = ?"
_APPEND = "INSERT INTO entries (account, metric, units, at_ms, key) VALUES (?, ?, ?, ?, ?)"


def asked_of_naive(operations: Iterable[Operation]) -> list[tuple[int, str]]:
    """Return the operations as `Naive` takes them; before the clock starts."""
    return [(one.account_id, str(one.key)) for one in operations]


def asked_of_raw(operations: Iterable[Operation]) -> list[tuple[int, bytes]]:
    """Return the operations as `Raw` takes them; before the clock starts."""
    return [(one.account_id, one.key.bytes) for one in operations]


class Naive:
    """One transaction for each request, under a lock; keys are text."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection
        self._lock = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def opened(cls, file: Path, account_ids: Iterable[int]) -> AsyncIterator[Naive]:
        """Make the file with these accounts, and close it at the end."""
        async with aiosqlite.connect(file, isolation_level=None) as connection:
            await connection.execute("PRAGMA journal_mode = WAL")
            await connection.execute("PRAGMA synchronous = FULL")
            await connection.execute(_BALANCES)
            await connection.execute(_ENTRIES.format(type="TEXT"))
            await connection.execute("BEGIN")
            await connection.executemany(_OPEN, [(account_id, PERIOD) for account_id in account_ids])
            rows = [(account_id, METRIC, 1, _now_ms(), str(uuid4())) for account_id in account_ids]
            await connection.executemany(_APPEND, rows)
            await connection.execute("COMMIT")
            yield cls(connection)

    async def consume(self, account_id: int, units: int, *, key: str) -> int | None:
        """Return what the account has used, None when it may not; a key that was used changes nothing."""
        async with self._lock:
            await self._connection.execute("BEGIN IMMEDIATE")
            try:
                used = await self._decide(account_id, units, key)
                await self._connection.execute("COMMIT")
            except BaseException:
                await self._connection.execute("ROLLBACK")
                raise
        return used

    async def _decide(self, account_id: int, units: int, key: str) -> int | None:
        cursor = await self._connection.execute(_KNOWN, (key,))
        if await cursor.fetchone() is not None:
            return None
        cursor = await self._connection.execute(_SPEND, (units, account_id, PERIOD, LIMIT_UNITS))
        row = await cursor.fetchone()
        if row is None:
            return None
        await self._connection.execute(_APPEND, (account_id, METRIC, units, _now_ms(), key))
        used: int = row[0]
        return used


class Raw:
    """The same three statements, a thousand times in each transaction; keys are 16 bytes."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    @contextmanager
    def opened(cls, file: Path, account_ids: Iterable[int]) -> Iterator[Raw]:
        """Make the file with these accounts, and close it at the end."""
        connection = sqlite3.connect(file, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(_BALANCES)
            connection.execute(_ENTRIES.format(type="BLOB"))
            connection.execute("BEGIN")
            connection.executemany(_OPEN, [(account_id, PERIOD) for account_id in account_ids])
            rows = [(account_id, METRIC, 1, _now_ms(), uuid4().bytes) for account_id in account_ids]
            connection.executemany(_APPEND, rows)
            connection.execute("COMMIT")
            yield cls(connection)
        finally:
            connection.close()

    def consume_all(self, operations: Sequence[tuple[int, bytes]]) -> None:
        """Take one unit for each (account, key)."""
        execute = self._connection.execute
        waiting = iter(operations)
        while batch := list(islice(waiting, PER_TRANSACTION)):
            at_ms = _now_ms()
            execute("BEGIN IMMEDIATE")
            for account_id, key in batch:
                if execute(_KNOWN, (key,)).fetchone() is not None:
                    continue
                if execute(_SPEND, (1, account_id, PERIOD, LIMIT_UNITS)).fetchone() is not None:
                    execute(_APPEND, (account_id, METRIC, 1, at_ms, key))
            execute("COMMIT")

    def used(self, account_id: int) -> int:
        """Return what an account has used."""
        used: int = self._connection.execute(_USED, (account_id,)).fetchone()[0]
        return used


def bare() -> web.Application:
    """Return a web application that answers a constant."""
    body = b'{"ok":true}'

    async def constant(request: web.Request) -> web.Response:
        del request
        return web.Response(body=body, content_type="application/json")

    app = web.Application()
    app.router.add_get("/", constant)
    return app


def naive_web(naive: Naive, path: str) -> web.Application:
    """Return what a person would write around `naive` as a web application."""

    async def consume(request: web.Request) -> web.Response:
        asked = await request.json()
        used = await naive.consume(int(asked["user_id"]), int(asked["units"]), key=str(asked["request_id"]))
        if used is None:
            return web.json_response({"error": "no quota left"}, status=429)
        return web.json_response({"used": used, "left": LIMIT_UNITS - used})

    app = web.Application()
    app.router.add_post(path, consume)
    return app


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
