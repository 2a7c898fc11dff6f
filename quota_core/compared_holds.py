"""What is held, held against the recount."""

from __future__ import annotations

from collections.abc import Iterator

from quota_core.recount import Recount
from quota_core.statements import Row, Work
from quota_core.store import holds as hold_rows
from quota_core.store import proofs as rows
from quota_core.verdict import Verdict


class HoldsTable:
    """Holds that have not ended: each is what an entry placed."""

    def __init__(self, count: Recount, verdict: Verdict) -> None:
        self._count = count
        self._verdict = verdict
        self._seen: set[int] = set()
        verdict.count("holds", 0)

    def look(self, mark: Row | None, limit: int) -> Work[Row | None]:
        """Compare the next holds."""
        found = yield from rows.holds_after(mark, limit)
        self._verdict.count("holds", len(found))
        for row in found:
            self._verdict.note(self._hold(row))
        if len(found) == limit:
            return found[-1]
        # A row that came behind the reading point while steps were made is looked up by itself.
        unseen = [entry for entry in self._count.holds.rows() if entry not in self._seen]
        there = {row[0] for row in (yield from hold_rows.by_entries(unseen))}
        self._verdict.note(
            f"entry {entry}: holds units, but there is no row of it" for entry in unseen if entry not in there
        )
        return None

    def _hold(self, row: Row) -> Iterator[str]:
        hold_id, account, metric, key, units, settled, state, entry, until_ms = row
        said = self._count.holds.open.get(entry)
        if said is None or said.until_ms is None:
            yield f"holds row {hold_id}: entry {entry} holds nothing, or no longer"
            return
        if entry in self._seen:
            yield f"holds row {hold_id}: entry {entry} has another one"
        self._seen.add(entry)
        if (account, metric, key, units, until_ms, settled, state) != (
            *(said.account, said.metric, said.key, said.units, said.until_ms),
            *(None, "held"),
        ):
            yield f"holds row {hold_id}: is not what entry {entry} holds"
