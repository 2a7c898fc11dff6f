"""How plans, packages, limits and windows are called; ids that left the catalog are shown as they are."""

from __future__ import annotations

from quota_core.catalog import Allowance, Catalog
from wording.card import clipped
from wording.safe import Safe, safe_name
from wording.words import Words

MAX_LABEL = 60


def plan_name(plan_id: str, catalog: Catalog, words: Words) -> Safe:
    """Return a plan's label."""
    plan = catalog.plans.get(plan_id)
    return safe_name(plan_id) if plan is None else Safe(clipped(words.text(plan.label), MAX_LABEL))


def package_name(package_id: str, catalog: Catalog, words: Words) -> Safe:
    """Return a package's label."""
    package = catalog.packages.get(package_id)
    return safe_name(package_id) if package is None else Safe(clipped(words.text(package.label), MAX_LABEL))


def metric_name(metric: str, catalog: Catalog, words: Words) -> Safe:
    """Return a metric's label with a capital: `Requests`."""
    label = words.unit_name(2, catalog, metric)
    return Safe(clipped(label[:1].upper() + label[1:], MAX_LABEL))


def service_name(name: str, catalog: Catalog, words: Words) -> Safe:
    """Return the label of a service or, when it is none, of a metric."""
    service = catalog.services.get(name)
    if service is None:
        return metric_name(name, catalog, words)
    return Safe(clipped(words.text(service.label), MAX_LABEL))


def rate(allowance: Allowance, catalog: Catalog, words: Words) -> Safe:
    """Return what an allowance gives: `5,000 requests a day`, `unlimited requests`."""
    if allowance.limit_units is None:
        return words("rate.unlimited", metric=words.unit_name(2, catalog, allowance.metric))
    units = words.units(allowance.limit_units, catalog, allowance.metric)
    return words(f"rate.{allowance.period}", units=units)


def plan_limit(plan_id: str, metric: str, catalog: Catalog, words: Words) -> Safe:
    """Return what a plan gives of a metric, every window of it."""
    rates = [rate(allowance, catalog, words) for allowance in catalog.plan(plan_id).allowances_of(metric)]
    return Safe(clipped(" · ".join(rates), 4 * MAX_LABEL))
