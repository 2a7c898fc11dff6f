"""Back-ups that the running bot makes by itself; what goes wrong is logged and tried again, and stops nothing."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from quota_core.database import Database
from quota_core.errors import UnavailableError
from settings import Settings
from terminal.backups import back_up
from terminal.progress import EverySeconds
from terminal.whole_file import PART

log = logging.getLogger(__name__)

FIRST_RETRY_SECONDS = 60.0
LOOK_SECONDS = 3600.0  # a longer sleep would miss that the clock was set, or the machine slept
_NAME = re.compile(r"quota-(\d{8}T\d{6}Z)\.db")
_STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupPlan:
    """Where back-ups go, how many seconds lie between two, and how many are kept."""

    folder: Path
    interval_seconds: float
    keep: int


def plan_of(settings: Settings) -> BackupPlan | None:
    """Return the plan that the settings make, None when they make none."""
    if settings.backup_folder is None:
        return None
    return BackupPlan(
        folder=settings.backup_folder,
        interval_seconds=settings.backup_interval_hours * 3600,
        keep=settings.backup_keep,
    )


async def keep_backups(
    database: Database,
    plan: BackupPlan | None,
    clock: Callable[[], int],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """
    Make back-ups until cancelled; the first one when the newest in the folder is older than the interval.

    `clock` returns UTC milliseconds, `sleep` takes seconds.
    """
    if plan is None:
        return
    retry_seconds = FIRST_RETRY_SECONDS
    while True:
        try:
            wait_seconds = _seconds_until_due(plan, clock())
            if wait_seconds <= 0:
                await _back_up(database, plan, clock())
                retry_seconds = FIRST_RETRY_SECONDS
                continue
        except Exception as error:  # whatever it was, a later try may succeed
            wait_seconds = min(retry_seconds, plan.interval_seconds)
            retry_seconds *= 2
            known = isinstance(error, OSError | UnavailableError)
            log.error(  # noqa: TRY400 - what is expected to happen needs no traceback
                "no back-up was made, trying again in %.0f s: %s",
                wait_seconds,
                error,
                exc_info=None if known else error,
            )
        await sleep(min(wait_seconds, LOOK_SECONDS))


def backups_in(folder: Path) -> list[tuple[int, Path]]:
    """Return the back-ups of the schedule with their times (UTC milliseconds), oldest first."""
    found = []
    for file in folder.iterdir():
        if (match := _NAME.fullmatch(file.name)) is not None:
            try:
                moment = datetime.strptime(match[1], _STAMP).replace(tzinfo=UTC)
            except ValueError:  # the 31st of February is not one of ours
                continue
            found.append((round(moment.timestamp() * 1000), file))
    return sorted(found)


def _seconds_until_due(plan: BackupPlan, now_ms: int) -> float:
    plan.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # One from the future (the clock was ahead) must not put the next one off.
    times = [at_ms for at_ms, _ in backups_in(plan.folder) if at_ms <= now_ms]
    return max(times) / 1000 + plan.interval_seconds - now_ms / 1000 if times else 0.0


async def _back_up(database: Database, plan: BackupPlan, now_ms: int) -> None:
    for stale in plan.folder.glob(f".quota-*.db.*{PART}*"):  # of a process that was killed
        stale.unlink(missing_ok=True)
    target = plan.folder / f"quota-{datetime.fromtimestamp(now_ms / 1000, UTC):{_STAMP}}.db"
    meter = EverySeconds(log.info)
    size_bytes = await back_up(database, target, force=False, show=meter.show)
    log.info("back-up %s: %d bytes", target, size_bytes)
    for _, old in backups_in(plan.folder)[: -plan.keep]:
        try:
            old.unlink(missing_ok=True)
        except OSError as error:
            log.warning("an old back-up could not be removed: %s", error)
        else:
            log.info("back-up %s is past its time and was removed", old)
