"""What plans cost, and what units beyond their limits do."""

from __future__ import annotations

from decimal import Decimal

from quota_core.balances import WindowBalance
from quota_core.catalog import Catalog
from quota_core.money import major
from wording.names import plan_name
from wording.safe import Safe
from wording.words import Words


class Prices:
    """What one plan charges beyond its limits."""

    def __init__(self, plan_id: str, catalog: Catalog, words: Words) -> None:
        self._plan = catalog.plan(plan_id)
        self._currency = catalog.currency
        self._words = words

    def beyond(self, metric: str, window: WindowBalance) -> str:
        """Return what was charged for beyond a window, or what would be; empty for one that blocks."""
        for allowance in self._plan.allowances_of(metric):
            rate_minor = allowance.overage_rate_minor
            if allowance.period == window.kind and rate_minor is not None:
                if window.overage > 0:
                    return f" · **{rated(rate_minor * window.overage, self._currency, self._words)}**"
                price = rated(rate_minor, self._currency, self._words)
                if allowance.overage_cap is None:
                    return "\n" + self._words("quota.beyond", price=price)
                return "\n" + self._words("quota.beyond_cap", price=price, n=allowance.overage_cap)
        return ""


def rated(amount_minor: Decimal, currency: str, words: Words) -> Safe:
    """Return an amount that need not be whole minor units: `€1.00`, `€0.0010`."""
    if amount_minor == amount_minor.to_integral_value():
        return words.money(int(amount_minor), currency)
    return words.unit_money(major(amount_minor, currency), currency)


def plan_offer(plan_id: str, catalog: Catalog, words: Words) -> Safe:
    """Return a plan's name with its price: `Starter · DZD 2,000.00 a month`."""
    plan = catalog.plans[plan_id]
    name = plan_name(plan_id, catalog, words)
    if not plan.price_minor:
        return name if plan.price_minor is None else words("plan.free", plan=name)
    price = words.money(plan.price_minor, catalog.currency)
    return words(f"plan.per_{plan.interval or 'month'}", plan=name, price=price)
