"""
What is added up by day, held against the entries up to its mark.

By account, metric and service: which day an entry belongs to follows from the catalog's time zone, which the ledger
does not know. The sums are weighed by who and what they are of, so that another distribution of the same units has
the same sum once in 2^60.
"""

from __future__ import annotations

import secrets
from typing import NamedTuple
from zoneinfo import ZoneInfo

from quota_core.statements import Work
from quota_core.store import marks
from quota_core.store import usage as rows
from quota_core.store.usage import DayRow
from quota_core.used_days import Days, used_by
from quota_core.verdict import Verdict

MAX_TRIES = 5
_MASK = 2**60 - 1


class Reading(NamedTuple):
    """How far the comparison is: the last entry that was added, and the last row, None before the rows."""

    entry: int
    row: DayRow | None = None
    tries: int = 0


class UsageTable:
    """The days, some rows at a time; where they grow while they are read, the reading begins anew."""

    def __init__(self, verdict: Verdict) -> None:
        self._verdict = verdict
        self._seed = secrets.randbits(60)
        self._days = Days(ZoneInfo("UTC"))
        self._upto = 0
        self._from_entries = [0, 0, 0, 0]
        self._from_rows = [0, 0, 0, 0]
        verdict.count("usage_days", 0)

    def look(self, mark: Reading | None, limit: int) -> Work[Reading | None]:
        """Add up the next entries, then the next rows, and compare at the end."""
        place = Reading(0) if mark is None else mark
        if mark is None:
            self._upto = yield from marks.mark(rows.MARK)
        if place.entry < self._upto:
            return (yield from self._entries(place, limit))
        found = yield from rows.rows_after(place.row, limit)
        for row in found:
            self._add(self._from_rows, row)
        if len(found) == limit:
            return place._replace(row=found[-1])
        now = yield from marks.mark(rows.MARK)
        if now != self._upto:
            # Some of these rows are of entries behind the mark that was read first.
            self._upto, self._from_rows = now, [0, 0, 0, 0]
            return Reading(place.entry, None, place.tries + 1) if place.tries < MAX_TRIES else None
        if self._from_rows != self._from_entries:
            self._verdict.note(["use by day is not what the entries add up to"])
        return None

    def _entries(self, place: Reading, limit: int) -> Work[Reading]:
        found = yield from rows.entries_between(place.entry, self._upto, limit)
        for entry in found:
            try:
                row = used_by(entry, self._days)
            except (ValueError, IndexError, OverflowError):
                continue  # the recount has said what is wrong with this entry
            if row is not None:
                self._add(self._from_entries, row)
        return place._replace(entry=found[-1].id if len(found) == limit else self._upto)

    def _add(self, sums: list[int], row: DayRow) -> None:
        weight = hash((self._seed, row.account, row.metric, row.service)) & _MASK
        for number, amount in enumerate(row[4:]):
            sums[number] += weight * amount
