"""Where an account stands by an operator's word: blocked or not, and which other account pays for it."""

from __future__ import annotations

from dataclasses import dataclass, field

from quota_core import facts
from quota_core.accounts import AccountRef
from quota_core.by_hand import ByHand, require_same
from quota_core.errors import UnfitParentError
from quota_core.ledger import AccountState, EntryKind
from quota_core.statements import Work
from quota_core.store import standings as rows


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChange:
    """Whether the account was blocked by hand before, and is now."""

    was_blocked: bool
    blocked: bool
    replayed: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentChange:
    """Which account pays for this one now; None: it pays for itself."""

    parent: AccountRef | None
    replayed: bool = field(default=False, compare=False)


def set_blocked(work: ByHand, now_ms: int, *, blocked: bool) -> Work[StatusChange]:
    """Block the account, or lift that."""
    payer, before, _ = yield from work.start(now_ms)
    state = payer.state
    said = facts.fact(facts.BLOCKED, int(blocked))
    if before is not None:
        require_same(before, EntryKind.STATUS, [said])
        was_blocked = facts.fact_in(before.parts, facts.WAS_BLOCKED) == 1
        return StatusChange(was_blocked=was_blocked, blocked=blocked, replayed=True)
    was_blocked, state.blocked = state.blocked, blocked
    yield from rows.set_status(state.id, "blocked" if blocked else "active")
    said_before = facts.fact(facts.WAS_BLOCKED, int(was_blocked))
    yield from work.note(EntryKind.STATUS, [said, said_before], state, now_ms)
    return StatusChange(was_blocked=was_blocked, blocked=blocked)


def set_parent(work: ByHand, parent: AccountRef | None, now_ms: int) -> Work[ParentChange]:
    """Let another account pay for this one from now on, or let it pay for itself again."""
    # Both are locked: nobody makes one of them a child or a parent meanwhile.
    payer, before, others = yield from work.start(now_ms, *(() if parent is None else (parent,)))
    state = payer.state
    said = facts.fact(facts.PARENT, others[0].id if others else 0)
    if before is not None:
        require_same(before, EntryKind.PARENT, [said])
        return ParentChange(parent=parent, replayed=True)
    for other in others:
        yield from _require_fit(state, other)
    state.parent = parent
    yield from rows.set_parent(state.id, others[0].id if others else None)
    yield from work.note(EntryKind.PARENT, [said], state, now_ms)
    return ParentChange(parent=parent)


def _require_fit(child: AccountState, parent: AccountState) -> Work[None]:
    """Refuse what would not be one level of external accounts."""
    if child.ref.kind != "external" or parent.ref.kind != "external":
        raise UnfitParentError("not_external", str(parent.ref))
    if child.id == parent.id:
        raise UnfitParentError("itself", str(parent.ref))
    if parent.parent is not None:
        raise UnfitParentError("has_parent", str(parent.ref))
    if (yield from rows.is_parent(child.id)):
        raise UnfitParentError("has_children", str(parent.ref))
