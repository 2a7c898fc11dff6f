"""`/api/billing/summary`: use against limits, what it costs, and what is close to its end."""

from __future__ import annotations

from quota_core.access_keys import Scope
from quota_core.summary import Alert, Summary, Use
from webhooks.billing_api import OwnQuery
from webhooks.page_words import language_for
from webhooks.plan_facts import PlanFacts, plan_facts
from webhooks.problems import moment_or_none
from webhooks.query import Query
from webhooks.records import RECORDS
from webhooks.route_table import Call, Facts, Route
from wording.usage_alert import alert_text
from wording.words import Words


class UseFacts(Facts):
    """One window; null is unlimited."""

    period: str
    current: int
    limit: int | None
    percentage: int | None
    overage: int
    resets_at: str | None


class MetricUseFacts(Facts):
    """
    The use of one metric, in its longest window; `windows` has all of them.

    `limit` is the plan's part and what was bought. `percentage` is rounded down, and passes 100 with `overage`.
    """

    type: str
    current: int
    limit: int | None
    percentage: int | None
    overage: int
    period: str
    resets_at: str | None
    windows: list[UseFacts]


class EstimatedCost(Facts):
    """What the period costs, in minor units of the currency; what a plan includes costs nothing by its use."""

    base: int
    usage: int
    overage: int
    total: int
    currency: str


class AlertFacts(Facts):
    """The highest threshold that a window has reached; `message` in the language that was asked for."""

    severity: str
    message: str
    metric: str
    threshold: int
    percentage: int
    period: str


class SummaryPart(Facts):
    """What is used."""

    metrics: list[MetricUseFacts]
    estimated_cost: EstimatedCost
    alerts: list[AlertFacts]


class SummaryFacts(Facts):
    """A plan and what is used of it."""

    user_id: str
    plan: PlanFacts
    summary: SummaryPart


async def show_own(call: Call) -> SummaryFacts:
    """Answer the summary of the caller's account."""
    return await _summary(call, call.query.user_id)


async def show_named(call: Call) -> SummaryFacts:
    """Answer the summary of the account in the path."""
    return await _summary(call, str(call.named))


async def _summary(call: Call, spelled: str) -> SummaryFacts:
    records = call.request.app[RECORDS]
    summary = await records.summaries.of(call.account(spelled))
    words = Words(language_for(None, call.request.headers.get("Accept-Language", "")))
    total = summary.base_minor + summary.overage_minor
    return SummaryFacts(
        user_id=str(summary.balance.account),
        plan=plan_facts(summary.balance.plan, records.catalog),
        summary=SummaryPart(
            metrics=_metrics(summary),
            estimated_cost=EstimatedCost(
                base=summary.base_minor,
                usage=0,
                overage=summary.overage_minor,
                total=total,
                currency=summary.currency,
            ),
            alerts=[_alert(one, str(alert_text(one, records.catalog, words))) for one in summary.alerts],
        ),
    )


def _metrics(summary: Summary) -> list[MetricUseFacts]:
    return [
        MetricUseFacts(
            type=one.metric,
            windows=[UseFacts(**_use(window)) for window in one.windows],
            **_use(one.use),
        )
        for one in summary.metrics
    ]


def _use(use: Use) -> dict[str, object]:
    return {
        "period": use.kind,
        "current": use.current,
        "limit": use.limit,
        "percentage": use.percent,
        "overage": use.overage,
        "resets_at": moment_or_none(use.resets_ms),
    }


def _alert(alert: Alert, message: str) -> AlertFacts:
    return AlertFacts(
        severity=alert.severity,
        message=message,
        metric=alert.metric,
        threshold=alert.threshold,
        percentage=alert.percent,
        period=alert.kind,
    )


ROUTES = (
    Route(
        name="show_summary",
        method="GET",
        path="/api/billing/summary",
        aliases=("/usage-billing/summary",),
        family="Billing",
        summary="Use against limits, estimated cost and alerts",
        scope=Scope.QUOTA_READ,
        query=OwnQuery,
        answer=SummaryFacts,
        refusals=frozenset({503}),
        polled=True,
        endpoint=show_own,
    ),
    Route(
        name="show_summary_of",
        method="GET",
        path="/api/billing/summary/{account}",
        aliases=("/usage-billing/summary/{account}",),
        family="Billing",
        summary="The same of the account in the path",
        scope=Scope.QUOTA_READ,
        query=Query,
        answer=SummaryFacts,
        refusals=frozenset({503}),
        polled=True,
        endpoint=show_named,
    ),
)
