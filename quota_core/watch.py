"""The recurring check of the ledger: at start and every five minutes; what it finds stops all writes."""

from __future__ import annotations

import asyncio
import logging

from quota_core.database import Database
from quota_core.errors import UnavailableError
from quota_core.recent_check import check_recent

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 300.0


async def watch_ledger(database: Database, *, interval_seconds: float = INTERVAL_SECONDS) -> None:
    """Check until cancelled, or until something is broken: then writes are halted, and reads go on."""
    while True:
        try:
            verdict = await check_recent(database)
        except UnavailableError as error:
            log.warning("the ledger could not be checked: %s", error)
        except Exception:  # what a check met that nobody foresaw must not be the last one
            log.exception("the ledger could not be checked")
        else:
            if not verdict.sound:
                database.halt(verdict.problems[0])
                return
        await asyncio.sleep(interval_seconds)
