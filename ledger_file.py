"""The ledger: its database opened, its schema brought up to date, its parts put together."""

from __future__ import annotations

import contextlib
import gc
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

from quota_core import own_keys
from quota_core.access_keys import AccessKeys
from quota_core.book import Book
from quota_core.catalog import Catalog
from quota_core.database import Database
from quota_core.engines import postgres_database, sqlite_database
from quota_core.errors import SchemaError
from quota_core.migrations import migrate
from quota_core.signing import SigningKey
from quota_core.store.copies import under_way
from quota_core.tombstones import TombstoneFile
from settings import Settings

SWITCH_SECONDS = 0.0001
GC_THRESHOLDS = (20_000, 50, 100)


def utc_ms() -> int:
    """Return the time in UTC milliseconds."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """An open ledger; `database.alone` tells whether this process owns it. Secrets are the data folder's."""

    database: Database
    book: Book
    keys: AccessKeys
    signing_key: SigningKey
    tombstones: TombstoneFile = field(repr=False)
    clock: Callable[[], int]


@contextlib.asynccontextmanager
async def opened_ledger(settings: Settings, catalog: Catalog, data: Path) -> AsyncIterator[Ledger]:
    """
    Open the database, bring its schema up to date, and close it at the end.

    Raises:
        DatabaseInUseError: another process owns it.
        SchemaError: it belongs to a newer or another program, or cannot hold a ledger as it is.
        UnavailableError: it cannot be reached.

    """
    # The database's thread asks for Python's lock after each statement; 5 ms of waiting, the default, is longer
    # than the statement took.
    sys.setswitchinterval(SWITCH_SECONDS)
    # A batch makes thousands of objects and lets go of them all: looking for cycles among them each 700, the
    # default, is a tenth of what a batch costs.
    gc.set_threshold(*GC_THRESHOLDS)
    data.mkdir(mode=0o700, parents=True, exist_ok=True)  # noqa: ASYNC240 - once, before anything is served
    database = _database(settings, data)
    await database.open()
    try:
        await migrate(database, clock=utc_ms)
        if await database.read(under_way) is not None:
            raise SchemaError("the database holds a copy that is not complete: run `ledger copy` again first")
        book = Book(catalog) if database.alone else Book(catalog, resident_accounts=0)
        database.attach(book)
        await database.write(book.open)
        given = settings.secret_key
        secret_key = own_keys.secret_key(data, None if given is None else given.get_secret_value())
        yield Ledger(
            database=database,
            book=book,
            keys=AccessKeys(database, clock=utc_ms),
            signing_key=own_keys.signing_key(data),
            tombstones=TombstoneFile(data, secret_key),
            clock=utc_ms,
        )
    finally:
        await database.close()


def _database(settings: Settings, data: Path) -> Database:
    if settings.postgres_url is None:
        return sqlite_database(settings.database_path(data))
    return postgres_database(settings.postgres_url, connections=settings.database_connections)
