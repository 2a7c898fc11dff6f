"""`POST /api/credits/level`: what a gauge stands at, as another service measured it (disk space, projects)."""

from __future__ import annotations

from quota_core.access_keys import Scope
from webhooks.credits_api import CREDITS
from webhooks.operations import Name
from webhooks.route_table import Call, Facts, Request, Route, UserId
from webhooks.spend_answers import CrossedThreshold, crossed_facts


class LevelRequest(Request):
    """
    A measurement of a gauge of the catalog, once for its `request_id`.

    One beyond the limit is recorded all the same; with `enforce` it is refused, for who asks before acting.
    """

    request_id: Name
    user_id: UserId = ""
    metric: Name
    level: int
    enforce: bool = False


class LevelFacts(Facts):
    """The level before and after, and how far it is beyond the limit; `limit` null is unlimited."""

    request_id: str
    user_id: str
    metric: str
    before: int
    after: int
    limit: int | None
    beyond: int
    entry_id: int
    replayed: bool
    crossed: list[CrossedThreshold]


async def set_level(call: Call) -> LevelFacts:
    """Record what was measured."""
    body, quota = call.body, call.request.app[CREDITS].quota
    assert isinstance(body, LevelRequest)
    account = await call.acting(body.user_id)
    level = await quota.set_level(
        account, body.level, metric=body.metric, key=body.request_id, enforce=body.enforce
    )
    return LevelFacts(
        request_id=body.request_id,
        user_id=str(account),
        metric=level.metric,
        before=level.before,
        after=level.after,
        limit=level.limit,
        beyond=level.beyond,
        entry_id=level.entry_id,
        replayed=level.replayed,
        crossed=[CrossedThreshold(**crossed_facts(one)) for one in level.crossings],
    )


ROUTES = (
    Route(
        name="set_level",
        method="POST",
        path="/api/credits/level",
        family="Credits",
        summary="Record what a gauge stands at",
        scope=Scope.QUOTA_CONSUME,
        body=LevelRequest,
        answer=LevelFacts,
        refusals=frozenset({403, 404, 409, 429, 503}),
        metered=True,
        endpoint=set_level,
    ),
)
