"""
An account's use against what it has, by metric: percentages, overage, what it costs, and what is close to its end.

What was bought for a metric raises its limit: a top-up of this period by all its units, units that never expire by
what is left of them. So what is left is always `limit - current`, and a purchase ends an alert.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from quota_core.accounts import AccountRef
from quota_core.balances import Balance, Balances, MetricBalance, WindowBalance
from quota_core.catalog import Allowance, Catalog
from quota_core.database import Database
from quota_core.statements import Work
from quota_core.store import top_ups as top_up_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """How much of a limit is used, in units; `limit` None is unlimited, and then there is no percentage."""

    kind: str
    current: int
    limit: int | None
    overage: int
    resets_ms: int | None

    @property
    def percent(self) -> int | None:
        """Whole percent, rounded down, so that a threshold is reached when it says so; above 100 with overage."""
        if self.limit is None:
            return None
        return self.current * 100 // self.limit if self.limit else 100 * bool(self.current)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """The highest threshold that a window has reached."""

    metric: str
    severity: str
    kind: str
    percent: int
    threshold: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSummary:
    """The use of one metric: its longest window stands for it, `windows` has all of them."""

    metric: str
    use: Use
    windows: tuple[Use, ...]
    overage_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """
    What an account uses; amounts in minor units of `currency`.

    `base_minor` is the plan's price. Nothing is charged for what a plan includes, so use itself costs nothing.
    """

    balance: Balance
    metrics: tuple[MetricSummary, ...]
    alerts: tuple[Alert, ...]
    currency: str
    base_minor: int
    overage_minor: int


TopUps = Mapping[str, tuple[int, int]]
"""Units of this period's top-ups by metric, and what is left of them."""


class Summaries:
    """Sum up."""

    def __init__(
        self, database: Database, balances: Balances, catalog: Catalog, *, clock: Callable[[], int]
    ) -> None:
        self._database = database
        self._balances = balances
        self._catalog = catalog
        self._clock = clock

    async def of(self, account: AccountRef) -> Summary:
        """Return what the account uses now."""
        balance = await self._balances.of(account)
        owner = balance.parent or account
        return summed(balance, await self._database.read(lambda: self._top_ups(owner)), self._catalog)

    def _top_ups(self, account: AccountRef) -> Work[TopUps]:
        rows = yield from top_up_rows.lots_that_end(account, self._clock())
        return {metric: (units, left) for metric, units, left in rows}


def standing_of(balance: Balance, catalog: Catalog) -> str:
    """Return blocked, exhausted (nothing of the primary metric can be spent now) or active."""
    if balance.blocked:
        return "blocked"
    part = balance.of(catalog.primary_metric)
    if part is None:
        return "exhausted"
    allowances = catalog.plans[balance.plan].allowances_of(part.metric)
    goes_on = any(
        allowance.overage == "charge"
        and (allowance.overage_cap is None or window.overage < allowance.overage_cap)
        for window, allowance in zip(part.windows, allowances, strict=True)
    )
    return "exhausted" if part.total_left == 0 and not goes_on else "active"


def summed(balance: Balance, top_ups: TopUps, catalog: Catalog) -> Summary:
    """Return the summary of a balance."""
    plan = catalog.plans[balance.plan]
    metrics, alerts = [], []
    for part in balance.metrics:
        allowances = plan.allowances_of(part.metric)
        uses = [_use(window, part, top_ups.get(part.metric, (0, 0))) for window in part.windows]
        # A window of a plan stands where its allowance does.
        pairs = list(zip(uses, allowances, strict=True))
        alerts += [found for use, allowance in pairs for found in _alert(part.metric, use, allowance)]
        metrics.append(
            MetricSummary(
                metric=part.metric,
                use=max(uses, key=_length) if uses else _bought(part, top_ups.get(part.metric, (0, 0))),
                windows=tuple(uses),
                overage_minor=max((_cost(use, allowance) for use, allowance in pairs), default=0),
            )
        )
    return Summary(
        balance=balance,
        metrics=tuple(metrics),
        alerts=tuple(alerts),
        currency=catalog.currency,
        base_minor=plan.price_minor or 0,
        overage_minor=sum(one.overage_minor for one in metrics),
    )


def _length(use: Use) -> tuple[bool, int]:
    """Order windows from the one that says least of a metric to the one that stands for it."""
    return use.limit is not None, _LENGTHS.index(use.kind) if use.kind in _LENGTHS else len(_LENGTHS)


_LENGTHS = ("hour", "day", "week", "month", "year")


def _use(window: WindowBalance, part: MetricBalance, top_up: tuple[int, int]) -> Use:
    units, left = top_up
    raised = units + part.lasting_left
    return Use(
        kind=window.kind,
        current=window.used + units - left,
        limit=None if window.limit is None else window.limit + raised,
        overage=window.overage,
        resets_ms=window.resets_ms,
    )


def _bought(part: MetricBalance, top_up: tuple[int, int]) -> Use:
    """Return the use of what is in no plan and was bought."""
    units, left = top_up
    limit = units + part.lasting_left
    return Use(kind="bought", current=units - left, limit=limit, overage=0, resets_ms=None)


def _alert(metric: str, use: Use, allowance: Allowance) -> Iterator[Alert]:
    percent = use.percent
    if percent is None:
        return
    reached = [threshold for threshold in allowance.thresholds if threshold.at <= percent]
    if reached:
        highest = max(reached, key=lambda threshold: threshold.at)
        yield Alert(
            metric=metric, severity=highest.severity, kind=use.kind, percent=percent, threshold=highest.at
        )


def _cost(use: Use, allowance: Allowance) -> int:
    """Return what the units beyond the limit cost, in minor units, halves up."""
    rate = allowance.overage_rate_minor or Decimal(0)
    return int((rate * use.overage).quantize(Decimal(1), rounding=ROUND_HALF_UP))
