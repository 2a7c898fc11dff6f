"""`/api/admin/users` and `/audit`: what an operator looks through."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from quota_core.access_keys import Scope
from quota_core.catalog import Catalog
from quota_core.registers import AccountFilter, ListedAccount
from webhooks.cursors import cursor_of, place_in
from webhooks.problems import moment_or_none, timestamp
from webhooks.query import Paged
from webhooks.records import RECORDS
from webhooks.route_table import Call, Facts, Route

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
