"""What entries of refunds and disputes say of lots, counted apart from the rules that made them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from quota_core.counted import LotCount
from quota_core.ledger import EntryKind

_FREEZE, _TAKE_BACK = int(EntryKind.FREEZE), int(EntryKind.TAKE_BACK)
_RESTORE = int(EntryKind.RESTORE)
REVERSALS = frozenset({_FREEZE, int(EntryKind.UNFREEZE), _TAKE_BACK, _RESTORE})


def moved_by(kind: int, units: int, lots: int, debt: int) -> int:
    """Return what the parts of such an entry amount to; a lot that is only put on hold moves nothing."""
    if kind == _TAKE_BACK:
        return debt - lots
    if kind == _RESTORE:
        return lots - debt
    return units if not lots and not debt else lots


def count_reversal(
    lots: Mapping[int, LotCount], kind: int, units: int, parts: Sequence[tuple[str, int]]
) -> Iterator[str]:
    """Count an entry whose parts were added up, and yield what is wrong with it."""
    (own, moved), *others = parts
    lot = lots[int(own[1:])]
    if kind in (_TAKE_BACK, _RESTORE):
        lot.reversed += units if kind == _TAKE_BACK else -units
        lot.reversed_lot -= moved
        for pot, delta in others:
            if pot[:1] == "#":
                lots[int(pot[1:])].debt_paid -= delta
                if lots[int(pot[1:])].debt_paid < 0:
                    yield f"gives back more than lot {pot[1:]} paid"
        if not 0 <= lot.reversed_lot <= lot.reversed <= lot.units:
            yield f"leaves {lot.reversed} of {lot.units} units of lot {own[1:]} taken back"
    else:
        lot.frozen = kind == _FREEZE
        if units != lot.left:
            yield f"speaks of {units} units of lot {own[1:]}, which holds {lot.left}"
