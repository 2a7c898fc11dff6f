"""
The disk that fails on demand: its library is built with `cc`, preloaded, and told what to do over a shared page.

`cut` plays a power cut on files that a killed process left: what was not synced is forgotten, whole or by sectors.
"""

from __future__ import annotations

import errno
import mmap
import os
import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path
from random import Random

SOURCE = Path(__file__).with_name("disk.c")
WRITE, SYNC, READ, TRUNCATE = 1, 2, 4, 8
CALLS = {"write": WRITE, "sync": SYNC, "read": READ, "truncate": TRUNCATE}
SECTOR_BYTES = 512
_CONTROL, _RECORD = struct.Struct("7q"), struct.Struct("5q")
VARIABLE = "JAUGE_DISK"


class NoCompilerError(Exception):
    """There is no `cc`, so there is no disk to fail."""


def library(folder: Path) -> Path:
    """
    Build the library and return its path.

    Raises:
        NoCompilerError: there is no `cc` here.

    """
    if shutil.which("cc") is None:
        raise NoCompilerError("no cc: a failing disk cannot be rehearsed")
    target = folder / "disk.so"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", str(target), str(SOURCE)], check=True)
    return target


class Disk:
    """The page that tells the library what to do; both sides of it may be open at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            path.write_bytes(bytes(mmap.PAGESIZE))
        with path.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), mmap.PAGESIZE)

    @classmethod
    def of_this_process(cls) -> Disk | None:
        """Return the disk that this process stands on, None when it is the machine's."""
        path = os.environ.get(VARIABLE)
        return None if path is None else cls(Path(path))

    def _set(self, *values: int) -> None:
        self._page[: _CONTROL.size] = _CONTROL.pack(*values)

    def fail(self, call: str, *, at: int = 1, sticky: bool = False, full: bool = False) -> None:
        """Fail a call (`write`, `sync`, `read`, `truncate`) at its n-th time, with EIO or because it is full."""
        self._set(CALLS[call], at, int(sticky), errno.ENOSPC if full else errno.EIO, 0, 0, 0)

    def slow(self, delay_us: int) -> None:
        """Make each call take longer."""
        self._set(0, 0, 0, 0, 0, delay_us, 0)

    def record(self) -> None:
        """Keep from now on what a power cut needs, and take time between a write and its sync."""
        self.undo.unlink(missing_ok=True)
        self._set(0, 0, 0, 0, 0, 1000, 1)

    def heal(self) -> int:
        """Work again; return how many calls failed."""
        struck = int(_CONTROL.unpack(self._page[: _CONTROL.size])[4])
        self._set(0, 0, 0, 0, 0, 0, 0)
        return struck

    @property
    def undo(self) -> Path:
        """The file of what stood on the disk before each write."""
        return self.path.with_name(self.path.name + ".undo")


@dataclass(slots=True)
class _Write:
    path: Path
    offset: int
    size_before: int
    old: bytes


def cut(disk: Disk, random: Random) -> int:
    """Forget what was not synced (each write by itself, wholly, partly or not at all); return how many were."""
    pending: list[_Write] = []
    data = disk.undo.read_bytes() if disk.undo.exists() else b""
    place = 0
    while place + _RECORD.size <= len(data):
        kind, path_length, offset, size_before, old_length = _RECORD.unpack_from(data, place)
        place += _RECORD.size
        if place + path_length + old_length > len(data):
            break  # the kill came while this one was being noted: its write did not begin
        path = Path(data[place : place + path_length].decode().removesuffix(" (deleted)"))
        place += path_length
        old = data[place : place + old_length]
        place += old_length
        if kind == SYNC:
            pending = [one for one in pending if one.path != path]
        else:
            pending.append(_Write(path, offset, size_before, old))
    lost = 0
    for one in reversed(pending):
        if random.random() < 0.7 and one.path.is_file():  # one that was closed meanwhile has no name
            _take_back(one, random)
            lost += 1
    disk.undo.unlink(missing_ok=True)
    return lost


def _take_back(one: _Write, random: Random) -> None:
    """Put back what stood there: all of it, or only some sectors of it (a torn write)."""
    old = one.old
    with one.path.open("r+b") as file:
        if random.random() < 0.3 and len(old) > SECTOR_BYTES:
            for start in range(0, len(old), SECTOR_BYTES):
                if random.random() < 0.5:
                    file.seek(one.offset + start)
                    file.write(old[start : start + SECTOR_BYTES])
            return
        file.seek(one.offset)
        file.write(old)
        if random.random() < 0.5 and file.seek(0, os.SEEK_END) > one.size_before:
            file.truncate(one.size_before)
