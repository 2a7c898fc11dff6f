"""`POST /api/credits/check`: whether an operation could be done, as advice that is always answered with 200."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from quota_core import errors
from quota_core.access_keys import Scope
from quota_core.advice import Advice
from quota_core.balances import WindowBalance
from quota_core.meter import outcome_of
from webhooks.credits_api import CREDITS
from webhooks.operations import MAX_LENGTH, Wanted, named_by
from webhooks.problems import moment_or_none
from webhooks.route_table import Call, Facts, Request, Route, UserId

_Word = Annotated[str, Field(max_length=MAX_LENGTH)]


class CheckRequest(Request):
    """What `consume` would be asked for; the key is not needed yet, and not looked at."""

    user_id: UserId = ""
    module: _Word = ""
    metric: _Word = ""
    # As wide as what can be answered; the bounds of the catalog are told in the answer.
    units: Annotated[int, Field(ge=-(2**63), lt=2**63)] = 1
    action: _Word = ""
    request_id: _Word = ""

    @model_validator(mode="after")
    def _one_name(self) -> Self:
        if self.module and self.metric:
            raise ValueError("module and metric say the same: send one of them")
        return self


class WindowFacts(Facts):
    """One window of a plan; null is unlimited; `used` may pass the limit by `overage`."""

    period: str
    limit: int | None
    used: int
    left: int | None
    overage: int
    resets_at: str | None


class PotsLeft(Facts):
    """What is left, by pot; null is unlimited. `total` leaves overage out."""

    allowance: int | None
    purchased: int
    expiring: int
    overage: int | None
    total: int | None


class CheckFacts(Facts):
    """
    Whether the operation could be done now, and if not, why.

    `reason` is null, or one of out_of_quota, not_in_plan, blocked, unknown_metric, amount_out_of_bounds.
    `resets_at` says when waiting helps, null when it never does; `plans` which have what is not in the plan.
    """

    can_proceed: bool
    reason: str | None
    user_id: str
    plan: str | None
    metric: str | None
    units: int
    left: PotsLeft | None
    windows: list[WindowFacts]
    resets_at: str | None
    plans: list[str]


async def check(call: Call) -> CheckFacts:
    """Answer what would become of an operation; nothing is written, and only `consume` or a hold guarantees it."""
    body, api = call.body, call.request.app[CREDITS]
    quota = api.quota
    assert isinstance(body, CheckRequest)
    account = await call.acting(body.user_id)
    wanted = Wanted(str(account), body.module or None, body.metric or None, body.units, "check")
    metric, service = named_by(wanted, quota.book.catalog)
    try:
        operation = quota.operation(account, wanted.units, key="check", metric=metric, service=service)
    except (errors.UnknownMetricError, errors.UnknownServiceError, errors.AmountError) as error:
        return CheckFacts(
            can_proceed=False,
            reason=reason_of(error),
            user_id=str(account),
            plan=None,
            metric=wanted.module or wanted.metric,
            units=wanted.units,
            left=None,
            windows=[],
            resets_at=None,
            plans=[],
        )
    advice = await quota.advisor.on(operation)
    api.meter.checked("check", outcome_of(advice.refusal))
    return _facts(str(account), advice)


def _facts(account: str, advice: Advice) -> CheckFacts:
    refusal = advice.refusal
    return CheckFacts(
        can_proceed=refusal is None,
        reason=None if refusal is None else reason_of(refusal),
        user_id=account,
        plan=advice.plan,
        metric=advice.metric,
        units=advice.units,
        left=PotsLeft(
            allowance=advice.allowance_left,
            purchased=advice.purchased_left,
            expiring=advice.expiring_left,
            overage=advice.overage_left,
            total=advice.total_left,
        ),
        windows=[window_facts(window) for window in advice.windows],
        resets_at=moment_or_none(advice.refills_ms),
        plans=list(refusal.plans) if isinstance(refusal, errors.NotInPlanError) else [],
    )


def window_facts(window: WindowBalance) -> WindowFacts:
    """Return a window as it is answered."""
    return WindowFacts(
        period=window.kind,
        limit=window.limit,
        used=window.used,
        left=window.left,
        overage=window.overage,
        resets_at=moment_or_none(window.resets_ms),
    )


def reason_of(error: errors.QuotaError) -> str:
    """Return the one word for a refusal that callers branch on."""
    match error:
        case errors.OutOfQuotaError():
            return "out_of_quota"
        case errors.NotInPlanError():
            return "not_in_plan"
        case errors.AccountBlockedError():
            return "blocked"
        case errors.UnknownMetricError():
            return "unknown_metric"
        case errors.AmountError():
            return "amount_out_of_bounds"
        case _:
            # A refusal without a word of its own is ours to name.
            raise error


ROUTES = (
    Route(
        name="check",
        method="POST",
        path="/api/credits/check",
        aliases=("/api/billing/check-quota", "/usage-billing/check-quota"),
        family="Credits",
        summary="Whether an operation could be done now: advice, always 200",
        scope=Scope.QUOTA_READ,
        body=CheckRequest,
        answer=CheckFacts,
        refusals=frozenset({503}),
        metered=True,
        endpoint=check,
    ),
)
