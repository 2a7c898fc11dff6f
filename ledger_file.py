"""The ledger that this process owns: its file opened, its schema brought up to date, its parts put together."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from quota_core.access_keys import AccessKeys
from quota_core.book import Book
from quota_core.catalog import Catalog
from quota_core.database import Database
from quota_core.migrations import migrate
from settings import Settings


def utc_ms() -> int:
    """Return the time in UTC milliseconds."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """An open ledger: this process owns its database."""

    database: Database
    book: Book
    keys: AccessKeys
    clock: Callable[[], int]


@contextlib.asynccontextmanager
async def opened_ledger(settings: Settings, catalog: Catalog, data: Path) -> AsyncIterator[Ledger]:
    """
    Open the database, bring its schema up to date, and close it at the end.

    Raises:
        DatabaseInUseError: another process owns it.
        SchemaError: it belongs to a newer or another program.

    """
    data.mkdir(mode=0o700, parents=True, exist_ok=True)  # noqa: ASYNC240 - once, before anything is served
    database = Database(settings.database_path(data))
    await database.open()
    try:
        await migrate(database, clock=utc_ms)
        book = Book(catalog)
        database.attach(book)
        await database.write(book.open)
        yield Ledger(database=database, book=book, keys=AccessKeys(database, clock=utc_ms), clock=utc_ms)
    finally:
        await database.close()
