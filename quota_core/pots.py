"""What an account's pots held after some of its entries, added up from the entries alone."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from quota_core.chain import Entry
from quota_core.ledger import EntryKind
from quota_core.parts import FACT_MARK, SERVICE_MARK, parts_of
from quota_core.plan_terms import PlanSaid, said_by
from quota_core.witnesses import ENDS_MARK, MARK

# What other accounts paid, digests of other rows, which service it was for, what it is about.
_ELSEWHERE = f"^{MARK}{SERVICE_MARK}{FACT_MARK}"


@dataclass(slots=True)
class Pots:
    """
    Units by metric (its number) and pot, as entries spell it: window, +window (overage), #lot, ! (debt).

    `ends_ms` says when lots end that do; `plan` is how it was changed last.
    """

    units: dict[tuple[int, str], int] = field(default_factory=lambda: defaultdict(int))
    ends_ms: dict[int, int] = field(default_factory=dict)
    plan: PlanSaid | None = None
    _plan_version: int = 0

    def add(self, entry: Entry) -> None:
        """Count an entry; the order does not matter."""
        if entry.kind == EntryKind.PLAN:
            if entry.version > self._plan_version:
                self.plan, self._plan_version = said_by(parts_of(entry.parts)[-1]), entry.version
            return
        for pot, delta in parts_of(entry.parts):
            if pot[0] == ENDS_MARK:
                self.ends_ms[int(pot[1:])] = delta
            elif pot[0] not in _ELSEWHERE:
                self.units[entry.metric, pot] += delta
