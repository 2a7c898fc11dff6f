"""
Guards for aiohttp servers.

    app = web.Application(middlewares=[guarded(client, account_of, Routes(prefix="/api/v1", default=Rule(...)))])

    @require_quota(metric="renders_3d", amount=From("body", "quantity"))
    async def render(request): ...

The verdict stays on the request: `request[QUOTA_CHECK]`.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from jauge_client import Client
from jauge_guard import AmountError, From, Routes, Rule, Verdict, decide

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
AccountOf = Callable[[web.Request], str | None]
"""Whose quota a request uses: from your own session or token. None: nobody's, and the answer is 401."""

QUOTA_CHECK = web.RequestKey("quota_check", Verdict)


@dataclass(frozen=True, slots=True)
class Guard:
    """What `require_quota` needs of its application."""

    client: Client
    account_of: AccountOf


GUARD = web.AppKey("GUARD", Guard)


def install(app: web.Application, client: Client, account_of: AccountOf) -> None:
    """Let `require_quota` work in `app`; the client is closed with it."""
    app[GUARD] = Guard(client, account_of)

    async def close(_: web.Application) -> None:
        await client.close()

    app.on_cleanup.append(close)


def require_quota(
    *, metric: str | None = None, module: str | None = None, amount: int | From = 1
) -> Callable[[Handler], Handler]:
    """Make a handler cost `amount` units; refused requests are answered with a problem document instead."""
    rule = Rule(metric=metric, module=module, amount=amount)

    def decorate(handler: Handler) -> Handler:
        @functools.wraps(handler)
        async def guarded_handler(request: web.Request) -> web.StreamResponse:
            guard = request.app[GUARD]
            refusal = await _refusal(request, rule, guard.client, guard.account_of)
            return await handler(request) if refusal is None else refusal

        return guarded_handler

    return decorate


def guarded(client: Client, account_of: AccountOf, *tables: Routes) -> Any:
    """Return the middleware that charges requests after route tables; the first table with a rule counts."""

    @web.middleware
    async def charge(request: web.Request, handler: Handler) -> web.StreamResponse:
        for table in tables:
            rule = table.rule_for(request.method, request.path)
            if rule is not None:
                refusal = await _refusal(request, rule, client, account_of)
                return await handler(request) if refusal is None else refusal
        return await handler(request)

    return charge


async def _refusal(
    request: web.Request, rule: Rule, client: Client, account_of: AccountOf
) -> web.Response | None:
    """Charge a request and leave the verdict on it; return the answer that refuses it, if it is refused."""
    account = account_of(request)
    if account is None:
        return _problem({"title": "Nobody is signed in", "status": 401}, 401)
    try:
        units = rule.amount if isinstance(rule.amount, int) else await _amount(request, rule.amount)
    except AmountError as error:
        return _problem({"title": str(error), "status": 422}, 422)
    resource = request.match_info.route.resource
    place = request.path if resource is None else resource.canonical
    verdict = await decide(client, rule, account=account, units=units, action=f"{request.method} {place}")
    request[QUOTA_CHECK] = verdict
    if verdict.allowed:
        return None
    answer = _problem(dict(verdict.problem), verdict.status)
    answer.headers.update(verdict.headers)
    return answer


async def _amount(request: web.Request, wanted: From) -> int:
    match wanted.source:
        case "path":
            return wanted.amount_in(request.match_info.get(wanted.name))
        case "query":
            return wanted.amount_in(request.query.get(wanted.name))
        case "header":
            return wanted.amount_in(request.headers.get(wanted.name))
        case "body":
            # aiohttp keeps what was read, so that the handler can read it again.
            try:
                content = json.loads(await request.read())
            except ValueError as error:
                raise AmountError("the body is no JSON") from error
            return wanted.amount_in(content.get(wanted.name) if isinstance(content, dict) else None)


def verdict_of(request: web.Request) -> Verdict | None:
    """Return what was decided of a request, None when it cost nothing."""
    return request.get(QUOTA_CHECK)


def _problem(document: dict[str, Any], status: int) -> web.Response:
    return web.json_response(document, status=status, content_type="application/problem+json")
