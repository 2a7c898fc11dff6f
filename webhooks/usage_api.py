"""`/api/billing/usage`: what an account used, by day and service, true at the moment of asking."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from quota_core.access_keys import Scope
from quota_core.usage import UsageFilter
from webhooks.billing_api import usage_facts
from webhooks.cursors import cursor_of, place_in
from webhooks.query import Paged
from webhooks.records import RECORDS
from webhooks.route_table import Call, Facts, Route

_Day = Annotated[str, Field(pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$")]
_Id = Annotated[str, Field(pattern=r"^[a-z0-9_]{0,40}$")]


class UsageQuery(Paged):
    """Whose, which metric and service, and from which day to which (both included); empty is any."""

    user_id: Annotated[str, Field(max_length=200)] = ""
    metric: _Id = ""
    service: _Id = ""
    since: _Day = ""
    until: _Day = ""


class UsedDayFacts(Facts):
    """
    What was used of a metric by a service ("" for none) on a day of the catalog's time zone.

    What came back counts on the day on which it did; of a gauge, `units` is by how much its level changed. `paid`
    is the part from the account's own pots, the rest was paid by another (a team, a server).
    """

    day: str
    metric: str
    service: str
    units: int
    paid: int
    overage: int
    calls: int


class UsagePageFacts(Facts):
    """
    How much of what is included is used now, and the days, last first.

    `total_units`, `total_overage` and `total_calls` are sums over all days that the filters let through.
    """

    user_id: str
    metric: str
    included: int | None
    used: int
    percent: int | None
    estimated_minutes: int | None
    total_units: int
    total_overage: int
    total_calls: int
    days: list[UsedDayFacts]
    next_cursor: str | None


async def show_usage(call: Call) -> UsagePageFacts:
    """Answer a page of days."""
    records, query = call.request.app[RECORDS], call.query
    assert isinstance(query, UsageQuery)
    catalog = records.catalog
    account = call.account(query.user_id)
    metric = query.metric or catalog.primary_metric
    catalog.metric(metric)
    if query.service:
        catalog.service(query.service)
    wanted = UsageFilter(
        since=query.since or UsageFilter().since,
        until=query.until or UsageFilter().until,
        metric=query.metric or None,
        service=query.service or None,
    )
    place = place_in(query.cursor, str, int, str)
    start = None if place is None else (str(place[0]), int(place[1]), str(place[2]))
    page = await records.usage.of(account, wanted, start, query.limit)
    now = usage_facts(await records.summaries.of(account), metric, catalog)
    return UsagePageFacts(
        user_id=str(account),
        metric=metric,
        included=now.included,
        used=now.used,
        percent=now.percent,
        estimated_minutes=now.estimated_minutes,
        total_units=page.units,
        total_overage=page.overage,
        total_calls=page.calls,
        days=[
            UsedDayFacts(
                day=one.day,
                metric=one.metric,
                service=one.service,
                units=one.units,
                paid=one.paid,
                overage=one.overage,
                calls=one.calls,
            )
            for one in page.days
        ],
        next_cursor=None if page.next_place is None else cursor_of(*page.next_place),
    )


ROUTES = (
    Route(
        name="show_usage",
        method="GET",
        path="/api/billing/usage",
        family="Billing",
        summary="What an account used, by day and service",
        scope=Scope.QUOTA_READ,
        query=UsageQuery,
        answer=UsagePageFacts,
        refusals=frozenset({503}),
        polled=True,
        endpoint=show_usage,
    ),
)
