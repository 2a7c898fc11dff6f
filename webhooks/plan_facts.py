"""Plans, packages and services of the catalog as they are answered; texts come in both languages."""

from __future__ import annotations

from quota_core.catalog import Allowance, Catalog, Metric, Text
from webhooks.route_table import Facts


class TextFacts(Facts):
    """A text in each language."""

    en: str
    fr: str


class ThresholdFacts(Facts):
    """A share of an allowance that is worth an alert, in percent."""

    at: int
    severity: str


class AllowanceFacts(Facts):
    """
    One window of a plan; `limit` null is unlimited.

    `overage` is block or charge, then at `overage_rate` minor units each (a decimal as text), up to `overage_cap`.
    """

    metric: str
    label: TextFacts
    unit: TextFacts
    description: TextFacts | None
    limit: int | None
    period: str
    overage: str
    overage_rate: str | None
    overage_cap: int | None
    thresholds: list[ThresholdFacts]
    estimated: int | None
    estimated_unit: TextFacts | None


class PlanFacts(Facts):
    """A plan; `price` null is not on sale by itself, else minor units of the currency for an interval."""

    id: str
    rank: int
    label: TextFacts
    description: TextFacts
    price: int | None
    currency: str
    interval: str | None
    popular: bool
    features: list[str]
    allowances: list[AllowanceFacts]
    rate_limit: int | None
    upgrade_url: str | None


class PackageFacts(Facts):
    """Units on sale once; `savings_percent` against the reference package of the same metric."""

    id: str
    label: TextFacts
    description: TextFacts
    metric: str
    units: int
    price: int
    currency: str
    unit_price: str
    savings_percent: int
    popular: bool
    reference: bool
    expires: str


class ServiceFacts(Facts):
    """What one call of a service costs, and which plans have it."""

    id: str
    label: TextFacts
    description: TextFacts | None
    metric: str
    cost: int
    feature: str | None
    plans: list[str]


def text_facts(text: Text) -> TextFacts:
    """Return a text as it is answered."""
    return TextFacts(en=text.en, fr=text.fr)


def plan_facts(plan_id: str, catalog: Catalog) -> PlanFacts:
    """Return a plan as it is answered."""
    plan = catalog.plans[plan_id]
    return PlanFacts(
        id=plan_id,
        rank=plan.rank,
        label=text_facts(plan.label),
        description=text_facts(plan.description),
        price=plan.price_minor,
        currency=catalog.currency,
        interval=plan.interval,
        popular=plan.popular,
        features=list(plan.features),
        allowances=[_allowance(one, catalog.metrics[one.metric]) for one in plan.allowances],
        rate_limit=plan.rate_limit,
        upgrade_url=plan.upgrade_url,
    )


def package_facts(package_id: str, catalog: Catalog) -> PackageFacts:
    """Return a package as it is answered."""
    package = catalog.packages[package_id]
    return PackageFacts(
        id=package_id,
        label=text_facts(package.label),
        description=text_facts(package.description),
        metric=package.metric,
        units=package.units,
        price=package.price_minor,
        currency=catalog.currency,
        unit_price=str(catalog.unit_cost(package_id)),
        savings_percent=catalog.savings_percent(package_id),
        popular=package.popular,
        reference=package.reference,
        expires=package.expires,
    )


def service_facts(service_id: str, catalog: Catalog) -> ServiceFacts:
    """Return a service as it is answered."""
    service = catalog.services[service_id]
    return ServiceFacts(
        id=service_id,
        label=text_facts(service.label),
        description=None if service.description is None else text_facts(service.description),
        metric=service.metric,
        cost=service.cost,
        feature=service.feature,
        plans=list(catalog.plans_with(catalog.feature_of(service.metric, service_id), service.metric)),
    )


def estimated(units: int | None, metric: Metric) -> int | None:
    """Return what units mean to a person (minutes), None when the catalog does not say."""
    return None if units is None or metric.estimate is None else units * metric.estimate.per_unit


def _allowance(allowance: Allowance, metric: Metric) -> AllowanceFacts:
    rate = allowance.overage_rate_minor
    return AllowanceFacts(
        metric=allowance.metric,
        label=text_facts(metric.label),
        unit=text_facts(metric.singular or metric.label),
        description=None if metric.description is None else text_facts(metric.description),
        limit=allowance.limit_units,
        period=allowance.period,
        overage=allowance.overage,
        overage_rate=None if rate is None else str(rate),
        overage_cap=allowance.overage_cap,
        thresholds=[ThresholdFacts(at=one.at, severity=one.severity) for one in allowance.thresholds],
        estimated=estimated(allowance.limit_units, metric),
        estimated_unit=None if metric.estimate is None else text_facts(metric.estimate.label),
    )
