"""What the entries of one transaction change at lots, collected and then written."""

from __future__ import annotations

from quota_core.ledger import Draft, EntryKind
from quota_core.statements import Work
from quota_core.store import reversals as reversal_rows
from quota_core.store import states as state_rows

_BRINGING = frozenset({EntryKind.GRANT, EntryKind.PURCHASE, EntryKind.TRANSFER})
_TAKING = frozenset({EntryKind.REMOVE, EntryKind.TAKE_BACK, EntryKind.RESTORE})
_AFTER_SALE = frozenset({EntryKind.TAKE_BACK, EntryKind.RESTORE, EntryKind.FREEZE, EntryKind.UNFREEZE})


class LotChanges:
    """Changes by lot: of what is left, taken back and expired; and what refunds and disputes did."""

    def __init__(self) -> None:
        self._units: dict[int, list[int]] = {}
        self._reversed: dict[int, list[int]] = {}
        self._frozen: dict[int, bool] = {}

    def note(self, draft: Draft) -> None:
        """Collect what a draft changes."""
        for pot, delta in draft.parts:
            if pot[0] == "#":
                change = self._units.setdefault(int(pot[1:]), [0, 0, 0])
                change[0] += delta
                if draft.kind in _TAKING:
                    change[1] -= delta
                elif draft.kind is EntryKind.EXPIRE:
                    change[2] -= delta
            elif pot[0] == "!" and draft.kind in _BRINGING:
                # Units that pay a debt never reach the lot that brought them: they count as taken back.
                lot_id = int(draft.parts[0][0][1:])
                self._units.setdefault(lot_id, [0, 0, 0])[1] -= delta
                self._reversed.setdefault(lot_id, [0, 0, 0])[2] -= delta
        if draft.kind in _AFTER_SALE:
            self._note_reversal(draft)

    def _note_reversal(self, draft: Draft) -> None:
        (own, moved), *others = draft.parts
        lot_id = int(own[1:])
        if draft.kind in (EntryKind.FREEZE, EntryKind.UNFREEZE):
            self._frozen[lot_id] = draft.kind is EntryKind.FREEZE
            return
        change = self._reversed.setdefault(lot_id, [0, 0, 0])
        change[0] += draft.units if draft.kind is EntryKind.TAKE_BACK else -draft.units
        change[1] -= moved
        for pot, delta in others:
            if pot[0] == "#":
                self._reversed.setdefault(int(pot[1:]), [0, 0, 0])[2] -= delta

    def write(self) -> Work[None]:
        """Write what was collected."""
        yield from state_rows.change_lots([(lot_id, *change) for lot_id, change in self._units.items()])
        if self._reversed or self._frozen:
            yield from reversal_rows.change_lots([(lot, *change) for lot, change in self._reversed.items()])
            yield from reversal_rows.set_frozen([(lot, int(frozen)) for lot, frozen in self._frozen.items()])
