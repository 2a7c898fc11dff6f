import asyncio
import os
import sqlite3
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from quota_core import sqlite_backup
from quota_core.accounts import AccountRef
from quota_core.errors import UnavailableError
from quota_core.sqlite_database import SqliteDatabase
from terminal.backups import back_up
from terminal.desk import Desk
from terminal.progress import Progress
from tests.core.opened_ledger import OPERATOR, OpenLedger, SteerableClock
from tests.core.recounting import assert_sound
from tests.terminal.ledgers import ANA, live, names_in, proved


@pytest.fixture
def _small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a small ledger take as many steps as a large one."""
    monkeypatch.setattr(sqlite_backup, "PAGES", 2)


def nothing(progress: Progress) -> None:
    """Show nothing."""


class Load:
    """Sixteen workers that consume without a pause, and count what was answered."""

    def __init__(self, ledger: OpenLedger) -> None:
        self._ledger = ledger
        self._over = asyncio.Event()
        self.answered = 0
        self.warm = asyncio.Event()

    async def work(self, worker: int) -> None:
        number = 0
        while not self._over.is_set():
            number += 1
            account = AccountRef("user", str(1000 + (worker + number) % 60))
            await self._ledger.quota.consume(account, 1, key=f"w{worker}-{number}")
            self.answered += 1
            if self.answered >= 100:
                self.warm.set()
            if number % 9 == 0:
                await self._ledger.grants.add(
                    account, 9, actor=OPERATOR, reason="load", key=f"g{worker}-{number}"
                )

    def end(self) -> None:
        self._over.set()


@asynccontextmanager
async def under_load(ledger: OpenLedger) -> AsyncIterator[Load]:
    """Consume until the block ends."""
    load = Load(ledger)
    workers = [asyncio.create_task(load.work(number)) for number in range(16)]
    try:
        yield load
    finally:
        load.end()
        await asyncio.gather(*workers)


@pytest.mark.usefixtures("_small_steps")
async def test_a_copy_made_under_load_is_sound_and_one_moment_of_the_ledger(
    ledger: OpenLedger, tmp_path: Path
) -> None:
    """Consumption goes on all the while; the copy holds all that was there before, and nothing half."""
    await live(ledger)
    for number in range(300):
        await ledger.quota.consume(AccountRef("user", str(500 + number)), 1, key=f"n{number}")
    target = tmp_path / "copy.db"
    seen: list[tuple[int, int]] = []
    async with under_load(ledger) as load:
        await load.warm.wait()
        before = len(await ledger.entries())
        await back_up(
            ledger.database, target, force=False, show=lambda step: seen.append((step.done, load.answered))
        )
        during = seen[-1][1] - seen[0][1]
    entries = await ledger.entries()
    copied = await proved(target)

    assert during > 0
    assert before <= len(copied) <= len(entries)
    assert copied == entries[: len(copied)]
    await assert_sound(ledger)


async def test_a_copy_is_one_file_that_only_its_owner_may_read(ledger: OpenLedger, tmp_path: Path) -> None:
    """No log beside it, and any program can read it even where nothing can be written."""
    await live(ledger)
    folder = tmp_path / "copies"
    folder.mkdir()
    target = folder / "copy.db"
    size_bytes = await back_up(ledger.database, target, force=False, show=nothing)

    assert names_in(folder) == {"copy.db"}
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert target.stat().st_size == size_bytes
    with closing(sqlite3.connect(f"{target.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert connection.execute("SELECT count(*) FROM entries").fetchone() == (36,)


@pytest.mark.usefixtures("_small_steps")
async def test_a_copy_that_is_cancelled_leaves_nothing_and_the_ledger_free(
    ledger: OpenLedger, tmp_path: Path
) -> None:
    """The thread has let go of the connection before the caller goes on."""
    await live(ledger)
    folder = tmp_path / "copies"
    folder.mkdir()
    begun = asyncio.Event()
    copying = asyncio.create_task(
        back_up(ledger.database, folder / "copy.db", force=False, show=lambda _: begun.set())
    )
    await begun.wait()
    copying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await copying

    assert names_in(folder) == set()
    await ledger.quota.consume(ANA, 1, key="after")
    again = await ledger.reopened()
    await assert_sound(again)
    await again.close()


@pytest.mark.usefixtures("_small_steps")
async def test_a_database_that_is_opened_again_ends_the_copy_and_not_the_ledger(
    ledger: OpenLedger, tmp_path: Path
) -> None:
    """A connection that failed is replaced; the copy lets go of it at once and says why there is none."""
    await live(ledger)
    begun = asyncio.Event()
    copying = asyncio.create_task(
        back_up(ledger.database, tmp_path / "copy.db", force=False, show=lambda _: begun.set())
    )
    await begun.wait()
    assert isinstance(ledger.database, SqliteDatabase)
    connection = ledger.database._connection  # what a failed disk would do, done by hand
    assert connection is not None
    connection._conn.close()
    ledger.database._lost = True
    with pytest.raises(UnavailableError, match="closed during the back-up"):
        await copying

    await ledger.quota.consume(ANA, 1, key="after")
    await assert_sound(ledger)
    assert not (tmp_path / "copy.db").exists()


async def test_a_closed_database_cannot_be_copied(ledger: OpenLedger, tmp_path: Path) -> None:
    """It is said, and no file is made."""
    await ledger.close()

    with pytest.raises(UnavailableError, match="closed"):
        await back_up(ledger.database, tmp_path / "copy.db", force=False, show=nothing)
    assert not (tmp_path / "copy.db").exists()


async def test_a_disk_without_room_is_left_alone(
    ledger: OpenLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy must not be what stops the ledger on the same disk."""
    room = os.statvfs(tmp_path)
    monkeypatch.setattr(sqlite_backup, "RESERVE_BYTES", room.f_frsize * room.f_blocks)

    with pytest.raises(UnavailableError, match=r"the disk has no room: [\d,]+ bytes needed, [\d,]+ free"):
        await back_up(ledger.database, tmp_path / "copy.db", force=False, show=nothing)
    assert names_in(tmp_path) & {"copy.db"} == set()


async def test_the_command_says_what_it_made_or_why_not(
    ledger: OpenLedger, clock: SteerableClock, tmp_path: Path
) -> None:
    """Exit code 0 with the size; 1 for a file that exists, a folder that does not; 2 for a path without a root."""
    desk = Desk(ledger.database, ledger.keys, clock=clock)
    lines: list[str] = []
    target = str(tmp_path / "copy.db")

    assert await desk.do("ledger backup", {"file": target}, lines.append) == 0
    assert await desk.do("ledger backup", {"file": target}, lines.append) == 1
    assert await desk.do("ledger backup", {"file": target, "force": True}, lines.append) == 0
    assert await desk.do("ledger backup", {"file": str(tmp_path / "x" / "y.db")}, lines.append) == 1
    assert await desk.do("ledger backup", {"file": "copy.db"}, lines.append) == 2
    assert "bytes, checked" in lines[0]
    assert "--force" in lines[1]
    assert "No such file" in lines[3]
