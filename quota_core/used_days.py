"""What an entry adds to the use of its day: pure, for every kind of entry that takes units or gives them back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from quota_core.chain import Entry
from quota_core.ledger import EntryKind
from quota_core.parts import NO_WINDOW, SERVICE_MARK, parts_of
from quota_core.store.usage import DayRow

_CALLS = {
    EntryKind.SPEND: 1,
    EntryKind.HOLD: 1,
    EntryKind.GIVE_BACK: -1,
    EntryKind.RELEASE: -1,
    EntryKind.SETTLE: 0,
    EntryKind.SET: 0,
}
"""The kinds that are use, and how many calls each stands for. A correction by hand prepares a look: no use."""

_MARKED = re.compile(r"[#+^*]")


class Days:
    """Names of days in a time zone; the last one is kept, since entries come in the order of time."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._from_ms, self._until_ms, self._day = 0, 0, ""

    def of(self, at_ms: int) -> str:
        """Return the day of a moment: 2026-11-20."""
        if not self._from_ms <= at_ms < self._until_ms:
            day = datetime.fromtimestamp(at_ms / 1000, self._zone).date()
            first = datetime(day.year, day.month, day.day, tzinfo=self._zone)
            after = day + timedelta(days=1)
            next_one = datetime(after.year, after.month, after.day, tzinfo=self._zone)
            self._from_ms, self._until_ms = int(first.timestamp() * 1000), int(next_one.timestamp() * 1000)
            self._day = day.isoformat()
        return self._day


def used_by(entry: Entry, days: Days) -> DayRow | None:
    """
    Return what an entry adds; None when it is no use.

    Every window of a plan is named with the same amount, so one of them stands for all. What other accounts paid
    (`^`) is used by this one too, and counted as paid where it was paid.
    """
    if entry.kind == EntryKind.SPEND and not _MARKED.search(entry.parts):
        # Nearly every entry is this one: all from windows, and nothing beside.
        day = days.of(entry.at_ms)
        return DayRow(entry.account, day, entry.metric, "", entry.units, entry.units, 0, 1)
    if entry.kind not in _CALLS:
        return None
    calls = _CALLS[EntryKind(entry.kind)]
    counted: int | None = None
    lots = others = 0
    overage: int | None = None
    service = ""
    for pot, delta in parts_of(entry.parts):
        mark = pot[0]
        if mark == "#":
            lots -= delta
        elif mark == "^":
            others += delta
        elif mark == "+":
            overage = delta if overage is None else overage
        elif mark == SERVICE_MARK:
            service, calls = pot[1:], delta
        elif mark not in NO_WINDOW and counted is None:
            counted = delta
    paid = (counted or 0) + lots
    return DayRow(
        entry.account,
        days.of(entry.at_ms),
        entry.metric,
        service,
        paid + others,
        paid,
        overage or 0,
        calls,
    )


def added_up(entries: Iterable[Entry], days: Days) -> list[DayRow]:
    """Return the sums over entries, one row for each account, day, metric and service, in their order."""
    sums: dict[tuple[int, str, int, str], list[int]] = {}
    for entry in entries:
        row = used_by(entry, days)
        if row is not None:
            found = sums.setdefault(row[:4], [0, 0, 0, 0])
            for place, amount in enumerate(row[4:]):
                found[place] += amount
    return [DayRow(*place, *amounts) for place, amounts in sorted(sums.items())]
