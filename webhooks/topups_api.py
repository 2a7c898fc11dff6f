"""What was bought for an account, and in which period."""

from __future__ import annotations

from quota_core.access_keys import Scope
from quota_core.top_ups import Place
from webhooks.cursors import cursor_of, place_in
from webhooks.problems import moment_or_none, timestamp
from webhooks.query import Paged
from webhooks.records import RECORDS
from webhooks.route_table import Call, Facts, Route


class TopUpQuery(Paged):
    """Whose, and which page."""

    user_id: str = ""


class TopUpFacts(Facts):
    """Units that were bought, in the month `period_key`; `price` in minor units, `left` null before they came."""

    id: str
    package_id: str
    metric: str
    units: int
    price: int
    tax: int
    currency: str
    status: str
    period_key: str
    created_at: str
    paid_at: str | None
    left: int | None
    expires_at: str | None


class TopUpPage(Facts):
    """Newest first; `next_cursor` is null on the last page."""

    top_ups: list[TopUpFacts]
    next_cursor: str | None


async def list_top_ups(call: Call) -> TopUpPage:
    """Answer what was bought for an account."""
    query = call.query
    assert isinstance(query, TopUpQuery)
    place = place_in(query.cursor, int, str)
    start = Place() if place is None else Place(int(place[0]), str(place[1]))
    account = call.account(query.user_id)
    found = await call.request.app[RECORDS].top_ups.of(account, start, query.limit + 1)
    shown = found[: query.limit]
    return TopUpPage(
        top_ups=[
            TopUpFacts(
                id=one.order,
                package_id=one.package,
                metric=one.metric,
                units=one.units,
                price=one.price_minor,
                tax=one.tax_minor,
                currency=one.currency,
                status=one.state,
                period_key=one.period,
                created_at=timestamp(one.opened_ms),
                paid_at=moment_or_none(one.paid_ms),
                left=one.left,
                expires_at=moment_or_none(one.expires_ms),
            )
            for one in shown
        ],
        next_cursor=cursor_of(*shown[-1].place) if len(found) > len(shown) else None,
    )


ROUTES = (
    Route(
        name="list_top_ups",
        method="GET",
        path="/api/billing/topups/history",
        aliases=("/usage-billing/topups/history",),
        family="Billing",
        summary="What was bought for an account, newest first, with its period",
        scope=Scope.QUOTA_READ,
        query=TopUpQuery,
        answer=TopUpPage,
        refusals=frozenset({503}),
        endpoint=list_top_ups,
    ),
)
