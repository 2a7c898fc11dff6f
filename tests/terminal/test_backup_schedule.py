import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from settings import load
from terminal import backup_schedule
from terminal.backup_schedule import BackupPlan, backups_in, keep_backups, plan_of
from terminal.backups import back_up
from tests.core.opened_ledger import OpenLedger, SteerableClock
from tests.terminal.ledgers import ANA, live, names_in, proved


class Sleeps:
    """Sleep that ends when the test says so; the test can wait until the schedule sleeps."""

    def __init__(self) -> None:
        self.asked_seconds: list[float] = []
        self._begun = asyncio.Event()
        self._over = asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        self.asked_seconds.append(seconds)
        self._begun.set()
        await self._over.wait()
        self._over.clear()

    async def asleep(self) -> None:
        """Wait until all that was due is done."""
        async with asyncio.timeout(120):
            await self._begun.wait()

    async def again(self) -> None:
        """End the sleep and wait for the next one."""
        self._begun.clear()
        self._over.set()
        await self.asleep()


@pytest.fixture
def plan(tmp_path: Path) -> BackupPlan:
    """Return a plan: hourly, three are kept."""
    return BackupPlan(folder=tmp_path / "copies", interval_seconds=3600, keep=3)


@asynccontextmanager
async def running(ledger: OpenLedger, plan: BackupPlan) -> AsyncIterator[Sleeps]:
    """Run the schedule until the block ends; begin once it sleeps for the first time."""
    sleeps = Sleeps()
    task = asyncio.create_task(keep_backups(ledger.database, plan, ledger.clock, sleeps))
    try:
        await sleeps.asleep()
        yield sleeps
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_backups_are_made_when_due_and_the_oldest_removed(
    ledger: OpenLedger, clock: SteerableClock, plan: BackupPlan
) -> None:
    """Named after their time in UTC; each passes `verify`; what others put there stays."""
    plan.folder.mkdir()
    (plan.folder / "quota-notes.db").touch()
    (plan.folder / "quota-20261399T000000Z.db").touch()
    async with running(ledger, plan) as sleeps:
        await live(ledger)
        for _ in range(4):
            await sleeps.again()
            clock.move(hours=1)
        await sleeps.again()

    assert names_in(plan.folder) == {
        "quota-notes.db",
        "quota-20261399T000000Z.db",
        "quota-20261120T140000Z.db",
        "quota-20261120T150000Z.db",
        "quota-20261120T160000Z.db",
    }
    assert len(await proved(plan.folder / "quota-20261120T160000Z.db")) == 36


async def test_a_restart_does_not_begin_the_interval_anew(
    ledger: OpenLedger, clock: SteerableClock, plan: BackupPlan
) -> None:
    """A bot that is restarted every half hour makes one back-up an hour; one from the future delays none."""
    for _ in range(4):
        async with running(ledger, plan):
            clock.move(ms=1_800_000)
    made = [file.name for _, file in backups_in(plan.folder)]
    (plan.folder / "quota-20991231T000000Z.db").touch()
    async with running(ledger, plan):
        pass

    assert made == ["quota-20261120T120000Z.db", "quota-20261120T130000Z.db"]
    assert len(backups_in(plan.folder)) == 3 + 1 - 1


async def test_a_failure_is_logged_and_tried_again_and_stops_nothing(
    ledger: OpenLedger, clock: SteerableClock, plan: BackupPlan, caplog: pytest.LogCaptureFixture
) -> None:
    """A disk that is not there yet: after a minute, two, four; once it is there, the back-up is made."""
    plan.folder.touch()
    async with running(ledger, plan) as sleeps:
        await sleeps.again()
        await sleeps.again()
        await ledger.quota.consume(ANA, 1, key="meanwhile")
        plan.folder.unlink()
        await sleeps.again()

    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [round(seconds) for seconds in sleeps.asked_seconds] == [60, 120, 240, 3600]
    assert len(errors) == 3
    assert all("no back-up was made" in record.message for record in errors)
    assert names_in(plan.folder) == {f"quota-20261120T{clock.now_ms // 3_600_000 % 24}0000Z.db"}


async def test_an_unexpected_failure_does_not_end_the_schedule(
    ledger: OpenLedger, plan: BackupPlan, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever it was, the next try may succeed; the log has the whole story."""
    failures = [RuntimeError("never seen before")]

    async def sometimes(*arguments: object, **options: object) -> int:
        if failures:
            raise failures.pop()
        return await back_up(*arguments, **options)  # type: ignore[arg-type]  # handed on as they came

    monkeypatch.setattr(backup_schedule, "back_up", sometimes)
    async with running(ledger, plan) as sleeps:
        await sleeps.again()

    assert len(backups_in(plan.folder)) == 1
    assert "RuntimeError: never seen before" in caplog.text


async def test_what_a_killed_process_left_half_done_is_removed(ledger: OpenLedger, plan: BackupPlan) -> None:
    """The next back-up cleans up after it."""
    plan.folder.mkdir()
    (plan.folder / ".quota-20261120T110000Z.db.0a1b2c3d.part").write_bytes(b"half")
    async with running(ledger, plan):
        pass

    assert names_in(plan.folder) == {"quota-20261120T120000Z.db"}


async def test_there_are_none_unless_a_folder_is_set(ledger: OpenLedger, tmp_path: Path) -> None:
    """Off by default; the settings make the plan."""
    await keep_backups(ledger.database, None, ledger.clock)
    settings = load(
        {"backup_folder": str(tmp_path), "backup_interval_hours": "0.5", "backup_keep": "2"},
        need_discord=False,
    )

    assert plan_of(load({"backup_folder": ""}, need_discord=False)) is None
    assert plan_of(settings) == BackupPlan(folder=tmp_path, interval_seconds=1800, keep=2)
