"""The engines of the ledger; the driver of one that is not asked for is not imported."""

from __future__ import annotations

from pathlib import Path

from quota_core.database import Database
from quota_core.errors import SchemaError


def sqlite_database(path: Path) -> Database:
    """Return the SQLite file, not opened yet."""
    from quota_core.sqlite_database import SqliteDatabase  # noqa: PLC0415 - see above

    return SqliteDatabase(path)


def postgres_database(url: str, *, connections: int) -> Database:
    """
    Return the PostgreSQL database, not opened yet; `connections` is the most this process opens.

    Raises:
        SchemaError: its driver is not installed.

    """
    try:
        from quota_core.postgres_database import PostgresDatabase  # noqa: PLC0415 - see above
    except ModuleNotFoundError as error:
        if error.name != "asyncpg":
            raise
        raise SchemaError(
            "DATABASE_URL names PostgreSQL, whose driver is missing: pip install '.[postgres]'"
        ) from error

    return PostgresDatabase(url, connections=connections)
