"""What lots say, held against the recount; and tables that hold nothing yet, or only names."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from quota_core.ledger import EntryKind
from quota_core.recount import Recount
from quota_core.statements import Row, Work
from quota_core.store import proofs as rows
from quota_core.store import states as state_rows
from quota_core.verdict import Verdict

SOURCES = {EntryKind.GRANT: "grant", EntryKind.PURCHASE: "purchase", EntryKind.TRANSFER: "grant"}


class LotsTable:
    """What grants and purchases brought, and what is left of it."""

    def __init__(self, count: Recount, verdict: Verdict) -> None:
        self._count = count
        self._verdict = verdict
        self._seen: set[int] = set()
        verdict.count("lots", 0)

    def look(self, mark: Row | None, limit: int) -> Work[Row | None]:
        """Compare the next lots."""
        found = yield from rows.lots_after(mark, limit)
        self._verdict.count("lots", len(found))
        for row in found:
            self._seen.add(row[0])
            self._verdict.note(self._lot(row))
        if len(found) == limit:
            return found[-1]
        # A row that came behind the reading point while steps were made is looked up by itself.
        unseen = [lot_id for lot_id in self._count.lots if lot_id not in self._seen]
        there = {lot.id for lot in (yield from state_rows.lots(unseen))}
        self._verdict.note(
            f"lot {lot_id}: has no row, but entries name it" for lot_id in unseen if lot_id not in there
        )
        return None

    def _lot(self, row: Row) -> Iterator[str]:
        lot_id, account, metric, source, order_id, *amounts, ends_ms, frozen, created_ms, paid_entry = row[
            :13
        ]
        lot = self._count.lots.get(lot_id)
        if lot is None:
            yield f"lot {lot_id}: no entry brought it"
            return
        if (account, metric, source, created_ms) != (
            lot.account,
            lot.metric,
            SOURCES[EntryKind(lot.kind)],
            lot.created_ms,
        ):
            yield f"lot {lot_id}: is not what entry {lot.brought_by} brought"
        if amounts != [lot.units, lot.left, lot.taken, lot.expired]:
            yield f"lot {lot_id}: {amounts[1]} of {amounts[0]} left, its entries say {lot.left} of {lot.units}"
        if ends_ms != lot.ends_ms:
            yield f"lot {lot_id}: ends at {ends_ms}, entry {lot.brought_by} says {lot.ends_ms}"
        if frozen != int(lot.frozen):
            yield f"lot {lot_id}: is {'' if frozen else 'not '}frozen, and no entry says so"
        if row[13:] != (lot.reversed, lot.reversed_lot, lot.debt_paid):
            yield f"lot {lot_id}: its entries say that {lot.reversed} units were taken back, not {row[13]}"
        credited = lot.brought_by if source == "purchase" else None
        if paid_entry != credited or (order_id is None) != (credited is None):
            yield f"lot {lot_id}: order {order_id} is not what entry {lot.brought_by} brought"


class EmptyTable:
    """A table that nothing in this program fills yet: whatever is in it was put there by someone else."""

    def __init__(
        self, name: str, after: Callable[[Row | None, int], Work[list[Row]]], verdict: Verdict
    ) -> None:
        self._name = name
        self._after = after
        self._verdict = verdict
        verdict.count(name, 0)

    def look(self, mark: Row | None, limit: int) -> Work[Row | None]:
        """Report the next rows."""
        found = yield from self._after(mark, limit)
        self._verdict.count(self._name, len(found))
        self._verdict.note(f"{self._name}: row {row[0]} was not made by this program" for row in found)
        return found[-1] if len(found) == limit else None


class MetricsTable:
    """The names of what is counted."""

    def __init__(self, count: Recount, verdict: Verdict) -> None:
        self._count = count
        self._verdict = verdict
        self._seen: set[int] = set()
        verdict.count("metrics", 0)

    def look(self, mark: Row | None, limit: int) -> Work[Row | None]:
        """Look for the number of every metric that entries speak of."""
        found = yield from rows.metrics_after(mark, limit)
        self._verdict.count("metrics", len(found))
        self._seen.update(row[0] for row in found)
        if len(found) == limit:
            return found[-1]
        self._verdict.note(
            f"metric {metric}: has no name, but entries count it"
            for metric in sorted(self._count.metrics - self._seen)
        )
        return None
