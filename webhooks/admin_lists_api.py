"""`/api/admin/users`, `/stats`, `/audit`: what an operator looks through."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Literal

from pydantic import Field

from quota_core.access_keys import Scope
from quota_core.catalog import Catalog
from quota_core.registers import AccountFilter, ListedAccount
from quota_core.stats import Stats
from webhooks.cursors import cursor_of, place_in
from webhooks.problems import moment_or_none, timestamp
from webhooks.query import Paged, Query
from webhooks.records import RECORDS
from webhooks.route_table import Call, Facts, Route

STATS_DAYS = 30
_Text = Annotated[str, Field(max_length=200)]


class UsersQuery(Paged):
    """Which accounts: `q` is part of the name; empty is any."""

    q: _Text = ""
    kind: Literal["", "user", "guild", "external"] = ""
    plan: Annotated[str, Field(max_length=40)] = ""
    status: Literal["", "active", "exhausted", "blocked"] = ""


class AuditQuery(Paged):
    """Which changes by hand; empty is any."""

    user_id: _Text = ""
    actor: _Text = ""
    action: _Text = ""


class UserFacts(Facts):
    """An account in a list; figures are of the primary metric, in its first window; null is unlimited."""

    user_id: str
    kind: str
    status: str
    plan: str
    plan_until: str | None
    used: int
    limit: int | None
    credits_left: int | None
    purchased_left: int
    created_at: str
    active_at: str


class UsersPage(Facts):
    """Newest first; a page that `status` filters may be short. `next_cursor` null is the last page."""

    users: list[UserFacts]
    next_cursor: str | None


class RevenueFacts(Facts):
    """Paid orders of one currency, in minor units; `basket` is the average order."""

    currency: str
    orders: int
    amount: int
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


class DeedFacts(Facts):
    """One change by hand; `actor` is user:… or key:…, `detail` the new plan of a change of plan."""

    id: int
    at: str
    actor: str
    action: str
    user_id: str
    metric: str
    units: int
    detail: str
    reason: str
    entry_id: int


class AuditPage(Facts):
    """Newest first; `next_cursor` null is the last page."""

    audit: list[DeedFacts]
    next_cursor: str | None


async def list_users(call: Call) -> UsersPage:
    """Answer a page of accounts."""
    records, query = call.request.app[RECORDS], call.query
    assert isinstance(query, UsersQuery)
    wanted = AccountFilter(text=query.q, kind=query.kind, plan=query.plan, standing=query.status)
    place = place_in(query.cursor, int)
    page = await records.registers.accounts(wanted, None if place is None else int(place[0]), query.limit)
    return UsersPage(
        users=[_user(one, records.catalog) for one in page.accounts],
        next_cursor=None if page.next_id is None else cursor_of(page.next_id),
    )


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


async def list_audit(call: Call) -> AuditPage:
    """Answer what was done by hand."""
    query = call.query
    assert isinstance(query, AuditQuery)
    place = place_in(query.cursor, int)
    account = call.account(query.user_id) if query.user_id else None
    found = await call.request.app[RECORDS].registers.by_hand(
        None if place is None else int(place[0]),
        query.limit + 1,
        actor=query.actor,
        action=query.action,
        account=account,
    )
    shown = found[: query.limit]
    return AuditPage(
        audit=[
            DeedFacts(
                id=one.id,
                at=timestamp(one.at_ms),
                actor=one.actor,
                action=one.action,
                user_id=str(one.account),
                metric=one.metric,
                units=one.units,
                detail=one.detail,
                reason=one.reason,
                entry_id=one.entry,
            )
            for one in shown
        ],
        next_cursor=cursor_of(shown[-1].id) if len(found) > len(shown) else None,
    )


def _user(listed: ListedAccount, catalog: Catalog) -> UserFacts:
    balance = listed.balance
    part = balance.of(catalog.primary_metric)
    window = None if part is None or not part.windows else part.windows[0]
    return UserFacts(
        user_id=str(balance.account),
        kind=balance.account.kind,
        status=listed.standing,
        plan=balance.plan,
        plan_until=moment_or_none(balance.plan_until_ms),
        used=0 if window is None else window.used,
        limit=0 if window is None else window.limit,
        credits_left=0 if part is None else part.total_left,
        purchased_left=0 if part is None else part.purchased_left,
        created_at=timestamp(listed.created_ms),
        active_at=timestamp(listed.active_ms),
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
                currency=one.currency, orders=one.orders, amount=one.amount_minor, basket=one.basket_minor
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
        name="list_users",
        method="GET",
        path="/api/admin/users",
        aliases=("/api/admin/billing/users",),
        family="Administration",
        summary="All accounts, newest first, by name, kind, plan and status",
        scope=Scope.ADMIN_READ,
        for_operators=True,
        query=UsersQuery,
        answer=UsersPage,
        refusals=frozenset({503}),
        endpoint=list_users,
    ),
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
    Route(
        name="list_audit",
        method="GET",
        path="/api/admin/audit",
        family="Administration",
        summary="What was done by hand: who, what, why",
        scope=Scope.ADMIN_READ,
        for_operators=True,
        query=AuditQuery,
        answer=AuditPage,
        refusals=frozenset({400, 404, 503}),
        endpoint=list_audit,
    ),
)
