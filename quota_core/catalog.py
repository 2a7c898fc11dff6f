"""
The catalog: what is metered, which plans give it away, and which packages sell more of it.

Closed and strict models: an unknown key, a wrong type or a dangling reference is an error. What can be
computed (savings, unit costs, margins) is never typed in. `docs/catalog.md` describes every key;
`catalog_file` reads the files.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from babel.numbers import is_currency
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from quota_core.errors import UnknownMetricError, UnknownPackageError, UnknownPlanError
from quota_core.money import savings_percent, unit_cost
from quota_core.periods import Anchor, PeriodKind

MAX_UNITS = 2**53 - 1  # what JavaScript can count exactly; every amount of units or money stays below
MAX_ALLOWANCES = 8

Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Units = Annotated[int, Field(ge=0, le=MAX_UNITS)]
PriceMinor = Annotated[int, Field(ge=0, le=99_999_999)]  # Stripe's largest charge has eight digits


def _exact(value: object) -> object:
    """Let a whole number stand for a decimal; a float never, since 0.1 is none."""
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value


Share = Annotated[Decimal, BeforeValidator(_exact), Field(ge=0, lt=1)]
RateMinor = Annotated[Decimal, BeforeValidator(_exact), Field(ge=0, le=1_000_000)]


class _Model(BaseModel):
    # Strict, so that "1000" is not a number; but TOML has no enums and no tuples, so those are let through.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Text(_Model):
    """A text in every language the bot speaks."""

    en: Annotated[str, Field(min_length=1, max_length=200)]
    fr: Annotated[str, Field(min_length=1, max_length=200)]

    def in_language(self, language: str) -> str:
        """Return the text in `language`, or in English when it has none."""
        return self.fr if language == "fr" else self.en


class Estimate(_Model):
    """What one unit means to a person: `per_unit` of `label` (2 minutes a session)."""

    per_unit: Annotated[int, Field(ge=1, le=1_000_000)]
    label: Text


class Metric(_Model):
    """Something that is counted."""

    label: Text  # the plural: requests
    singular: Text | None = None
    description: Text | None = None
    cost_minor: RateMinor = Decimal(0)  # what one unit costs the operator
    estimate: Estimate | None = None


class Threshold(_Model):
    """A share of an allowance, in percent, that is worth a notice when crossed."""

    at: Annotated[int, Field(ge=1, le=100)]
    severity: Literal["info", "warning", "critical"]


class Allowance(_Model):
    """
    How much of a metric a plan gives in each window; several windows on one metric bind at once.

    `overage = "charge"` lets spending go on beyond the limit, at `overage_rate_minor` a unit, up to
    `overage_cap` units a window (None: without end); it is recorded and shown, not collected.
    """

    metric: Id
    limit: Units | Literal["unlimited"]
    period: Annotated[PeriodKind, Field(strict=False)]
    anchor: Annotated[Anchor, Field(strict=False)] = Anchor.CALENDAR
    overage: Literal["block", "charge"] = "block"
    overage_rate_minor: RateMinor | None = None
    overage_cap: Units | None = None
    thresholds: Annotated[tuple[Threshold, ...], Field(strict=False)] = ()

    @model_validator(mode="after")
    def _overage_is_whole(self) -> Allowance:
        if (self.overage == "charge") != (self.overage_rate_minor is not None):
            raise ValueError('overage = "charge" needs overage_rate_minor, and only it may have one')
        if self.overage_cap is not None and self.overage != "charge":
            raise ValueError('overage_cap needs overage = "charge"')
        if self.period is PeriodKind.HOUR and self.anchor is Anchor.ACCOUNT:
            raise ValueError("an hour is an hour of UTC, with no anchor")
        if len({threshold.at for threshold in self.thresholds}) != len(self.thresholds):
            raise ValueError("two thresholds at the same percentage")
        return self

    @property
    def limit_units(self) -> int | None:
        """The limit in units, None when unlimited."""
        return None if self.limit == "unlimited" else self.limit


class Plan(_Model):
    """A set of allowances; `rank` orders plans from the smallest to the largest."""

    rank: Annotated[int, Field(ge=0, le=1000)]
    label: Text
    description: Text
    price_minor: PriceMinor | None = None
    interval: Literal["month", "year"] | None = None
    upgrade_url: Annotated[str, Field(pattern=r"^https://\S+$", max_length=512)] | None = None
    popular: bool = False
    target_margin: Share | None = None
    allowances: Annotated[tuple[Allowance, ...], Field(strict=False, max_length=MAX_ALLOWANCES)] = ()

    def allowances_of(self, metric: str) -> tuple[Allowance, ...]:
        """Return every window this plan has on the metric."""
        return tuple(allowance for allowance in self.allowances if allowance.metric == metric)


class Package(_Model):
    """Units on sale once, at a price."""

    label: Text
    description: Text
    metric: Id
    units: Annotated[int, Field(ge=1, le=1_000_000_000)]
    price_minor: Annotated[int, Field(ge=1, le=99_999_999)]
    popular: bool = False
    reference: bool = False
    target_margin: Share | None = None
    expires: Literal["never", "period"] = "never"
    stripe_price: Annotated[str, Field(pattern=r"^price_\w+$")] | None = None


class Catalog(_Model):
    """Everything on offer. Ids are the keys of the tables."""

    currency: str
    timezone: str = "UTC"
    default_plan: Id
    primary_metric: Id
    metrics: dict[Id, Metric] = Field(min_length=1)
    plans: dict[Id, Plan] = Field(min_length=1)
    packages: dict[Id, Package] = {}

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
        problems = list(_incoherences(self))
        if problems:
            raise ValueError("; ".join(problems))
        return self


def _incoherences(catalog: Catalog) -> Iterator[str]:
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
    yield from _plan_incoherences(catalog)
    yield from _mark_incoherences(catalog)


def _plan_incoherences(catalog: Catalog) -> Iterator[str]:
    for plan_id, plan in catalog.plans.items():
        windows = set()
        for number, allowance in enumerate(plan.allowances):
            place = f"plans.{plan_id}.allowances.{number}"
            if allowance.metric not in catalog.metrics:
                yield f"{place}.metric: there is no metric {allowance.metric!r}"
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
