"""What an account's plan has not: a feature that a service or a metric needs, or the metric itself."""

from __future__ import annotations

from collections.abc import Sequence

from quota_core.book import Book
from quota_core.errors import NotInPlanError
from quota_core.ledger import AccountState, Payer
from quota_core.paying import told


def lacking(
    book: Book, metric: str, service: str, states: Sequence[AccountState], now_ms: int
) -> NotInPlanError | None:
    """Return the refusal of what needs a feature that no payer's plan has; `service` "" is none."""
    feature = book.catalog.feature_of(metric, service or None)
    plans = [book.plan_id(state, now_ms) for state in states if state.parent is None]
    if any(book.catalog.plans[plan].has(feature) for plan in plans):
        return None
    having = book.catalog.plans_with(feature, metric)
    return NotInPlanError(service or metric, metric=metric, feature=feature, plan=plans[0], plans=having)


def outside(
    book: Book, metric: str, service: str, payers: Sequence[Payer], now_ms: int
) -> NotInPlanError | None:
    """Return the refusal of a metric that no payer's plan gives and of which none holds anything."""
    plans = book.catalog.plans_with(None, metric)
    if not plans or any(payer.windows or _holds(payer.state, metric) for payer in payers):
        return None
    plan = book.plan_id(payers[told(payers)].state, now_ms)
    return NotInPlanError(service or metric, metric=metric, feature=None, plan=plan, plans=plans)


def _holds(state: AccountState, metric: str) -> bool:
    """Tell whether anything of the metric is left that was given or bought."""
    return any(lot.left for lot in state.lots.get(metric, ()))
