"""Making the change that a draft says, pot by pot."""

from __future__ import annotations

from quota_core.ledger import Draft, EntryKind


def apply(draft: Draft) -> None:
    """Make the change in the state; a pot below zero is a bug and stops here."""
    state, metric = draft.state, draft.metric
    for pot, delta in draft.parts:
        mark = pot[0]
        if mark == "#":
            lot_id = int(pot[1:])
            lot = next(lot for lot in state.lots[metric] if lot.id == lot_id)
            lot.left += delta
            assert lot.left >= 0
            if draft.kind in (EntryKind.FREEZE, EntryKind.UNFREEZE):
                lot.frozen = draft.kind is EntryKind.FREEZE
        elif mark in "^@&*~" or draft.kind is EntryKind.PLAN:
            pass  # no pot of this account: another's share has its own entry, a plan is written beside
        elif mark == "!":
            state.debt = {**state.debt, metric: state.debt.get(metric, 0) + delta}
            assert state.debt[metric] >= 0
        elif mark == "+":
            place = f"{metric}/{pot[1:]}"
            used, overage = state.used[place]
            state.used[place] = (used, overage + delta)
            assert overage + delta >= 0
        else:
            place = f"{metric}/{pot}"
            used, overage = state.used[place]
            state.used[place] = (used + delta, overage)
            assert used + delta >= 0
