"""Of which entries people must have been told, and what: refunds, disputes, and units that came."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from quota_core.counted import LotCount
from quota_core.ledger import EntryKind
from quota_core.statements import Row

_FREEZE, _UNFREEZE = int(EntryKind.FREEZE), int(EntryKind.UNFREEZE)


class ReversalSaid(NamedTuple):
    """
    What an entry of a refund or dispute says of a purchase.

    `bought_by` is the entry that credited it, `taken` are its units that are taken back afterwards; `left` and
    `debt` are the account's. `with_other`: it may have been told with the entry beside it.
    """

    account: int
    metric: int
    kind: int
    units: int
    at_ms: int
    lot: int
    bought_by: int
    taken: int
    left: int
    debt: int
    with_other: bool


class ArrivalSaid(NamedTuple):
    """What the last entry of a transfer says where the units came, `units` those of all its entries together."""

    account: int
    metric: int
    units: int
    at_ms: int
    giver: int
    left: int


class TellingsCount:
    """
    What must have been told and was not found yet, by entry.

    `freezes` are all lots that were put on hold: (the entry that credited it, units on hold, when).
    """

    def __init__(self) -> None:
        self.reversals: dict[int, ReversalSaid] = {}
        self.arrivals: dict[int, ArrivalSaid] = {}
        self.freezes: set[tuple[int, int, int]] = set()
        self._last_entry = 0
        self._last: ReversalSaid | None = None

    def reverse(self, row: Row, lot_id: int, lots: Mapping[int, LotCount], debt: int) -> None:
        """Count an entry of a refund or dispute whose parts were added up."""
        entry, kind = row[0], row[4]
        lot = lots[lot_id]
        said = ReversalSaid(
            account=row[1],
            metric=row[5],
            kind=kind,
            units=row[6],
            at_ms=row[8],
            lot=lot_id,
            bought_by=lot.brought_by,
            taken=lot.reversed,
            left=row[11],
            debt=debt,
            with_other=False,
        )
        last = self._last
        if (
            last is not None
            and (last.lot, last.at_ms, self._last_entry) == (lot_id, row[8], entry - 1)
            and last.kind not in (_FREEZE, _UNFREEZE)
        ):
            # Units that moved and a hold that begins are told as the hold, with one that ends as what moved.
            if kind == _FREEZE and self._last_entry in self.reversals:
                self.reversals[self._last_entry] = last._replace(with_other=True)
            said = said._replace(with_other=kind == _UNFREEZE)
        self.reversals[entry] = self._last = said
        self._last_entry = entry
        if kind == _FREEZE:
            self.freezes.add((lot.brought_by, row[6], row[8]))

    def arrive(self, row: Row, giver: int, before: int | None) -> None:
        """Count units that came; `before` is the entry with which others of the same transfer did."""
        earlier = self.arrivals.pop(before, None) if before is not None else None
        self.arrivals[row[0]] = ArrivalSaid(
            account=row[1],
            metric=row[5],
            units=row[6] + (earlier.units if earlier else 0),
            at_ms=row[8],
            giver=giver,
            left=row[11],
        )
