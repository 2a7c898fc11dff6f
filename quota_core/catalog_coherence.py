"""What the tables of a catalog must agree on: every name is defined, every mark stands once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from zoneinfo import available_timezones

from babel.numbers import is_currency

if TYPE_CHECKING:
    from quota_core.catalog import Catalog


def incoherences(catalog: Catalog) -> Iterator[str]:
    """Return what is wrong with a catalog whose tables are right each by itself: `key: reason`."""
    if not is_currency(catalog.currency):
        yield f"currency: {catalog.currency!r} is no ISO 4217 code such as EUR"
    if catalog.timezone not in available_timezones():
        yield f"timezone: {catalog.timezone!r} is no IANA name such as Europe/Paris"
    if catalog.default_plan not in catalog.plans:
        yield f"default_plan: there is no plan {catalog.default_plan!r}"
    if catalog.primary_metric not in catalog.metrics:
        yield f"primary_metric: there is no metric {catalog.primary_metric!r}"
    for package_id, package in catalog.packages.items():
        if package.metric not in catalog.metrics:
            yield f"packages.{package_id}.metric: there is no metric {package.metric!r}"
    yield from _service_incoherences(catalog)
    yield from _plan_incoherences(catalog)
    yield from _mark_incoherences(catalog)


def _service_incoherences(catalog: Catalog) -> Iterator[str]:
    for metric_id, metric in catalog.metrics.items():
        if metric.feature is not None and metric.feature not in catalog.features:
            yield f"metrics.{metric_id}.feature: there is no feature {metric.feature!r}"
    for service_id, service in catalog.services.items():
        place = f"services.{service_id}"
        if service_id in catalog.metrics:
            yield f"{place}: a metric has this name too, and callers name either"
        if service.metric not in catalog.metrics:
            yield f"{place}.metric: there is no metric {service.metric!r}"
        if service.feature is not None and service.feature not in catalog.features:
            yield f"{place}.feature: there is no feature {service.feature!r}"


def _plan_incoherences(catalog: Catalog) -> Iterator[str]:
    for plan_id, plan in catalog.plans.items():
        for named in plan.features:
            if named not in catalog.features:
                yield f"plans.{plan_id}.features: there is no feature {named!r}"
        windows = set()
        for number, allowance in enumerate(plan.allowances):
            place = f"plans.{plan_id}.allowances.{number}"
            if allowance.metric not in catalog.metrics:
                yield f"{place}.metric: there is no metric {allowance.metric!r}"
            elif not plan.has(catalog.metrics[allowance.metric].feature):
                feature = catalog.metrics[allowance.metric].feature
                yield f"{place}: {allowance.metric!r} needs the feature {feature!r}, which this plan lacks"
            window = (allowance.metric, allowance.period, allowance.anchor)
            if window in windows:
                yield f"{place}: a second {allowance.period} window on {allowance.metric!r}"
            windows.add(window)
    ranks = [plan.rank for plan in catalog.plans.values()]
    for rank in sorted(set(ranks)):
        if ranks.count(rank) > 1:
            yield f"plans: two plans have rank {rank}"


def _mark_incoherences(catalog: Catalog) -> Iterator[str]:
    if sum(plan.popular for plan in catalog.plans.values()) > 1:
        yield "plans: only one may be popular"
    for metric in catalog.metrics:
        on_sale = [package for package in catalog.packages.values() if package.metric == metric]
        for mark in ("popular", "reference"):
            if sum(getattr(package, mark) for package in on_sale) > 1:
                yield f"packages: only one of metric {metric!r} may be {mark}"
