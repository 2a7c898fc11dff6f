"""How a ledger's file is opened: which pragmas it needs, and that they hold."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from quota_core.errors import DatabaseInUseError, SchemaError, UnavailableError

PAGE_BYTES = 2048
"""Small pages: a batch changes one row on each of many, and all of a changed page goes into the log."""
CHECKPOINT_PAGES = 32_768


def connect(path: Path) -> sqlite3.Connection:
    """
    Open the file at `path` for this process alone.

    Raises:
        DatabaseInUseError: another process holds it.
        SchemaError: it is no database, or one of another program.
        UnavailableError: it cannot be opened.

    """
    # Never made here: when the file is gone, a new empty one in its place would be the worst of answers.
    address = f"{path.absolute().as_uri()}?mode=rw"
    try:
        connection = sqlite3.connect(
            address,
            uri=True,
            isolation_level=None,
            timeout=0,
            check_same_thread=False,
            cached_statements=512,
        )
    except sqlite3.Error as error:
        raise UnavailableError(f"{path} cannot be opened: {error}") from error
    try:
        _prepare(connection, path)
    except BaseException as error:
        connection.close()
        if isinstance(error, sqlite3.Error):
            raise _refusal(error, path) from error
        raise
    return connection


def _refusal(error: sqlite3.Error, path: Path) -> Exception:
    if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
        return DatabaseInUseError(f"{path} is in use by another process; stop that one first")
    if error.sqlite_errorcode == sqlite3.SQLITE_NOTADB:
        return SchemaError(f"{path} is no database")
    return UnavailableError(f"{path} cannot be opened: {error}")


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    # Whose file it is comes first: that of another program stays as it was, to the byte.
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if tables and "migrations" not in tables:
        raise SchemaError(f"{path} is the database of another program")
    path.chmod(0o600)
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    connection.execute("PRAGMA journal_mode = WAL")
    # Else what a statement over many rows would need to undo itself goes to a file.
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA cache_size = -65536")
    connection.execute("BEGIN EXCLUSIVE")
    connection.execute("COMMIT")
    # Read back, never assumed: a file on a strange disk may refuse either.
    if connection.execute("PRAGMA synchronous").fetchone() != (2,):
        raise UnavailableError("SQLite does not keep synchronous=FULL")
    if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        raise UnavailableError(f"{path} cannot use a write-ahead log (is it on a network disk?)")


def may_be_one_read(error: sqlite3.Error) -> bool:
    """
    Tell whether one failed read may be all that is wrong; SQLite calls that a damaged file.

    https://sqlite.org/rescode.html#ioerr_corruptfs
    """
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_CORRUPT or is_no_text(error)


def is_no_text(error: sqlite3.Error) -> bool:
    """Tell whether a text of the file is not UTF-8, which Python finds and SQLite has no code for."""
    return str(error).startswith("Could not decode to UTF-8")
