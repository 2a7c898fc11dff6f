"""
Which plan an account is on at a moment: one until its end, then the one that follows, then the default plan.

An entry says what a change did: `plan:free>pro=0` at once and for good, `plan:pro>free@1764547200000=0` from a
moment on. The number behind it is until when, 0 for good.
"""

from __future__ import annotations

from typing import NamedTuple

from quota_core.parts import Part


class PlanSaid(NamedTuple):
    """A change of plan as its entry says it; `from_ms` None is at once, `until_ms` None for good."""

    before: str
    after: str
    from_ms: int | None
    until_ms: int | None

    @property
    def part(self) -> Part:
        """The part of the entry."""
        later = "" if self.from_ms is None else f"@{self.from_ms}"
        return f"plan:{self.before}>{self.after}{later}", self.until_ms or 0


def said_by(part: Part) -> PlanSaid:
    """Return the change that a part says."""
    before, _, after = part[0].removeprefix("plan:").partition(">")
    plan, _, from_ms = after.partition("@")
    return PlanSaid(before, plan, int(from_ms) if from_ms else None, part[1] or None)


class PlanTerms(NamedTuple):
    """An account's row: the plan (None: the default one), its end and beginning, what follows and until when."""

    plan: str | None = None
    until_ms: int | None = None
    since_ms: int | None = None
    next_plan: str | None = None
    next_until_ms: int | None = None

    def has_turned(self, now_ms: int) -> bool:
        """Tell whether the plan has ended."""
        return self.until_ms is not None and now_ms >= self.until_ms

    def follows(self, now_ms: int) -> bool:
        """Tell whether the next plan is in force."""
        ended = self.next_until_ms is not None and now_ms >= self.next_until_ms
        return self.next_plan is not None and self.has_turned(now_ms) and not ended

    def plan_at(self, now_ms: int) -> str | None:
        """Return the plan in force, None for the default one."""
        if not self.has_turned(now_ms):
            return self.plan
        return self.next_plan if self.follows(now_ms) else None

    def end_at(self, now_ms: int) -> int | None:
        """Return when the plan in force ends, None when it does not."""
        if not self.has_turned(now_ms):
            return self.until_ms
        return self.next_until_ms if self.follows(now_ms) else None

    def since_at(self, now_ms: int) -> int | None:
        """Return since when the plan in force is, None since the account is."""
        if not self.has_turned(now_ms):
            return self.since_ms
        ended_ms = self.next_until_ms if self.next_plan is not None else None
        return self.until_ms if self.follows(now_ms) or ended_ms is None else ended_ms

    def changed(self, said: PlanSaid, now_ms: int) -> PlanTerms:
        """Return the row after a change that was made at `now_ms`."""
        if said.from_ms is None:
            return PlanTerms(said.after, said.until_ms, now_ms)
        return PlanTerms(said.before, said.from_ms, self.since_at(now_ms), said.after, said.until_ms)
