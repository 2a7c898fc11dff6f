"""
Guards for FastAPI (and, for the middleware, every ASGI server).

    app = FastAPI(); install(app, client, account_of)

    charge = require_quota(metric="renders_3d", amount=From("body", "quantity"))

    @app.post("/render/3d", dependencies=[Depends(charge)])
    async def render(): ...

The verdict stays on the request: `request.state.quota_check`.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from jauge_client import Client
from jauge_guard import AmountError, From, Routes, Rule, Verdict, decide

AccountOf = Callable[[Request], str | None]
"""Whose quota a request uses: from your own session or token. None: nobody's, and the answer is 401."""


class RefusedByQuota(Exception):  # noqa: N818 - it is an answer, and no error of the service
    """A request that may not run, with the answer it gets."""

    def __init__(self, answer: JSONResponse) -> None:
        self.answer = answer
        super().__init__("refused by quota")


def install(app: FastAPI, client: Client, account_of: AccountOf) -> None:
    """Let `require_quota` work in `app`. The client stays yours to close."""
    app.state.jauge_client, app.state.jauge_account_of = client, account_of

    async def answer(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RefusedByQuota)
        return error.answer

    app.add_exception_handler(RefusedByQuota, answer)


def require_quota(
    *, metric: str | None = None, module: str | None = None, amount: int | From = 1
) -> Callable[[Request], Awaitable[Verdict]]:
    """Return a dependency that makes a route cost `amount` units, and gives the verdict."""
    rule = Rule(metric=metric, module=module, amount=amount)

    async def charge(request: Request) -> Verdict:
        state = request.app.state
        return await _charged(request, rule, state.jauge_client, state.jauge_account_of)

    return charge


class QuotaMiddleware:
    """
    ASGI middleware that charges requests after route tables; the first table with a rule counts.

    It runs before a route is found, so that no amount can come from a parameter of the path.
    """

    def __init__(self, app: ASGIApp, *, client: Client, account_of: AccountOf, tables: list[Routes]) -> None:
        rules = [rule for table in tables for rule in (table.default, *(one[2] for one in table.exceptions))]
        for amount in (rule.amount for rule in rules if rule is not None):
            if isinstance(amount, From) and amount.source == "path":
                raise ValueError(f"the amount from path {amount.name}: name it in require_quota instead")
        self._app = app
        self._client = client
        self._account_of = account_of
        self._tables = tables

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        rule = None
        if scope["type"] == "http":
            found = (table.rule_for(scope["method"], scope["path"]) for table in self._tables)
            rule = next((one for one in found if one is not None), None)
        if rule is None:
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            await _charged(request, rule, self._client, self._account_of)
        except RefusedByQuota as refused:
            await refused.answer(scope, receive, send)
            return
        await self._app(scope, _again(request, receive), send)


def _again(request: Request, receive: Receive) -> Receive:
    """Return what gives a body that was read once more, and then what comes after it."""
    body: bytes | None = getattr(request, "_body", None)
    if body is None:
        return receive
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Any:
        return waiting.pop() if waiting else await receive()

    return replay


async def _charged(request: Request, rule: Rule, client: Client, account_of: AccountOf) -> Verdict:
    account = account_of(request)
    if account is None:
        raise RefusedByQuota(_problem({"title": "Nobody is signed in", "status": 401}, 401))
    try:
        units = rule.amount if isinstance(rule.amount, int) else await _amount(request, rule.amount)
    except AmountError as error:
        raise RefusedByQuota(_problem({"title": str(error), "status": 422}, 422)) from error
    route = request.scope.get("route")
    place = getattr(route, "path", request.url.path)
    verdict = await decide(client, rule, account=account, units=units, action=f"{request.method} {place}")
    request.state.quota_check = verdict
    if not verdict.allowed:
        raise RefusedByQuota(_problem(dict(verdict.problem), verdict.status, dict(verdict.headers)))
    return verdict


async def _amount(request: Request, wanted: From) -> int:
    match wanted.source:
        case "path":
            return wanted.amount_in(request.path_params.get(wanted.name))
        case "query":
            return wanted.amount_in(request.query_params.get(wanted.name))
        case "header":
            return wanted.amount_in(request.headers.get(wanted.name))
        case "body":
            try:
                content = json.loads(await request.body())
            except ValueError as error:
                raise AmountError("the body is no JSON") from error
            return wanted.amount_in(content.get(wanted.name) if isinstance(content, dict) else None)


def _problem(document: dict[str, Any], status: int, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse(document, status, headers, media_type="application/problem+json")
