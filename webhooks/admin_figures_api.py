"""`/api/admin/stats` and `/analytics`: figures over everything."""

from __future__ import annotations

from datetime import date, timedelta

from quota_core.access_keys import Scope
from quota_core.stats import Stats
from webhooks.query import Query
from webhooks.records import RECORDS
from webhooks.route_table import Call, Facts, Route

STATS_DAYS = 30


class RevenueFacts(Facts):
    """
    Paid orders of one currency without tax, in minor units.

    `net` is `gross` without what was `refunded` or charged back; `basket` is the average order.
    """

    currency: str
    orders: int
    gross: int
    refunded: int
    net: int
    basket: int


class StatsFacts(Facts):
    """
    Figures over everything; units are of the primary metric.

    `conversion` is the share of those who opened the shop that paid, null before anybody did.
    """

    accounts: int
    active_7_days: int
    active_30_days: int
    accounts_by_plan: dict[str, int]
    units_granted: int
    units_sold: int
    units_used: int
    revenue: list[RevenueFacts]
    viewers: int
    buyers: int
    conversion: float | None
    best_package: str | None
    best_package_orders: int
    held_payments: int
    notices_owed: int
    usage_by_day: list[UsedUnits]


class UsedUnits(Facts):
    """Units of the primary metric on a day, over all accounts; what one paid for another counts once."""

    day: str
    service: str
    units: int
    overage: int


class PlanUse(Facts):
    """Units of a plan's accounts, in all and on average for each that used any, rounded down."""

    avg: int
    total: int


class AnalyticsFacts(Facts):
    """
    How plans are used; units of the primary metric, of this month.

    `paid_users` are accounts on plans that have a price; `conversion_rate` their share in percent. `mrr` and
    `churn_rate` are null until plans are sold by subscription.
    """

    mrr: int | None
    active_users: int
    paid_users: int
    free_users: int
    conversion_rate: float | None
    churn_rate: float | None
    sessions_by_plan: dict[str, PlanUse]


async def show_stats(call: Call) -> StatsFacts:
    """Answer the figures of this moment."""
    records = call.request.app[RECORDS]
    today = date.fromisoformat(records.usage.today())
    since = (today - timedelta(days=STATS_DAYS - 1)).isoformat()
    used = await records.usage.over_all(since, today.isoformat(), records.catalog.primary_metric)
    days = [UsedUnits(day=row[0], service=row[1], units=row[2], overage=row[3]) for row in used]
    return _stats(await records.statistics.now(), await records.registers.plans(), days)


async def show_analytics(call: Call) -> AnalyticsFacts:
    """Answer how plans are used."""
    records = call.request.app[RECORDS]
    await records.usage.catch_up()
    first = records.usage.today()[:8] + "01"
    used = await records.registers.use_by_plan(first, records.catalog.primary_metric)
    accounts, stats = await records.registers.plans(), await records.statistics.now()
    paid = sum(count for plan, count in accounts.items() if records.catalog.plans[plan].price_minor)
    everybody = sum(accounts.values())
    return AnalyticsFacts(
        mrr=None,
        active_users=stats.active_30_days,
        paid_users=paid,
        free_users=everybody - paid,
        conversion_rate=round(100 * paid / everybody, 1) if everybody else None,
        churn_rate=None,
        sessions_by_plan={
            plan: PlanUse(avg=units // count if count else 0, total=units)
            for plan, (count, units) in used.items()
        },
    )


def _stats(stats: Stats, plans: dict[str, int], days: list[UsedUnits]) -> StatsFacts:
    return StatsFacts(
        accounts=stats.accounts,
        active_7_days=stats.active_7_days,
        active_30_days=stats.active_30_days,
        accounts_by_plan=plans,
        units_granted=stats.granted,
        units_sold=stats.sold,
        units_used=stats.used,
        revenue=[
            RevenueFacts(
                currency=one.currency,
                orders=one.orders,
                gross=one.gross_minor,
                refunded=one.refunded_minor,
                net=one.net_minor,
                basket=one.basket_minor,
            )
            for one in stats.revenue
        ],
        viewers=stats.viewers,
        buyers=stats.buyers,
        conversion=stats.conversion,
        best_package=stats.best_package,
        best_package_orders=stats.best_package_orders,
        held_payments=stats.held,
        notices_owed=stats.owed,
        usage_by_day=days,
    )


ROUTES = (
    Route(
        name="show_stats",
        method="GET",
        path="/api/admin/stats",
        aliases=("/api/admin/billing/stats",),
        family="Administration",
        summary="Figures over everything",
        scope=Scope.ADMIN_READ,
        for_operators=True,
        query=Query,
        answer=StatsFacts,
        refusals=frozenset({503}),
        endpoint=show_stats,
    ),
    Route(
        name="show_analytics",
        method="GET",
        path="/api/admin/analytics",
        aliases=("/admin/analytics",),
        family="Administration",
        summary="How plans are used",
        scope=Scope.ADMIN_READ,
        for_operators=True,
        query=Query,
        answer=AnalyticsFacts,
        refusals=frozenset({503}),
        endpoint=show_analytics,
    ),
)
