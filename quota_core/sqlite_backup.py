"""
A copy of an SQLite file while its one connection goes on writing, and a hold on a file that nobody runs on.

The copy is made through the connection that writes: SQLite then repeats every committed change in what was copied
already (https://sqlite.org/c3ref/backup_finish.html), so it never starts over, and it shows the moment at which it
ended. Between BEGIN and COMMIT a step is refused (SQLITE_BUSY) and tried again: nothing uncommitted gets in.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from quota_core.errors import DatabaseInUseError, SchemaError, UnavailableError

PAGES = (
    1024  # 2 MiB or 4: writers wait a few milliseconds, and one gap between transactions is enough for a step
)
PAUSE_SECONDS = 0.001  # between steps, so that a waiting writer gets the connection
REPORT_SECONDS = 0.05
RESERVE_BYTES = 16 * 2**20  # stays free for the ledger itself, which may be on the same disk
SERIALIZED = 3  # of PEP 249: threads may share a connection
_CHECK_EVERY = 100_000  # instructions of SQLite's machine between two looks at whether to stop
_MAGIC = b"SQLite format 3\0"

OnStep = Callable[[int, int], None]


class _StoppedError(Exception):
    """Nobody waits for the copy any more."""


async def back_up(connection: sqlite3.Connection, target: Path, on_step: OnStep) -> None:
    """
    Copy the database into the empty file `target`, check the copy, and leave it as one file without a log.

    It runs in a thread of its own; `on_step` is told pages done and all pages, in the loop. A caller that is
    cancelled waits until the thread let go of the connection.

    Raises:
        UnavailableError: it could not be made; what `target` holds then is worth nothing.

    """
    if sqlite3.threadsafety != SERIALIZED:
        raise UnavailableError("this SQLite is not built for threads: stop the bot before a back-up")
    loop = asyncio.get_running_loop()
    stop = threading.Event()

    def report(done: int, total: int) -> None:
        loop.call_soon_threadsafe(on_step, done, total)

    copying = asyncio.ensure_future(asyncio.to_thread(_copy, connection, target, report, stop))
    try:
        await asyncio.shield(copying)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait([copying])
        if not copying.cancelled():
            copying.exception()  # that it was stopped is no news
        raise


def _copy(connection: sqlite3.Connection, target: Path, report: OnStep, stop: threading.Event) -> None:
    try:
        with contextlib.closing(_connect(target, "rw")) as copy:
            # A file that is thrown away unless all goes well needs neither journal nor syncs.
            copy.execute("PRAGMA journal_mode = OFF")
            copy.execute("PRAGMA synchronous = OFF")
            _check_room(connection, target)
            step = _Step(connection, report, stop)
            connection.backup(copy, pages=PAGES, progress=step, sleep=PAUSE_SECONDS)
        _finish(target, stop)
    except sqlite3.ProgrammingError as error:
        raise UnavailableError("the database was closed during the back-up") from error
    except sqlite3.Error as error:
        if stop.is_set():
            raise _StoppedError from error
        raise UnavailableError(f"the back-up failed: {error}") from error


def _check_room(connection: sqlite3.Connection, target: Path) -> None:
    """Refuse before the first byte rather than fill a disk on which the ledger may stand too."""
    [(pages,)] = connection.execute("PRAGMA page_count")
    [(page_bytes,)] = connection.execute("PRAGMA page_size")
    free_bytes = shutil.disk_usage(target.parent).free
    if free_bytes < pages * page_bytes + RESERVE_BYTES:
        raise UnavailableError(
            f"the disk has no room: {pages * page_bytes:,} bytes needed, {free_bytes:,} free"
        )


class _Step:
    """Called after each step, in the copying thread; what it raises ends the copy."""

    def __init__(self, connection: sqlite3.Connection, report: OnStep, stop: threading.Event) -> None:
        self._connection = connection
        self._report = report
        self._stop = stop
        self._reported_seconds = 0.0

    def __call__(self, status: int, left: int, total: int) -> None:
        # Refused by a connection that was closed: it stays half open, with its lock, until the copy lets go.
        assert self._connection.total_changes >= 0
        if self._stop.is_set():
            raise _StoppedError
        if status == sqlite3.SQLITE_BUSY:
            return
        now_seconds = time.monotonic()
        if now_seconds - self._reported_seconds >= REPORT_SECONDS or not left:
            self._reported_seconds = now_seconds
            self._report(total - left, total)
        time.sleep(PAUSE_SECONDS)


def _finish(target: Path, stop: threading.Event) -> None:
    """Turn the copy into one file that anything can read, and have SQLite look at all of it."""
    with contextlib.closing(_connect(target, "rw")) as copy:
        copy.execute("PRAGMA locking_mode = EXCLUSIVE")
        copy.execute("PRAGMA synchronous = OFF")
        copy.execute("PRAGMA journal_mode = DELETE")
        copy.set_progress_handler(lambda: int(stop.is_set()), _CHECK_EVERY)
        found = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise UnavailableError(f"the copy is damaged: {found}")


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    address = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(address, uri=True, isolation_level=None, timeout=0)


@contextlib.contextmanager
def held(path: Path) -> Iterator[bool]:
    """
    Keep a ledger's file from every other process within the block; yield whether it can be read at all.

    Its write-ahead log is written back first, so that nothing but the file itself stands for the ledger. A file
    that is gone is nobody's; a damaged one yields False.

    Raises:
        DatabaseInUseError: another process has it.
        SchemaError: it is the database of another program.

    """
    # SQLite would throw away the log beside a file that it cannot read; both are evidence.
    if not path.exists() or _is_no_database(path):
        yield False
        return
    with contextlib.closing(_connect(path, "rw")) as connection:
        yield _hold(connection, path)


def _is_no_database(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) not in (b"", _MAGIC)


def _hold(connection: sqlite3.Connection, path: Path) -> bool:
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if tables and "migrations" not in tables:
            raise SchemaError(f"{path} is the database of another program")
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
            raise DatabaseInUseError(f"{path} is in use by another process; stop that one first") from error
        return False
    return True


def in_use(path: Path) -> bool:
    """Tell whether another process has this database open for itself; what cannot be read is not in use."""
    log, index = (path.with_name(path.name + end) for end in ("-wal", "-shm"))
    clean = not log.exists()
    try:
        with contextlib.closing(_connect(path, "ro")) as connection:
            connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
    finally:
        # Who only reads a file with a write-ahead log makes an empty one and leaves it there.
        if clean and log.exists() and not log.stat().st_size:
            log.unlink()
            index.unlink(missing_ok=True)
    return False
