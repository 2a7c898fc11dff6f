"""`/api/billing/…`: who an account is, what it has, what is on offer, what a service costs, periods."""

from __future__ import annotations

from collections.abc import Iterator

from quota_core.access_keys import Scope
from quota_core.balances import Balance, MetricBalance
from quota_core.catalog import Catalog
from quota_core.periods import PeriodKind, period_at
from quota_core.summary import MetricSummary, Summary, standing_of
from webhooks.check_api import WindowFacts, window_facts
from webhooks.plan_facts import (
    PackageFacts,
    PlanFacts,
    ServiceFacts,
    TextFacts,
    estimated,
    package_facts,
    plan_facts,
    service_facts,
    text_facts,
)
from webhooks.problems import moment_or_none, timestamp
from webhooks.query import Query
from webhooks.records import RECORDS
from webhooks.route_table import Call, Facts, Request, Route, UserId


class OwnQuery(Query):
    """Whose: empty is the caller's own."""

    user_id: str = ""


class PeriodRequest(Request):
    """Whose period is to be opened; without an account nothing is asked of any."""

    user_id: UserId = ""


class UsageFacts(Facts):
    """
    How much of what is included is used; null is unlimited.

    `included` is the plan's part and what was bought. Estimates are those of the catalog's metric, for what was
    used and for all that is included; null where it has none.
    """

    metric: str
    included: int | None
    used: int
    percent: int | None
    estimated_minutes: int | None
    estimated_minutes_included: int | None


class MetricFacts(Facts):
    """What an account has of one metric; null is unlimited."""

    metric: str
    label: TextFacts
    allowance_left: int | None
    purchased_left: int
    expiring_left: int
    frozen: int
    debt: int
    total_left: int | None
    windows: list[WindowFacts]


class AccountFacts(Facts):
    """An account; `status` is active, exhausted (nothing of the primary metric is left) or blocked."""

    user_id: str
    status: str
    plan: PlanFacts
    plan_until: str | None
    credits_left: int | None
    usage: UsageFacts
    metrics: list[MetricFacts]


class OfferFacts(Facts):
    """What is on offer: plans from the smallest to the largest, packages as a shop shows them."""

    currency: str
    default_plan: str
    primary_metric: str
    plans: list[PlanFacts]
    packages: list[PackageFacts]


class CostFacts(Facts):
    """What a call of each service costs, in units of its metric; `costs` is the same in short."""

    costs: dict[str, int]
    services: list[ServiceFacts]


class PeriodFacts(Facts):
    """One open period of a metric."""

    metric: str
    period: str
    limit: int | None
    used: int
    resets_at: str | None


class PeriodsFacts(Facts):
    """
    The month that is open, and the account's own periods.

    `changed` is false: a period turns by itself, and no balance is ever reset.
    """

    period_key: str
    starts_at: str
    ends_at: str
    user_id: str | None
    plan: str | None
    periods: list[PeriodFacts]
    changed: bool


async def show_me(call: Call) -> AccountFacts:
    """Answer who the account is and what it has."""
    records = call.request.app[RECORDS]
    summary = await records.summaries.of(call.account(call.query.user_id))
    return account_facts(summary, records.catalog)


async def show_plans(call: Call) -> OfferFacts:
    """Answer the catalog."""
    catalog = call.request.app[RECORDS].catalog
    return OfferFacts(
        currency=catalog.currency,
        default_plan=catalog.default_plan,
        primary_metric=catalog.primary_metric,
        plans=[plan_facts(plan_id, catalog) for plan_id in catalog.plans_by_rank],
        packages=[package_facts(package_id, catalog) for package_id in catalog.shop_order],
    )


async def show_costs(call: Call) -> CostFacts:
    """Answer what services cost."""
    catalog = call.request.app[RECORDS].catalog
    return CostFacts(
        costs={service_id: service.cost for service_id, service in catalog.services.items()},
        services=[service_facts(service_id, catalog) for service_id in catalog.services],
    )


