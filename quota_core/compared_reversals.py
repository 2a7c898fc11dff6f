"""What was reported of refunds and disputes, held against what was taken back for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from quota_core.after_sale import Reported, standing_of, units_of
from quota_core.statements import Row, Work
from quota_core.store import reversals as rows
from quota_core.verdict import Verdict


class ReversalsTable:
    """Reports by payment: of each purchase exactly so many units were taken back, and it is on hold or not."""

    def __init__(self, verdict: Verdict) -> None:
        self._verdict = verdict
        verdict.count("reversals", 0)

    def look(self, mark: str | None, limit: int) -> Work[str | None]:
        """Compare the next payments."""
        payments = yield from rows.payments_after(mark or "", limit)
        reported: dict[str, list[Reported]] = defaultdict(list)
        for payment, *facts in (yield from rows.reported_of(payments)):
            reported[payment].append(Reported._make(facts))
            self._verdict.count("reversals", 1)
        for sale in (yield from rows.sales_of(payments)):
            self._verdict.note(_compared(sale, reported[sale[0]]))
        if len(payments) == limit:
            return payments[-1]
        self._verdict.note(
            f"lot {lot}: units were taken back or are on hold, and no refund or dispute says so"
            for (lot,) in (yield from rows.unreported())
        )
        return None


def _compared(sale: Row, reports: list[Reported]) -> Iterator[str]:
    _, lot, units, price_minor, tax_minor, currency, taken, frozen = sale
    paid_minor = price_minor + tax_minor
    standing = standing_of(reports, currency=currency, paid_minor=paid_minor)
    said = units_of(units, returned_minor=standing.returned_minor, paid_minor=paid_minor)
    if taken != said:
        yield f"lot {lot}: {taken} units were taken back, its refunds and disputes say {said}"
    if bool(frozen) != standing.disputed:
        yield f"lot {lot}: is {'' if frozen else 'not '}on hold, its disputes say otherwise"
