"""What the audit and the crossed thresholds say, held against the recount."""

from __future__ import annotations

from collections.abc import Iterator

from quota_core import witnesses
from quota_core.ledger import EntryKind
from quota_core.parts import unfolded
from quota_core.periods import LEVEL, level_period
from quota_core.recount import Recount
from quota_core.statements import Row, Work
from quota_core.store import proofs as rows
from quota_core.verdict import Verdict


class AuditTable:
    """Who did what by hand, and why: for each such entry one row."""

    def __init__(self, count: Recount, verdict: Verdict) -> None:
        self._count = count
        self._verdict = verdict
        verdict.count("audit", 0)

    def look(self, mark: Row | None, limit: int) -> Work[Row | None]:
        """Compare the next rows."""
        found = yield from rows.audit_after(mark, limit)
        self._verdict.count("audit", len(found))
        for row in found:
            self._verdict.note(self._audited(row))
        if len(found) == limit:
            return found[-1]
        # A row that came behind the reading point while steps were made is looked up by itself.
        unseen = list(self._count.by_hand)
        there = {row[0] for row in (yield from rows.audited(unseen))}
        self._verdict.note(
            f"entry {entry}: was made by hand, but no audit row says by whom"
            for entry in unseen
            if entry not in there
        )
        return None

    def _audited(self, row: Row) -> Iterator[str]:
        audit, entry, actor, action, reason, at_ms = row
        made = self._count.by_hand.pop(entry, None)
        witness, _ = witnesses.by_hand(actor, action, reason)
        if made is None:
            yield f"audit row {audit}: entry {entry} was not made by hand"
        elif (witness, action, at_ms) != (made.witness, made.action, made.at_ms):
            yield f"audit row {audit}: does not say what entry {entry} was made with"


class CrossingsTable:
    """Thresholds that were crossed, each by a spend in that window."""

    def __init__(self, verdict: Verdict) -> None:
        self._verdict = verdict
        verdict.count("crossings", 0)

    def look(self, mark: Row | None, limit: int) -> Work[Row | None]:
        """Compare the next crossings."""
        found = yield from rows.crossings_after(mark, limit)
        self._verdict.count("crossings", len(found))
        for account, metric, period, percent, entry, *said, units, kept, at_ms in found:
            parts = unfolded(kept, units, at_ms) if kept else ""
            pots = {part.partition("=")[0] for part in parts.split()}
            taken = said[:2] == [account, metric] and said[2] in (
                EntryKind.SPEND,
                EntryKind.HOLD,
                EntryKind.SET,
            )
            level = LEVEL.key in pots and period == _month_of(at_ms)
            if not taken or not (level or period in pots):
                self._verdict.note(
                    [f"account {account}: entry {entry} did not cross {percent} % of window {period}"]
                )
        return found[-1] if len(found) == limit else None


def _month_of(at_ms: int) -> str | None:
    """Return under which period a level's thresholds are crossed, None for a time that no calendar has."""
    try:
        return level_period(at_ms)
    except (ValueError, OverflowError, OSError):
        return None  # somebody altered the entry, whose digest tells
