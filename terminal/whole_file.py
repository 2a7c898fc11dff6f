"""A file that is there whole or not at all: written beside its place, synced, and put there at the end."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

PART = ".part"


@contextlib.contextmanager
def whole_file(target: Path, *, force: bool) -> Iterator[Path]:
    """
    Yield an empty file (mode 0600) beside `target`; when the block ends well, it takes the target's place.

    Whatever ends the block otherwise, nothing is left behind.

    Raises:
        FileExistsError: the target exists, and `force` does not allow to replace it.
        OSError: the folder cannot be written.

    """
    if target.is_dir():
        raise IsADirectoryError(f"{target} is a folder")
    if not force and os.path.lexists(target):
        raise _exists(target)
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}{PART}")
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        yield part
        _sync(part, os.O_RDWR)
        _put(part, target, force=force)
    finally:
        for file in (part, *beside(part)):
            file.unlink(missing_ok=True)
    sync_folder(target.parent)


def beside(database: Path) -> list[Path]:
    """Return the names of what SQLite may keep beside a database file."""
    return [database.with_name(database.name + end) for end in ("-wal", "-shm", "-journal")]


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, where the system can."""
    if sys.platform != "win32":
        _sync(folder, os.O_RDONLY)


def _put(part: Path, target: Path, *, force: bool) -> None:
    if force:
        part.replace(target)
        return
    try:
        # A link never replaces: a file that somebody made there meanwhile stays.
        target.hardlink_to(part)
    except FileExistsError:
        raise _exists(target) from None
    except OSError:  # a disk without hard links
        if os.path.lexists(target):
            raise _exists(target) from None
        part.rename(target)


def _exists(target: Path) -> FileExistsError:
    return FileExistsError(f"{target} exists; --force replaces it")


def _sync(path: Path, how: int) -> None:
    handle = os.open(path, how)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
