"""
What takes units out of lots again, pure: operators by hand, refunds and disputes; and what undoes the latter.

In an entry of a refund or dispute the first part is the purchase's own lot, also when nothing of it moved.
"""

from __future__ import annotations

from collections.abc import Sequence

from quota_core.ledger import AccountState, Draft, EntryKind, Lot
from quota_core.parts import Part


def remove(state: AccountState, metric: str, units: int, now_ms: int) -> Draft:
    """Take up to `units` from the lots: given ones before bought ones, newest first; never below zero."""
    wanted = units
    parts: list[Part] = []
    lots = [lot for lot in state.lots.get(metric, ()) if lot.left and lot.expires_ms > now_ms]
    lots.sort(key=lambda lot: (lot.source == "purchase", -lot.id))
    for lot in lots:
        taken = min(wanted, lot.left)
        if taken:
            parts.append((f"#{lot.id}", -taken))
            wanted -= taken
    return Draft(state=state, kind=EntryKind.REMOVE, metric=metric, units=units - wanted, parts=tuple(parts))


def take_back(state: AccountState, metric: str, units: int, lot: Lot) -> Draft:
    """Take `units` of a purchase back: first what is left in its own lot; what was spent becomes debt."""
    from_lot = min(units, lot.left)
    parts: tuple[Part, ...] = ((f"#{lot.id}", -from_lot),)
    if units > from_lot:
        parts += (("!", units - from_lot),)
    return Draft(state=state, kind=EntryKind.TAKE_BACK, metric=metric, units=units, parts=parts)


def restore(
    state: AccountState,
    metric: str,
    units: int,
    lot: Lot,
    *,
    taken: int,
    taken_from_lot: int,
    debt_payers: Sequence[tuple[int, int]],
) -> Draft:
    """
    Give `units` of a purchase back, of those `taken`.

    First what it still owes is let go, then the lot gets back what was `taken_from_lot`; the rest became debt that
    other lots paid meanwhile: `debt_payers` are these, with how many units each paid. What other purchases owe
    stays: else the order of reports about different ones would count.
    """
    owed = min(units, taken - taken_from_lot, state.debt.get(metric, 0))
    into_lot = min(units - owed, taken_from_lot)
    rest = units - owed - into_lot
    parts: tuple[Part, ...] = ((f"#{lot.id}", into_lot),)
    if owed:
        parts += (("!", -owed),)
    for other, paid in debt_payers:
        back = min(rest, paid)
        if back:
            parts += ((f"#{other}", back),)
            rest -= back
    assert not rest, "what was taken is in the lot, owed, or was paid by another lot"
    return Draft(state=state, kind=EntryKind.RESTORE, metric=metric, units=units, parts=parts)


def freeze(state: AccountState, metric: str, lot: Lot, *, frozen: bool) -> Draft:
    """Put what is left of a lot on hold, or let it go."""
    kind = EntryKind.FREEZE if frozen else EntryKind.UNFREEZE
    return Draft(state=state, kind=kind, metric=metric, units=lot.left, parts=((f"#{lot.id}", 0),))
