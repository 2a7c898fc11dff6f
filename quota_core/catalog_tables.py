"""The tables of a catalog file, one class for each: what every key may hold, whatever the other tables say."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

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


class Table(BaseModel):
    """A table of the file: closed, and never changed."""

    # Strict, so that "1000" is not a number; but TOML has no enums and no tuples, so those are let through.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Text(Table):
    """A text in every language the bot speaks."""

    en: Annotated[str, Field(min_length=1, max_length=200)]
    fr: Annotated[str, Field(min_length=1, max_length=200)]

    def in_language(self, language: str) -> str:
        """Return the text in `language`, or in English when it has none."""
        return self.fr if language == "fr" else self.en


class Estimate(Table):
    """What one unit means to a person: `per_unit` of `label` (2 minutes a session)."""

    per_unit: Annotated[int, Field(ge=1, le=1_000_000)]
    label: Text


class Feature(Table):
    """Something that a plan has or has not: a service, a level of support, a badge."""

    label: Text
    description: Text | None = None


class Metric(Table):
    """
    Something that is counted, or a level that is measured.

    A counter starts anew in each window. A gauge (disk space, projects) is what there is: it goes up and down, and
    its one window never turns. A metric with a `feature` is spent by plans that have it alone.
    """

    kind: Literal["counter", "gauge"] = "counter"
    label: Text  # the plural: requests
    singular: Text | None = None
    description: Text | None = None
    cost_minor: RateMinor = Decimal(0)  # what one unit costs the operator
    estimate: Estimate | None = None
    feature: Id | None = None


class Service(Table):
    """Something that spends a metric: each call costs `cost` units of it. Plans that lack its feature lack it."""

    label: Text
    description: Text | None = None
    metric: Id
    cost: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    feature: Id | None = None


class Threshold(Table):
    """A share of an allowance, in percent, that is worth a notice when crossed."""

    at: Annotated[int, Field(ge=1, le=100)]
    severity: Literal["info", "warning", "critical"]


DEFAULT_THRESHOLDS = (
    Threshold(at=50, severity="info"),
    Threshold(at=75, severity="warning"),
    Threshold(at=90, severity="critical"),
)


class PlanChanges(Table):
    """When a change of plan takes effect that follows the rule: at once, or when the longest window turns."""

    up: Literal["now", "period_end"] = "now"
    down: Literal["now", "period_end"] = "period_end"


class Allowance(Table):
    """
    How much of a metric a plan gives in each window; several windows on one metric bind at once.

    `overage = "charge"` lets spending go on beyond the limit, at `overage_rate_minor` a unit, up to
    `overage_cap` units a window (None: without end); it is recorded and shown, not collected. What is left of the
    limit, up to `rollover_cap`, is added to the next window's. An empty list of thresholds means none.
    """

    metric: Id
    limit: Units | Literal["unlimited"]
    period: Annotated[PeriodKind, Field(strict=False)]
    anchor: Annotated[Anchor, Field(strict=False)] = Anchor.CALENDAR
    overage: Literal["block", "charge"] = "block"
    overage_rate_minor: RateMinor | None = None
    overage_cap: Units | None = None
    rollover_cap: Annotated[Units, Field(ge=1)] | None = None
    thresholds: Annotated[tuple[Threshold, ...], Field(strict=False)] = DEFAULT_THRESHOLDS

    @model_validator(mode="after")
    def _overage_is_whole(self) -> Allowance:
        if (self.overage == "charge") != (self.overage_rate_minor is not None):
            raise ValueError('overage = "charge" needs overage_rate_minor, and only it may have one')
        if self.overage_cap is not None and self.overage != "charge":
            raise ValueError('overage_cap needs overage = "charge"')
        if self.period in (PeriodKind.HOUR, PeriodKind.LEVEL) and self.anchor is Anchor.ACCOUNT:
            raise ValueError("an hour is an hour of UTC, with no anchor, and a level never turns")
        if self.period is PeriodKind.LEVEL and self.overage != "block":
            raise ValueError(
                "a level that is measured beyond its limit is recorded, and charged for by nobody"
            )
        if self.rollover_cap is not None and (self.limit == "unlimited" or self.period is PeriodKind.LEVEL):
            raise ValueError("rollover_cap needs a limit, and a window that turns")
        if len({threshold.at for threshold in self.thresholds}) != len(self.thresholds):
            raise ValueError("two thresholds at the same percentage")
        return self

    @property
    def limit_units(self) -> int | None:
        """The limit in units, None when unlimited."""
        return None if self.limit == "unlimited" else self.limit


StripePrice = Annotated[str, Field(pattern=r"^price_\w+$")]


class Plan(Table):
    """A set of allowances and features; `rank` orders plans from the smallest to the largest."""

    rank: Annotated[int, Field(ge=0, le=1000)]
    label: Text
    description: Text
    price_minor: PriceMinor | None = None
    interval: Literal["month", "year"] | None = None
    stripe_price: StripePrice | None = None
    upgrade_url: Annotated[str, Field(pattern=r"^https://\S+$", max_length=512)] | None = None
    popular: bool = False
    target_margin: Share | None = None
    rate_limit: Annotated[int, Field(ge=1, le=100_000_000)] | None = None  # requests a minute of one account
    features: Annotated[tuple[Id, ...], Field(strict=False)] = ()
    allowances: Annotated[tuple[Allowance, ...], Field(strict=False, max_length=MAX_ALLOWANCES)] = ()

    def allowances_of(self, metric: str) -> tuple[Allowance, ...]:
        """Return every window this plan has on the metric."""
        return tuple(allowance for allowance in self.allowances if allowance.metric == metric)

    def has(self, feature: str | None) -> bool:
        """Tell whether this plan has the feature; everybody has None."""
        return feature is None or feature in self.features


class Package(Table):
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
    stripe_price: StripePrice | None = None
