"""
What people were told, held against the recount, the orders, the reports and the thresholds that it tells of.

Where a message tells what stands nowhere else, that alone is taken as it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from quota_core.accounts import AccountRef
from quota_core.events import RECEIVED
from quota_core.recount import Recount
from quota_core.statements import Work
from quota_core.store import reversals as reversal_rows
from quota_core.store import sale_proofs as rows
from quota_core.store import states as state_rows
from quota_core.store.sale_proofs import Told
from quota_core.told_facts import REVERSAL, Around, crossing_in, order_in, problems_of
from quota_core.verdict import Verdict

_AT_ONCE = 500
Message = tuple[int, str, str]
"""Whose, of which kind, about what."""


class NoticesTable:
    """Each message tells what happened, and each refund, each dispute and each transfer was told."""

    def __init__(self, count: Recount, verdict: Verdict, names: Mapping[int, str]) -> None:
        self._count = count
        self._verdict = verdict
        self._names = names
        self._told: set[int] = set()
        verdict.count("notices", 0)

    def look(self, mark: Told | None, limit: int) -> Work[Told | None]:
        """Compare the next notices."""
        found = yield from rows.notices_after(mark, limit)
        self._verdict.count("notices", len(found))
        yield from self._compare(found)
        if len(found) == limit:
            return found[-1]
        # A row that came behind the reading point while steps were made is looked up by itself.
        unseen = yield from self._unseen()
        for start in range(0, len(unseen), _AT_ONCE):
            messages = dict(unseen[start : start + _AT_ONCE])
            late = yield from rows.told(list(messages))
            yield from self._compare(late)
            for one in late:
                messages.pop((one.account, one.kind, one.about), None)
            self._verdict.note(f"entry {entry}: whom it concerns was not told" for entry in messages.values())
        return None

    def _unseen(self) -> Work[list[tuple[Message, int]]]:
        """Return what must have been told and was not found, each with its entry."""
        tellings, erased = self._count.tellings, self._count.erased
        unseen: list[tuple[Message, int]] = [
            ((said.account, RECEIVED, str(entry)), entry)
            for entry, said in tellings.arrivals.items()
            if entry not in self._told and said.account not in erased
        ]
        by_credit: dict[int, list[int]] = defaultdict(list)
        for entry, reversal in tellings.reversals.items():
            if entry not in self._told and not reversal.with_other:
                by_credit[reversal.bought_by].append(entry)
        for credit, order, buyer in (yield from rows.buyers_by_entry(list(by_credit))):
            if buyer not in erased:
                unseen += [((buyer, REVERSAL, f"{order}:{entry}"), entry) for entry in by_credit[credit]]
        return unseen

    def _compare(self, found: Sequence[Told]) -> Work[None]:
        around = yield from self._around(found)
        for notice in found:
            problem = next(problems_of(notice, around), None)
            if problem is not None:
                self._verdict.note([f"notice {notice.id}: {problem}"])
            elif notice.direct and notice.kind in (REVERSAL, RECEIVED):
                self._told.add(int(notice.about.rpartition(":")[2]))

    def _around(self, found: Iterable[Told]) -> Work[Around]:
        """Read what these notices tell of."""
        orders = yield from rows.orders_of(sorted({order_in(notice) for notice in found}))
        payments = [order.payment for order in orders.values() if order.payment is not None]
        reports: dict[str, dict[str, str]] = defaultdict(dict)
        for payment, name, kind in (yield from reversal_rows.names_of(payments)):
            reports[payment][name] = kind
        arrivals = self._count.tellings.arrivals
        entries = [
            int(notice.about) for notice in found if notice.kind == RECEIVED and notice.about.isdigit()
        ]
        givers: dict[int, AccountRef] = yield from state_rows.refs(
            [arrivals[entry].giver for entry in entries if entry in arrivals]
        )
        thresholds = [place for notice in found if (place := crossing_in(notice)) is not None]
        crossed = (yield from rows.crossed(thresholds)) if thresholds else set()
        return Around(self._count, self._names, orders, reports, givers, crossed)
