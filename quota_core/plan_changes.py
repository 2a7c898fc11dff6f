"""Changes of plan by hand: at once, or when a period ends, by the catalog's rule."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from quota_core.by_hand import ByHand
from quota_core.chain import Entry
from quota_core.errors import AmountError, ConflictingReplayError
from quota_core.ledger import AccountState, Draft, EntryKind
from quota_core.parts import parts_of
from quota_core.periods import LAST_MOMENT_MS
from quota_core.plan_terms import PlanSaid, said_by
from quota_core.posting import Posting
from quota_core.statements import Work
from quota_core.store import plans as plan_rows

PlanMoment = Literal["now", "period_end", "rule"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanChange:
    """Plan ids before and after; `from_ms` None is at once, `until_ms` None for good."""

    before: str
    after: str
    until_ms: int | None
    from_ms: int | None = None
    replayed: bool = field(default=False, compare=False)


def set_plan(work: ByHand, plan: str, until_ms: int | None, at: PlanMoment, now_ms: int) -> Work[PlanChange]:
    """Put the account on a plan, as a transaction's work."""
    payer, before, _ = yield from work.start(now_ms)
    state = payer.state
    old = work.book.plan_id(state, now_ms)
    if before is not None:
        told = plan_change_of(before) if before.kind == EntryKind.PLAN else None
        if told is None or (told.after, told.until_ms) != (plan, until_ms):
            raise ConflictingReplayError("this key was used before, with other content")
        return replace(told, replayed=True)
    from_ms = _from_ms(work, state, old, plan, at, now_ms)
    if until_ms is not None and not (from_ms or now_ms) < until_ms <= LAST_MOMENT_MS:
        raise AmountError(until_ms, minimum=(from_ms or now_ms) + 1, maximum=LAST_MOMENT_MS)
    posting = Posting(work.book, now_ms)
    yield from posting.begin()
    said = PlanSaid(old, plan, from_ms, until_ms)
    terms = state.plan_terms.changed(said, now_ms)
    state.plan, state.plan_until_ms, state.plan_since_ms, state.next_plan, state.next_until_ms = terms
    yield from plan_rows.set_plan(state.id, terms)
    payers = yield from work.book.payers([(state, work.metric)], now_ms)
    draft = Draft(state=state, kind=EntryKind.PLAN, metric=work.metric, units=0, parts=(said.part,))
    yield from work.write(posting, draft, payers[state.id, work.metric])
    return PlanChange(before=old, after=plan, until_ms=until_ms, from_ms=from_ms)


def _from_ms(  # noqa: PLR0917 - what the moment follows from
    work: ByHand, state: AccountState, old: str, plan: str, at: PlanMoment, now_ms: int
) -> int | None:
    """Return from when on the plan is to be in force, None: at once."""
    catalog = work.book.catalog
    if at == "rule":
        up = catalog.plans[plan].rank >= catalog.plans[old].rank
        at = catalog.plan_changes.up if up else catalog.plan_changes.down
    if at == "now" or plan == old:
        return None
    ends = [
        window.period.turns_ms
        for metric in catalog.metrics
        for window in work.book.windows(state, metric, now_ms)
    ]
    turning = max((end for end in ends if end is not None), default=None)
    plan_end = state.plan_terms.end_at(now_ms)
    return turning if plan_end is None or turning is None else min(plan_end, turning)


def plan_change_of(entry: Entry) -> PlanChange:
    """Return the change of plan that an entry records."""
    said = said_by(parts_of(entry.parts)[-1])
    return PlanChange(before=said.before, after=said.after, until_ms=said.until_ms, from_ms=said.from_ms)
