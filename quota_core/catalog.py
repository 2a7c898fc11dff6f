"""
The catalog: what is metered, which plans give it away, and which packages sell more of it.

Closed and strict models: an unknown key, a wrong type or a dangling reference is an error. What can be
computed (savings, unit costs, margins) is never typed in. `docs/catalog.md` describes every key;
`catalog_file` reads the files.
"""

from __future__ import annotations

from decimal import Decimal
from functools import cached_property
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from quota_core.catalog_coherence import incoherences
from quota_core.catalog_tables import (
    MAX_UNITS,
    Allowance,
    Estimate,
    Feature,
    Id,
    Metric,
    Package,
    Plan,
    PlanChanges,
    Service,
    Table,
    Text,
    Threshold,
)
from quota_core.errors import (
    UnknownMetricError,
    UnknownPackageError,
    UnknownPlanError,
    UnknownServiceError,
)
from quota_core.money import savings_percent, unit_cost

__all__ = [
    "MAX_UNITS",
    "Allowance",
    "Catalog",
    "Estimate",
    "Feature",
    "Metric",
    "Package",
    "Plan",
    "Service",
    "Text",
    "Threshold",
]


class Catalog(Table):
    """Everything on offer. Ids are the keys of the tables."""

    currency: str
    timezone: str = "UTC"
    default_plan: Id
    primary_metric: Id
    metrics: dict[Id, Metric] = Field(min_length=1)
    features: dict[Id, Feature] = Field(default={})
    services: dict[Id, Service] = Field(default={})
    plans: dict[Id, Plan] = Field(min_length=1)
    packages: dict[Id, Package] = Field(default={})
    plan_changes: PlanChanges = PlanChanges()

    @cached_property
    def zone(self) -> ZoneInfo:
        """The time zone in which windows turn."""
        return ZoneInfo(self.timezone)

    def plan(self, plan_id: str | None) -> Plan:
        """Return a plan by id; None or one that is gone from the catalog means the default plan."""
        return self.plans[self.plan_id(plan_id)]

    def plan_id(self, plan_id: str | None) -> str:
        """Return the id of the plan in force for a stored plan id."""
        return plan_id if plan_id in self.plans else self.default_plan

    def known_plan(self, plan_id: str) -> str:
        """Return `plan_id`, or raise UnknownPlanError."""
        if plan_id not in self.plans:
            raise UnknownPlanError(plan_id, tuple(self.plans_by_rank))
        return plan_id

    def metric(self, metric_id: str) -> Metric:
        """Return a metric by id, or raise UnknownMetricError."""
        if metric_id not in self.metrics:
            raise UnknownMetricError(metric_id)
        return self.metrics[metric_id]

    def is_gauge(self, metric: str) -> bool:
        """Tell whether this is a gauge; a metric that left the catalog is none."""
        return metric in self.metrics and self.metrics[metric].kind == "gauge"

    def service(self, service_id: str) -> Service:
        """Return a service by id, or raise UnknownServiceError."""
        if service_id not in self.services:
            raise UnknownServiceError(service_id)
        return self.services[service_id]

    def feature_of(self, metric: str, service: str | None) -> str | None:
        """Return what a plan must have for this service, or for the metric when there is none; None: nothing."""
        found = None if service is None else self.services[service].feature
        return self.metrics[metric].feature if found is None else found

    def plans_with(self, feature: str | None, metric: str) -> tuple[str, ...]:
        """Return the plans that have the feature or, without one, a window on the metric; smallest first."""
        return tuple(
            plan_id
            for plan_id, plan in self.plans_by_rank.items()
            if (plan.allowances_of(metric) if feature is None else plan.has(feature))
        )

    def package(self, package_id: str) -> Package:
        """Return a package by id, or raise UnknownPackageError."""
        if package_id not in self.packages:
            raise UnknownPackageError(package_id)
        return self.packages[package_id]

    @cached_property
    def plans_by_rank(self) -> dict[str, Plan]:
        """Plans from the smallest to the largest."""
        return dict(sorted(self.plans.items(), key=lambda item: item[1].rank))

    @cached_property
    def shop_order(self) -> tuple[str, ...]:
        """Package ids as a shop shows them: the popular one first, then as they stand in the file."""
        return tuple(sorted(self.packages, key=lambda package_id: not self.packages[package_id].popular))

    def next_plan(self, plan_id: str, metric: str) -> str | None:
        """Return the smallest plan that gives more of `metric` than `plan_id`, None when none does."""

        def most(plan: Plan) -> float:
            limits = [allowance.limit_units for allowance in plan.allowances_of(metric)]
            return min((float("inf") if limit is None else limit for limit in limits), default=0)

        current = self.plans[plan_id]
        for candidate_id, candidate in self.plans_by_rank.items():
            if candidate.rank > current.rank and most(candidate) > most(current):
                return candidate_id
        return None

    def sells(self, metric: str) -> bool:
        """Tell whether units of the metric are on sale."""
        return any(package.metric == metric for package in self.packages.values())

    def unit_cost(self, package_id: str) -> Decimal:
        """Return a package's price for one unit, in the currency's main unit."""
        package = self.packages[package_id]
        return unit_cost(package.price_minor, package.units, self.currency)

    def savings_percent(self, package_id: str) -> int:
        """Return what a package saves per unit against its metric's reference package, in whole percent."""
        package = self.packages[package_id]
        for reference in self.packages.values():
            if reference.reference and reference.metric == package.metric:
                return savings_percent(
                    package.price_minor,
                    package.units,
                    reference_price_minor=reference.price_minor,
                    reference_units=reference.units,
                )
        return 0

    @model_validator(mode="after")
    def _is_coherent(self) -> Catalog:
        problems = list(incoherences(self))
        if problems:
            raise ValueError("; ".join(problems))
        return self
