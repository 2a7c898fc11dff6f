"""
What an operation of the API is: one row from which its routes, its checks and its description are made.

A handler gets a `Call` that was let in and read, and returns the model that its row names. The routes that other
services call for every request of theirs are `raw`: they do the same by themselves, past what a model costs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated, Any

import orjson
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler
from pydantic import BaseModel, ConfigDict, Field

from quota_core.access_keys import AccessKey, Scope
from quota_core.accounts import AccountRef
from webhooks.access import ACCESS, OWN_ACCOUNT, SPENT, USER_HEADER, account_of, required_account
from webhooks.body import read_model
from webhooks.problems import refused
from webhooks.query import read_query

MAX_ID_LENGTH = 200
PRIVATE = "private, no-cache"  # kept by the caller alone, who asks each time whether it still holds


class Facts(BaseModel):
    """What is answered; members may be added to it later."""

    model_config = ConfigDict(frozen=True)


class Request(BaseModel):
    """What is asked in a body: strict and closed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


UserId = Annotated[int, Field(ge=1)] | Annotated[str, Field(max_length=MAX_ID_LENGTH)]
"""An account as callers spell it; empty is the caller's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that was let in and read; `query` and `body` are of the models that the route names."""

    request: web.Request
    key: AccessKey
    scope: Scope
    query: Any
    body: Any

    def account(self, spelled: str | int | None) -> AccountRef:
        """
        Return the account that the call is about: the one spelled, else the caller's own.

        Raises:
            ProblemError: 400 for what is no account, 404 for another than the key's own, 422 when a service's key
                names none.

        """
        if spelled:
            return account_of(self.key, self.scope, str(spelled))
        return required_account(self.key, self.scope, self.request.headers.get(USER_HEADER))

    async def acting(self, spelled: str | int | None) -> AccountRef:
        """
        Return the account and count the request in the budget of its plan.

        Raises:
            ProblemError: as `account`; 429 beyond that budget.

        """
        account, limits = self.account(spelled), self.request.app[ACCESS].by_plan
        if limits.apply:
            self.request[SPENT] = await limits.spend(account, self.request[SPENT])
        return account

    @property
    def has_account(self) -> bool:
        """Whether the call says whose it is: by its body or query, by a header, or by its key."""
        asked = self.body if self.query is None else self.query
        return bool(
            self.key.account or getattr(asked, "user_id", "") or self.request.headers.get(USER_HEADER)
        )

    @property
    def named(self) -> AccountRef:
        """The account in the path; `me` is the key's own, or the one in `X-User-ID` beside a service's key."""
        spelled = self.request.match_info["account"]
        if spelled == OWN_ACCOUNT and USER_HEADER in self.request.headers:
            return self.account(None)
        return account_of(self.key, self.scope, spelled)


Endpoint = Callable[[Call], Awaitable[Facts]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """
    One operation.

    Args:
        name: unique, what generated clients call it.
        path: ours; `aliases` are further paths that documents name, onto the same handler.
        family: the heading under which it is described.
        scope: what the key must be allowed, None where no key is needed.
        answer: what a 200 says.
        refusals: statuses beyond those that follow from `scope`, `body` and `query`.
        for_operators: a key that is bound to an account is refused, whatever its scopes.
        metered: counts as an operation of a service's users, which have a larger budget.
        polled: a 200 has an ETag, and who sends it back gets 304 while nothing changed.

    """

    name: str
    method: str
    path: str
    family: str
    summary: str
    answer: type[BaseModel]
    scope: Scope | None = None
    aliases: tuple[str, ...] = ()
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    refusals: frozenset[int] = field(default_factory=frozenset)
    for_operators: bool = False
    metered: bool = False
    polled: bool = False
    endpoint: Endpoint | None = None
    raw: Handler | None = None

    @property
    def paths(self) -> tuple[str, ...]:
        """Every path that leads here, ours first."""
        return (self.path, *self.aliases)

    @property
    def takes_user_header(self) -> bool:
        """Whether a service's key may name the account in a header."""
        models = [model for model in (self.body, self.query) if model is not None]
        return "{account}" in self.path or any("user_id" in model.model_fields for model in models)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Let the caller in, read what is asked, and answer."""
        assert self.endpoint is not None
        assert self.scope is not None
        access = request.app[ACCESS]
        if self.metered:
            key, _ = await access.authorize_operation(request, self.scope)
        else:
            key = await access.authorize(request, self.scope)
        if self.for_operators and key.account is not None:
            raise refused(
                HTTPStatus.FORBIDDEN, "not-allowed", "A key that is bound to an account may not do this"
            )
        query = None if self.query is None else read_query(request, self.query)
        body = None if self.body is None else await read_model(request, self.body)
        call = Call(request=request, key=key, scope=self.scope, query=query, body=body)
        return answered(request, await self.endpoint(call), polled=self.polled)


def answered(request: web.Request, facts: BaseModel, *, polled: bool) -> web.Response:
    """Return a 200 with these facts, or 304 when the caller has them."""
    return tagged(request, orjson.dumps(facts.model_dump()), polled=polled)


def tagged(request: web.Request, body: bytes, *, polled: bool) -> web.Response:
    """Return JSON with a tag of its content, which callers send back instead of reading it again."""
    headers = {hdrs.CACHE_CONTROL: PRIVATE if polled else "no-store"}
    if polled:
        tag = hashlib.sha256(body).hexdigest()[:32]
        headers |= {
            hdrs.ETAG: f'"{tag}"',
            hdrs.VARY: "Accept-Language, Authorization, X-Admin-Key, X-User-ID",
        }
        known = request.if_none_match or ()
        if any(one.value in (tag, "*") for one in known):
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    return web.Response(body=body, content_type="application/json", charset="utf-8", headers=headers)


def routes(table: Iterable[Route]) -> list[web.RouteDef]:
    """Return the routes of a table; paths without parameters come first, since the first that fits wins."""
    rows: Sequence[tuple[str, Route]] = [(path, route) for route in table for path in route.paths]
    return [
        web.route(route.method, path, route.handle if route.raw is None else route.raw)
        for path, route in sorted(rows, key=lambda row: "{" in row[0])
    ]
