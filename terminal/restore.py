"""
`ledger restore`: a back-up takes the place of the ledger, once it was proved; what was there is kept aside.

Only where no process holds the ledger. All that takes long is done on a copy beside it; the swap itself is one
rename, so the name of the ledger leads to a whole file at every moment.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from quota_core.crash_points import crash_point
from quota_core.database import Database
from quota_core.errors import SchemaError, UnavailableError
from quota_core.migrations import migrate
from quota_core.proof import Proof
from quota_core.sqlite_backup import held, in_use
from quota_core.sqlite_database import SqliteDatabase
from quota_core.store.entries import last_id
from terminal.progress import Progress
from terminal.reply import Reply
from terminal.whole_file import PART, beside, sync_folder

CHUNK_BYTES = 8 * 2**20
Agree = Callable[[str], Awaitable[bool]]
"""Asks a question and says whether the answer was yes."""


class _NotSoundError(Exception):
    """The back-up does not prove itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore:
    """One restoration of `source` to `ledger`; `agree` is asked once all is known."""

    source: Path
    ledger: Path
    agree: Agree
    reply: Reply
    clock: Callable[[], int]

    async def run(self) -> int:
        """
        Prove the back-up, ask, swap, look again; return 0, or 1 when the ledger is as it was.

        Raises:
            DatabaseInUseError: a process holds the ledger.
            SchemaError: what stands in the ledger's place is the database of another program.

        """
        self.ledger.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with held(self.ledger):
            pass  # whoever cannot have it learns that before the long work
        part = self.ledger.with_name(f".{self.ledger.name}.{secrets.token_hex(4)}{PART}")
        try:
            await self._copy(part)
            entries = await self._prove(part)
            if not await self.agree(f"Replace {self.ledger} by {self.source} ({entries:,} entries, sound)?"):
                self.reply.tell("nothing was changed")
                return 1
            return await self._swap(part, entries)
        except (SchemaError, UnavailableError, _NotSoundError, OSError) as error:
            self.reply.tell(f"nothing was restored: {error}")
            return 1
        finally:
            for file in (part, *beside(part)):
                file.unlink(missing_ok=True)

    async def _copy(self, part: Path) -> None:
        if not self.source.is_file():
            raise FileNotFoundError(f"there is no file {self.source}")
        if self.ledger.exists() and self.source.samefile(self.ledger):
            raise UnavailableError("that is the ledger itself")
        if in_use(self.source):
            raise UnavailableError(f"a process works on {self.source}: make a back-up of it by that process")
        wal, part_wal = beside(self.source)[0], beside(part)[0]
        files = [(self.source, part)]
        if wal.exists() and wal.stat().st_size:
            # A ledger that was copied without a clean stop: its last transactions stand in the log alone.
            files.append((wal, part_wal))
        total = sum(source.stat().st_size for source, _ in files)
        done = 0
        for source, target in files:
            for copied in _chunks(source, target):
                done += copied
                self.reply.step(Progress(stage="reading", unit="bytes", done=done, total=total))
                await asyncio.sleep(0)  # so that Ctrl-C is heard

    async def _prove(self, part: Path) -> int:
        """Bring the copy to this program's schema, recount it, and return its last entry."""
        async with _opened(part) as database:
            await migrate(database, clock=self.clock)
            total = await database.read(last_id)

            def progress(entries: int) -> None:
                step = Progress(stage="counting", unit="entries", done=entries, total=max(total, entries))
                self.reply.step(step)

            verdict = await Proof(database).verify(progress)
        for problem in verdict.problems:
            self.reply.tell(f"WRONG {problem}")
        if not verdict.sound:
            raise _NotSoundError(f"{self.source} is not sound")
        return total

    async def _swap(self, part: Path, entries: int) -> int:
        _sync(part)
        moment = datetime.fromtimestamp(self.clock() / 1000, UTC)
        stamp = f"{moment:%Y%m%dT%H%M%S}{moment.microsecond // 1000:03}Z"
        aside = self.ledger.with_name(f"{self.ledger.stem}-before-restore-{stamp}{self.ledger.suffix}")
        # From here on, being cut off would leave nobody to say what happened; it is short.
        swapping = asyncio.ensure_future(self._swapped(part, aside, entries))
        while not swapping.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([swapping])
        return swapping.result()

    async def _swapped(self, part: Path, aside: Path, entries: int) -> int:
        with contextlib.ExitStack() as hold:
            hold.enter_context(held(self.ledger))
            if sys.platform == "win32":
                hold.close()  # there, a file that is open cannot be renamed
            crash_point("ops.83.restore_swap")
            kept = _put_in_place(part, self.ledger, aside)
            crash_point("ops.83.restore_swapped")
        if kept:
            self.reply.tell(f"the ledger as it was: {aside}")
        async with _opened(self.ledger) as database:
            found = await database.read(last_id)
        if found != entries:
            self.reply.tell(f"WRONG {self.ledger} has {found:,} entries instead of {entries:,}")
            return 1
        self.reply.tell(
            f"{self.ledger}: restored from {self.source}, {entries:,} entries, the ledger is sound"
        )
        return 0


@contextlib.asynccontextmanager
async def _opened(path: Path) -> AsyncIterator[Database]:
    database = SqliteDatabase(path)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


def _chunks(source: Path, target: Path) -> Iterator[int]:
    """Copy a file (mode 0600), and yield the size of each chunk in bytes."""
    target.touch(mode=0o600, exist_ok=False)
    with target.open("wb") as copy, source.open("rb") as original:
        while chunk := original.read(CHUNK_BYTES):
            copy.write(chunk)
            yield len(chunk)


def _put_in_place(part: Path, ledger: Path, aside: Path) -> bool:
    """
    Give the ledger a second name and its own to `part`; return whether there was one.

    What SQLite left beside it goes with it: applied to the file that comes in its place, it would destroy that.
    """
    there = ledger.exists()
    if there:
        try:
            aside.hardlink_to(ledger)
        except OSError:  # a disk without hard links: for a moment there is no ledger
            ledger.rename(aside)
    for old, new in zip(beside(ledger), beside(aside), strict=True):
        # Only a ledger that is gone, or that SQLite cannot read, still has any.
        if old.exists():
            old.rename(new)
    part.replace(ledger)
    sync_folder(ledger.parent)
    return there


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
