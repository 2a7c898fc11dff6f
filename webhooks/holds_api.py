"""`/api/credits/hold`, `/settle`, `/release`: units for work whose cost is known afterwards."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from quota_core.access_keys import Scope
from quota_core.hold_ends import HoldEnd
from quota_core.holds import DEFAULT_TTL_SECONDS
from quota_core.meter import checked
from webhooks.credits_api import CREDITS
from webhooks.operations import MAX_LENGTH, Name, Wanted, named_by
from webhooks.problems import timestamp
from webhooks.route_table import Call, Facts, Request, Route, UserId
from webhooks.spend_answers import Left, Spent

_Word = Annotated[str, Field(max_length=MAX_LENGTH)]


class HoldRequest(Request):
    """What is to be held, and for how long at most; `request_id` names the hold from now on."""

    request_id: Name
    user_id: UserId = ""
    module: _Word = ""
    metric: _Word = ""
    units: int = 1
    ttl_seconds: int = DEFAULT_TTL_SECONDS
    action: _Word = ""

    @model_validator(mode="after")
    def _one_name(self) -> Self:
        if self.module and self.metric:
            raise ValueError("module and metric say the same: send one of them")
        return self


class SettleRequest(Request):
    """How much of a hold was used: 0 up to what is held."""

    request_id: Name
    user_id: UserId = ""
    units: int


class ReleaseRequest(Request):
    """Which hold is given back whole."""

    request_id: Name
    user_id: UserId = ""


class HoldFacts(Facts):
    """Units that are held; they go back by themselves at `expires_at` unless the hold was settled before."""

    request_id: str
    metric: str
    units: int
    held: Spent
    left: Left
    expires_at: str
    entry_ids: list[int]
    replayed: bool


class HoldEndFacts(Facts):
    """How a hold ended: `status` is settled or released; of `units_held`, `units` were used."""

    request_id: str
    metric: str
    status: str
    units: int
    units_held: int
    left: Left
    entry_ids: list[int]
    replayed: bool


async def hold(call: Call) -> HoldFacts:
    """Take units until the hold is ended, or its time is over."""
    body, api = call.body, call.request.app[CREDITS]
    assert isinstance(body, HoldRequest)
    account = await call.acting(body.user_id)
    wanted = Wanted(str(account), body.module or None, body.metric or None, body.units, body.request_id)
    metric, service = named_by(wanted, api.quota.book.catalog)
    asked = api.quota.hold(
        account,
        body.units,
        key=body.request_id,
        metric=metric,
        service=service,
        ttl_seconds=body.ttl_seconds,
    )
    held = await checked(api.meter, "http", asked)
    spend = held.spend
    return HoldFacts(
        request_id=body.request_id,
        metric=spend.metric,
        units=spend.units,
        held=Spent(
            allowance=spend.from_allowance, purchased=spend.from_purchased, overage=spend.from_overage
        ),
        left=Left(allowance=spend.allowance_left, purchased=spend.purchased_left),
        expires_at=timestamp(held.expires_ms),
        entry_ids=list(spend.entry_ids),
        replayed=spend.replayed,
    )


async def settle(call: Call) -> HoldEndFacts:
    """End a hold of which some units were used."""
    body = call.body
    assert isinstance(body, SettleRequest)
    account = call.account(body.user_id)
    end = await call.request.app[CREDITS].quota.settle(account, key=body.request_id, units=body.units)
    return _ended(body.request_id, end)


async def release(call: Call) -> HoldEndFacts:
    """End a hold of which nothing was used."""
    body = call.body
    assert isinstance(body, ReleaseRequest)
    account = call.account(body.user_id)
    end = await call.request.app[CREDITS].quota.release(account, key=body.request_id)
    return _ended(body.request_id, end)


def _ended(request_id: str, end: HoldEnd) -> HoldEndFacts:
    return HoldEndFacts(
        request_id=request_id,
        metric=end.metric,
        status=end.how,
        units=end.units_used,
        units_held=end.units_held,
        left=Left(allowance=end.allowance_left, purchased=end.purchased_left),
        entry_ids=list(end.entry_ids),
        replayed=end.replayed,
    )


ROUTES = (
    Route(
        name="hold",
        method="POST",
        path="/api/credits/hold",
        family="Credits",
        summary="Hold units for work whose cost is known afterwards",
        scope=Scope.QUOTA_CONSUME,
        body=HoldRequest,
        answer=HoldFacts,
        refusals=frozenset({403, 404, 409, 503}),
        metered=True,
        endpoint=hold,
    ),
    Route(
        name="settle",
        method="POST",
        path="/api/credits/settle",
        family="Credits",
        summary="End a hold with what was used, and give the rest back",
        scope=Scope.QUOTA_CONSUME,
        body=SettleRequest,
        answer=HoldEndFacts,
        refusals=frozenset({404, 409, 503}),
        metered=True,
        endpoint=settle,
    ),
    Route(
        name="release",
        method="POST",
        path="/api/credits/release",
        family="Credits",
        summary="End a hold and give everything back",
        scope=Scope.QUOTA_CONSUME,
        body=ReleaseRequest,
        answer=HoldEndFacts,
        refusals=frozenset({404, 409, 503}),
        metered=True,
        endpoint=release,
    ),
)