async def reset_monthly(call: Call) -> PeriodsFacts:
    """Answer which periods are open; whoever calls this by a clock may go on doing so, and nothing is reset."""
    records = call.request.app[RECORDS]
    summary = await records.summaries.of(call.account(call.body.user_id)) if call.has_account else None
    month = period_at(PeriodKind.MONTH, records.clock(), zone=records.catalog.zone)
    return PeriodsFacts(
        period_key=month.key,
        starts_at=timestamp(month.start_ms),
        ends_at=timestamp(month.end_ms),
        user_id=None if summary is None else str(summary.balance.account),
        plan=None if summary is None else summary.balance.plan,
        periods=[] if summary is None else list(_periods(summary.balance)),
        changed=False,
    )


def _periods(balance: Balance) -> Iterator[PeriodFacts]:
    for part in balance.metrics:
        for window in part.windows:
            yield PeriodFacts(
                metric=part.metric,
                period=window.kind,
                limit=window.limit,
                used=window.used,
                resets_at=moment_or_none(window.resets_ms),
            )


def account_facts(summary: Summary, catalog: Catalog) -> AccountFacts:
    """Return an account as it is answered."""
    balance = summary.balance
    primary = balance.of(catalog.primary_metric)
    return AccountFacts(
        user_id=str(balance.account),
        status=standing_of(balance, catalog),
        plan=plan_facts(balance.plan, catalog),
        plan_until=moment_or_none(balance.plan_until_ms),
        credits_left=0 if primary is None else primary.total_left,
        usage=usage_facts(summary, catalog.primary_metric, catalog),
        metrics=[_metric(part, catalog) for part in balance.metrics],
    )


def usage_facts(summary: Summary, metric: str, catalog: Catalog) -> UsageFacts:
    """Return how much of what is included of a metric is used."""
    found = next((one for one in summary.metrics if one.metric == metric), None)
    included, used, percent = (0, 0, 0) if found is None else _used(found)
    known = catalog.metrics[metric]
    return UsageFacts(
        metric=metric,
        included=included,
        used=used,
        percent=percent,
        estimated_minutes=estimated(used, known),
        estimated_minutes_included=estimated(included, known),
    )


def _used(summary: MetricSummary) -> tuple[int | None, int, int | None]:
    return summary.use.limit, summary.use.current, summary.use.percent


def _metric(part: MetricBalance, catalog: Catalog) -> MetricFacts:
    return MetricFacts(
        metric=part.metric,
        label=text_facts(catalog.metrics[part.metric].label),
        allowance_left=part.allowance_left,
        purchased_left=part.purchased_left,
        expiring_left=part.expiring_left,
        frozen=part.frozen,
        debt=part.debt,
        total_left=part.total_left,
        windows=[window_facts(window) for window in part.windows],
    )


ROUTES = (
    Route(
        name="show_me",
        method="GET",
        path="/api/billing/me",
        family="Billing",
        summary="Who an account is, and what it has",
        scope=Scope.QUOTA_READ,
        query=OwnQuery,
        answer=AccountFacts,
        refusals=frozenset({503}),
        polled=True,
        endpoint=show_me,
    ),
    Route(
        name="show_plans",
        method="GET",
        path="/api/billing/plans",
        aliases=("/usage-billing/plans",),
        family="Billing",
        summary="What is on offer: plans and packages",
        scope=Scope.QUOTA_READ,
        answer=OfferFacts,
        polled=True,
        endpoint=show_plans,
    ),
    Route(
        name="show_credit_costs",
        method="GET",
        path="/api/billing/credit-costs",
        family="Billing",
        summary="What a call of each service costs",
        scope=Scope.QUOTA_READ,
        answer=CostFacts,
        polled=True,
        endpoint=show_costs,
    ),
    Route(
        name="reset_monthly",
        method="POST",
        path="/api/credits/reset-monthly",
        family="Credits",
        summary="Which periods are open: they turn by themselves, nothing is reset, and twice is as good as once",
        scope=Scope.QUOTA_READ,
        body=PeriodRequest,
        answer=PeriodsFacts,
        refusals=frozenset({503}),
        endpoint=reset_monthly,
    ),
)
