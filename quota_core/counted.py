"""What a recount remembers of entries, to hold rows of other tables against."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from quota_core.ledger import EntryKind


@dataclass(slots=True)
class LotCount:
    """What entries say of a lot, in units; `ends_ms` None: never."""

    account: int
    metric: int
    kind: int
    units: int
    brought_by: int
    created_ms: int
    ends_ms: int | None = None
    left: int = 0
    taken: int = 0
    expired: int = 0
    reversed: int = 0
    reversed_lot: int = 0
    debt_paid: int = 0
    frozen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """An entry that brought units, or that was made by hand: what other rows must agree with."""

    entry: int
    account: int
    metric: int
    kind: int
    units: int
    at_ms: int
    key: bytes
    allowance_left: int | None
    purchased_left: int
    lot: int
    into_lot: int
    action: str
    witness: str


def holdings_of(
    lots: Collection[LotCount], issued: Mapping[tuple[int, int], int], spent: Mapping[int, int]
) -> dict[int, dict[str, int]]:
    """
    Return, for each metric, units in lots: by what brought them, where they went, and what is held.

    The keys are granted, bought, spent, expired, taken_back (with what paid debts) and held. What moved between
    accounts is in none of them: it left one lot and came into another.
    """
    table: dict[int, dict[str, int]] = {}
    for metric in sorted({lot.metric for lot in lots} | {m for m, _ in issued}):
        of_metric = [lot for lot in lots if lot.metric == metric]
        table[metric] = {
            "granted": issued.get((metric, EntryKind.GRANT), 0),
            "bought": issued.get((metric, EntryKind.PURCHASE), 0),
            "spent": spent.get(metric, 0),
            "expired": sum(lot.expired for lot in of_metric),
            "taken_back": sum(lot.taken for lot in of_metric),
            "held": sum(lot.left for lot in of_metric),
        }
    return table
