"""`/api/admin/grant`, `/plan`, `/block`, `/unblock`, `/parent`: what an operator's key changes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from aiohttp import web
from pydantic import Field

from quota_core.access_keys import Scope
from quota_core.grants import Grants
from quota_core.operators import Actor
from quota_core.plan_changes import PlanMoment
from webhooks.body import misformed
from webhooks.operations import MAX_LENGTH, Name
from webhooks.problems import moment_or_none
from webhooks.records import RECORDS
from webhooks.route_table import Call, Endpoint, Facts, Request, Route

GRANTS = web.AppKey("GRANTS", Grants)
_Reason = Annotated[str, Field(max_length=MAX_LENGTH)]
_Named = Annotated[int, Field(ge=1)] | Name


class ByHandRequest(Request):
    """Whose, why, and the key under which it is done once; `reason` stays in the audit."""

    user_id: _Named
    request_id: Name
    reason: _Reason = ""


class GrantRequest(ByHandRequest):
    """Units to give: 1 up to MAX_GRANT, of the primary metric unless one is named; they end at `expires`."""

    units: int
    metric: Annotated[str, Field(max_length=MAX_LENGTH)] = ""
    expires: Annotated[str, Field(max_length=40)] = ""


class PlanRequest(ByHandRequest):
    """The plan to put the account on, from when on, and until a moment (RFC 3339, with its offset) or for good."""

    plan: Name
    until: Annotated[str, Field(max_length=40)] = ""
    at: PlanMoment = "now"


class GrantFacts(Facts):
    """What was given, and what the account's lots held before and after."""

    request_id: str
    user_id: str
    metric: str
    units: int
    before: int
    after: int
    replayed: bool


class PlanChangeFacts(Facts):
    """Plans before and after; `effective` null is at once."""

    request_id: str
    user_id: str
    before: str
    after: str
    effective: str | None
    until: str | None
    replayed: bool


class StatusFacts(Facts):
    """Whether the account was blocked by hand before, and is now."""

    request_id: str
    user_id: str
    was_blocked: bool
    blocked: bool
    replayed: bool


class ParentRequest(ByHandRequest):
    """Which external account pays for this one, such as a team for its project; empty: nobody but itself."""

    parent: Annotated[str, Field(max_length=MAX_LENGTH)] = ""


class ParentFacts(Facts):
    """Which account pays for this one now; null: it pays for itself."""

    request_id: str
    user_id: str
    parent: str | None
    replayed: bool


async def grant(call: Call) -> GrantFacts:
    """Give units that never expire, or that end at a moment."""
    body, grants, account = call.body, call.request.app[GRANTS], call.account(call.body.user_id)
    assert isinstance(body, GrantRequest)
    change = await grants.add(
        account,
        body.units,
        actor=Actor(key=call.key),
        reason=body.reason,
        key=body.request_id,
        metric=body.metric or None,
        expires_ms=_moment(body.expires, "expires"),
    )
    return GrantFacts(
        request_id=body.request_id,
        user_id=str(account),
        metric=body.metric or call.request.app[RECORDS].catalog.primary_metric,
        units=change.units,
        before=change.before,
        after=change.after,
        replayed=change.replayed,
    )


async def set_plan(call: Call) -> PlanChangeFacts:
    """Put an account on a plan, at once or when a period ends."""
    body, account = call.body, call.account(call.body.user_id)
    assert isinstance(body, PlanRequest)
    change = await call.request.app[GRANTS].set_plan(
        account,
        body.plan,
        until_ms=_moment(body.until, "until"),
        actor=Actor(key=call.key),
        reason=body.reason,
        key=body.request_id,
        at=body.at,
    )
    return PlanChangeFacts(
        request_id=body.request_id,
        user_id=str(account),
        before=change.before,
        after=change.after,
        effective=moment_or_none(change.from_ms),
        until=moment_or_none(change.until_ms),
        replayed=change.replayed,
    )


async def block(call: Call) -> StatusFacts:
    """Let an account spend nothing until it is unblocked."""
    return await _status(call, blocked=True)


async def unblock(call: Call) -> StatusFacts:
    """Lift a block."""
    return await _status(call, blocked=False)


async def set_parent(call: Call) -> ParentFacts:
    """Let another account pay for this one."""
    body, account = call.body, call.account(call.body.user_id)
    assert isinstance(body, ParentRequest)
    parent = call.account(body.parent) if body.parent else None
    change = await call.request.app[GRANTS].set_parent(
        account, parent, actor=Actor(key=call.key), reason=body.reason, key=body.request_id
    )
    return ParentFacts(
        request_id=body.request_id,
        user_id=str(account),
        parent=None if change.parent is None else str(change.parent),
        replayed=change.replayed,
    )


async def _status(call: Call, *, blocked: bool) -> StatusFacts:
    body, grants, account = call.body, call.request.app[GRANTS], call.account(call.body.user_id)
    assert isinstance(body, ByHandRequest)
    change = await (grants.block if blocked else grants.unblock)(
        account, actor=Actor(key=call.key), reason=body.reason, key=body.request_id
    )
    return StatusFacts(
        request_id=body.request_id,
        user_id=str(account),
        was_blocked=change.was_blocked,
        blocked=change.blocked,
        replayed=change.replayed,
    )


def _moment(text: str, at: str) -> int | None:
    """Return UTC milliseconds of a moment, None for an empty text."""
    if not text:
        return None
    problem = {"at": at, "problem": "A moment such as 2026-12-31T23:59:59Z is wanted"}
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise misformed([problem])
        # In UTC the last day of all may be over, and could be shown to nobody.
        return int(moment.astimezone(UTC).timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise misformed([problem]) from error


def _change(name: str, summary: str, body: type[Request], answer: type[Facts], endpoint: Endpoint) -> Route:
    path = "/api/admin/" + name.removeprefix("set_")
    return Route(
        name=name,
        method="POST",
        path=path,
        aliases=("/api/admin/billing/grant",) if name == "grant" else (),
        family="Administration",
        summary=summary,
        scope=Scope.ADMIN_WRITE,
        for_operators=True,
        body=body,
        answer=answer,
        refusals=frozenset({404, 409, 503}),
        endpoint=endpoint,
    )


ROUTES = (
    _change("grant", "Give units that never expire", GrantRequest, GrantFacts, grant),
    _change("set_plan", "Put an account on a plan", PlanRequest, PlanChangeFacts, set_plan),
    _change("block", "Let an account spend nothing", ByHandRequest, StatusFacts, block),
    _change("unblock", "Lift a block", ByHandRequest, StatusFacts, unblock),
    _change("set_parent", "Let another account pay for one", ParentRequest, ParentFacts, set_parent),
)
