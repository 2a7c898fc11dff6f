"""The part of `doctor` that looks at the ledger: its database, the last delivery, what is owed, when days end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from quota_core.database import Database
from quota_core.findings import Finding, State, note, to_mend, well
from quota_core.periods import PeriodKind, period_at
from quota_core.statements import Work
from quota_core.store import figures as rows
from terminal.reply import Reply

LATE_MS = 15 * 60_000
HOUR_MINUTES, DAY_HOURS = 60, 24
_Facts = tuple[int | None, int, int, int | None]


class LedgerCheckup:
    """Look at an open ledger; `zone` is the catalog's, `clock` gives UTC milliseconds."""

    def __init__(self, database: Database, zone: ZoneInfo, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._zone = zone
        self._clock = clock

    async def run(self, options: Mapping[str, Any], reply: Reply) -> int:
        """Say how each thing stands; 1 when something is to be done."""
        del options
        found = list(self._findings(await self._database.read(_facts)))
        for finding in found:
            reply.tell(line_of(finding))
        return int(any(finding.state is State.TO_DO for finding in found))

    def _findings(self, facts: _Facts) -> Iterator[Finding]:
        delivered_ms, held, owed, oldest_ms = facts
        if self._database.halted is not None:
            yield to_mend(
                "database",
                f"writes are stopped: {self._database.halted}",
                "docs/runbook.md, QuotaLedgerHalted",
            )
        elif self._database.alone:
            yield well(
                "database", "SQLite for this process alone; each commit is on the disk (synchronous=FULL)"
            )
        else:
            yield well(
                "database", "PostgreSQL, with fsync and synchronous_commit on; several processes may share it"
            )
        now_ms = self._clock()
        turns = datetime.fromtimestamp(period_at(PeriodKind.DAY, now_ms, zone=self._zone).end_ms / 1000, UTC)
        yield well("time zone", f"a day ends at midnight in {self._zone}, next at {turns:%Y-%m-%d %H:%M}Z")
        if delivered_ms is None:
            yield note("webhook", "Stripe has delivered nothing yet", "buy something with test money")
        else:
            yield well("webhook", f"Stripe last delivered {_ago(now_ms - delivered_ms)} ago")
        if held:
            yield to_mend(
                "payments", f"{held} deliveries did not match an order", "docs/runbook.md, QuotaPaymentHeld"
            )
        if oldest_ms is not None and now_ms - oldest_ms > LATE_MS:
            yield to_mend(
                "messages",
                f"{owed} are owed, the oldest for {_ago(now_ms - oldest_ms)}",
                "docs/runbook.md, QuotaNoticesLate",
            )


def _facts() -> Work[_Facts]:
    delivered_ms = yield from rows.last_delivery()
    held = yield from rows.held()
    notices = yield from rows.owed()
    owed, oldest_ms = sum(row[1] for row in notices), min((row[2] for row in notices), default=None)
    return delivered_ms, held, owed, oldest_ms


def _ago(ms: int) -> str:
    minutes = max(0, ms) // 60_000
    if minutes < 1:
        return "less than a minute"
    if minutes < 2 * HOUR_MINUTES:
        return f"{minutes} min"
    hours = minutes // HOUR_MINUTES
    return f"{hours} h" if hours < 2 * DAY_HOURS else f"{hours // DAY_HOURS} days"


def line_of(finding: Finding) -> str:
    """Return a finding as a line of the answer."""
    line = f"{finding.state.value:<6} {finding.about}: {finding.text}"
    return f"{line} -> {finding.to_do}" if finding.to_do else line
