"""How grave a crossed threshold is, and what the plan does beyond the limit: looked up where a crossing is told."""

from __future__ import annotations

from collections.abc import Iterable

from quota_core.answers import Crossing, Spend
from quota_core.book import Book
from quota_core.catalog import Catalog
from quota_core.gauges import Level
from quota_core.meter import Meter


def severity_of(catalog: Catalog, metric: str, crossing: Crossing) -> tuple[str, str]:
    """
    Return the severity of a crossing and the overage policy of its allowance.

    A crossing names no plan, so it is looked for among all; plans that share window, limit and percentage and
    differ in severity alone are told apart by none.
    """
    for plan in catalog.plans_by_rank.values():
        for allowance in plan.allowances_of(metric):
            same = allowance.limit_units == crossing.limit or allowance.rollover_cap
            if allowance.period != crossing.kind or not same:
                continue
            for threshold in allowance.thresholds:
                if threshold.at == crossing.percent:
                    return threshold.severity, allowance.overage
    return "warning", "block"  # the catalog changed since


def report_crossings(meter: Meter, book: Book, outcomes: Iterable[object]) -> None:
    """Tell the meter of every threshold that these spends crossed, and wake who turns crossings into messages."""
    for outcome in outcomes:
        if isinstance(outcome, Spend | Level) and outcome.crossings:
            book.crossed.set()
            for crossing in outcome.crossings:
                meter.alerted(*severity_of(book.catalog, outcome.metric, crossing))
