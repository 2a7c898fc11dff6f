"""What the tables of a catalog must agree on: every name is defined, every mark stands once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING
from zoneinfo import available_timezones

from babel.numbers import is_currency

from quota_core.chargeable import price_problem

if TYPE_CHECKING:
    from quota_core.catalog import Catalog
    from quota_core.catalog_tables import Allowance, Plan


def incoherences(catalog: Catalog) -> Iterator[str]:
    """Return what is wrong with a catalog whose tables are right each by itself: `key: reason`."""
    if not is_currency(catalog.currency):
        yield f"currency: {catalog.currency!r} is no ISO 4217 code such as EUR"
    if catalog.timezone not in available_timezones():
        yield f"timezone: {catalog.timezone!r} is no IANA name such as Europe/Paris"
    if catalog.default_plan not in catalog.plans:
        yield f"default_plan: {_missing('plan', catalog.default_plan, catalog.plans)}"
    if catalog.primary_metric not in catalog.metrics:
        yield f"primary_metric: {_missing('metric', catalog.primary_metric, catalog.metrics)}"
    elif catalog.metrics[catalog.primary_metric].kind == "gauge":
        yield f"primary_metric: {catalog.primary_metric!r} is a gauge, and commands spend it by default"
    for package_id, package in catalog.packages.items():
        if package.metric not in catalog.metrics:
            yield f"packages.{package_id}.metric: {_missing('metric', package.metric, catalog.metrics)}"
        elif catalog.metrics[package.metric].kind == "gauge":
            yield f"packages.{package_id}.metric: {package.metric!r} is a gauge, of which nothing is used up"
    yield from _service_incoherences(catalog)
    yield from _plan_incoherences(catalog)
    yield from _price_incoherences(catalog)
    yield from _mark_incoherences(catalog)


def _service_incoherences(catalog: Catalog) -> Iterator[str]:
    for metric_id, metric in catalog.metrics.items():
        if metric.feature is not None and metric.feature not in catalog.features:
            yield f"metrics.{metric_id}.feature: {_missing('feature', metric.feature, catalog.features)}"
    for service_id, service in catalog.services.items():
        place = f"services.{service_id}"
        if service_id in catalog.metrics:
            yield f"{place}: a metric has this name too, and callers name either"
        if service.metric not in catalog.metrics:
            yield f"{place}.metric: {_missing('metric', service.metric, catalog.metrics)}"
        if service.feature is not None and service.feature not in catalog.features:
            yield f"{place}.feature: {_missing('feature', service.feature, catalog.features)}"


def _plan_incoherences(catalog: Catalog) -> Iterator[str]:
    for plan_id, plan in catalog.plans.items():
        for named in plan.features:
            if named not in catalog.features:
                yield f"plans.{plan_id}.features: {_missing('feature', named, catalog.features)}"
        windows = set()
        for number, allowance in enumerate(plan.allowances):
            place = f"plans.{plan_id}.allowances.{number}"
            yield from _allowance_incoherences(catalog, plan, allowance, place)
            window = (allowance.metric, allowance.period, allowance.anchor)
            if window in windows:
                yield f"{place}: a second {allowance.period} window on {allowance.metric!r}"
            windows.add(window)
    ranks = [plan.rank for plan in catalog.plans.values()]
    for rank in sorted(set(ranks)):
        if ranks.count(rank) > 1:
            yield f"plans: two plans have rank {rank}"


def _allowance_incoherences(catalog: Catalog, plan: Plan, allowance: Allowance, place: str) -> Iterator[str]:
    metric = catalog.metrics.get(allowance.metric)
    if metric is None:
        yield f"{place}.metric: {_missing('metric', allowance.metric, catalog.metrics)}"
        return
    if (metric.kind == "gauge") != (allowance.period == "level"):
        fits = 'gauges have period = "level", and only gauges have it'
        yield f"{place}.period: {allowance.metric!r} has {str(allowance.period)!r}: {fits}"
    if not plan.has(metric.feature):
        yield f"{place}: {allowance.metric!r} needs the feature {metric.feature!r}, which this plan lacks"


def _price_incoherences(catalog: Catalog) -> Iterator[str]:
    prices = [(f"packages.{name}", package.price_minor) for name, package in catalog.packages.items()]
    prices += [(f"plans.{name}", plan.price_minor or 0) for name, plan in catalog.plans.items()]
    for place, price_minor in prices:
        problem = price_problem(price_minor, catalog.currency)
        if problem is not None:
            yield f"{place}.price_minor: {problem}"


def _mark_incoherences(catalog: Catalog) -> Iterator[str]:
    if sum(plan.popular for plan in catalog.plans.values()) > 1:
        yield "plans: only one may be popular"
    for metric in catalog.metrics:
        on_sale = [package for package in catalog.packages.values() if package.metric == metric]
        for mark in ("popular", "reference"):
            if sum(getattr(package, mark) for package in on_sale) > 1:
                yield f"packages: only one of metric {metric!r} may be {mark}"


def _missing(kind: str, name: str | None, known: Iterable[str]) -> str:
    """Return that nothing of this name is defined, and what to write instead."""
    names = sorted(known)
    close = difflib.get_close_matches(str(name), names, n=1)
    instead = f": write {close[0]!r}" if close else f" (there are: {', '.join(names) or 'none'})"
    return f"there is no {kind} {name!r}{instead}"
