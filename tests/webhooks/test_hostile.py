"""What strangers and badly made services send: every route that is served, on both engines."""

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from quota_core.access_keys import Scope
from quota_core.accounts import AccountRef
from tests.core.opened_ledger import Place
from tests.webhooks.running import ANA, HOOK, Running, running
from tests.webhooks.studio import studio
from webhooks import api_docs, health, pages
from webhooks.api_table import LATER, TABLE

OPEN = {
    *(("GET", route.path) for route in (*pages.routes(), *health.routes(), *api_docs.routes())),
    *((one.method, one.path) for one in LATER),
    ("POST", HOOK),
}
"""What needs no key: pages for people, probes, the description, Stripe's way in, and what is not built yet."""
STRANGER = AccountRef("user", "777000777000777")
TEXTS = (
    "\0",
    "a\0b",
    "\ud800",
    "\u202e",
    "a\nb",
    "%00",
    "'",
    "project:\0",
    "project:a/../b",
    "99999999999999999999",
)
LAST = "9999-12-31T23:59:59-12:00"


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest) -> str:
    """Return the engine's name: they differ in which texts they store."""
    name: str = request.param
    return name


@pytest.fixture
async def bot(place: Place) -> AsyncIterator[Running]:
    """Return a served bot that nobody can buy from."""
    async with running(place.parent if isinstance(place, Path) else place, studio(), selling=False) as served:
        yield served


def served(bot: Running) -> Iterator[tuple[str, str]]:
    """Yield method and path of every route that the application has, whoever put it there."""
    for route in bot.app.router.routes():
        if route.resource is not None and route.method != "HEAD":
            yield route.method, route.resource.canonical


def filled(path: str, value: str = ANA.external_id) -> str:
    """Return a path with a value in place of each parameter."""
    return re.sub(r"\{\w+\}", value, path)


async def status(bot: Running, method: str, path: str, headers: dict[str, str], **options: Any) -> int:
    """Return the status of a request."""
    async with bot.http.request(method, path, headers=headers, allow_redirects=False, **options) as answer:
        await answer.read()
        return answer.status


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_every_route_needs_a_key_with_its_one_scope(bot: Running) -> None:
    """Asked of the router itself: without a key 401, with no scope 403, and one scope alone lets in."""
    scopes = {
        (route.method, path): route.scope
        for route in TABLE
        for path in route.paths
        if route.scope is not None
    }
    token = await bot.keys.create("none", ())
    nothing = {"Authorization": f"Bearer {token}"}
    keys = {scope: await bot.key(scope) for scope in Scope}
    closed = [one for one in served(bot) if one not in OPEN]
    let_in = {}
    for method, pattern in closed:
        path = filled(pattern)
        assert await status(bot, method, path, {}) == 401, pattern
        assert await status(bot, method, path, {"X-User-ID": ANA.external_id}) == 401, pattern
        assert await status(bot, method, path, nothing) == 403, pattern
        assert await status(bot, method, path, nothing | {"X-User-ID": ANA.external_id}) == 403, pattern
        let_in[method, pattern] = [
            scope
            for scope, headers in keys.items()
            if await status(bot, method, path, headers) not in (401, 403)
        ]

    assert let_in == {place: [scope] for place, scope in scopes.items()}
    assert all(
        scopes[place] in (Scope.ADMIN_READ, Scope.ADMIN_WRITE) for place in closed if "admin" in place[1]
    )
    assert len(closed) > 30


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_a_key_of_an_account_reaches_no_other_by_any_route(bot: Running) -> None:
    """By path, query, body or header; and nothing of operators, whatever its scopes are."""
    await bot.quota.consume(STRANGER, 3, key="b")
    headers = await bot.key(account=ANA) | {"X-User-ID": STRANGER.external_id}
    for method, pattern in served(bot):
        if (method, pattern) in OPEN:
            continue
        path = filled(pattern, STRANGER.external_id)
        body = {"user_id": STRANGER.external_id, "request_id": "r", "units": 1, "package_id": "sessions_50"}
        options: dict[str, Any] = (
            {"json": body} if method == "POST" else {"params": {"user_id": STRANGER.external_id}}
        )
        async with bot.http.request(method, path, headers=headers, **options) as answer:
            said = await answer.text()

        assert answer.status in (403, 404, 422) or STRANGER.external_id not in said, path
        assert "admin" not in path or answer.status == 403, path
    spent = await bot.rows("SELECT count(*) FROM entries")

    assert spent == [(1,)]


def asked(text: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield requests with a text in every place where a text can be."""
    for route in TABLE:
        path = filled(route.path, quote(text, safe="", errors="surrogatepass"))
        if path != route.path:
            yield route.method, path, {}
        for name in route.query.model_fields if route.query is not None else ():
            yield route.method, f"{path}?{name}={quote(text, safe='', errors='surrogatepass')}", {}
        for name in route.body.model_fields if route.body is not None else ():
            base = {
                "user_id": "7",
                "request_id": f"{route.name} {name}",
                "units": 1,
                "level": 1,
                "plan": "open",
            }
            fits = {key: value for key, value in base.items() if key in route.body.model_fields}  # type: ignore[union-attr]  # looked at above
            yield route.method, path, {"json": {**fits, name: text}}


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
async def test_no_text_in_any_place_is_a_failure_of_ours(bot: Running, text: str) -> None:
    """It is taken, or refused by name: a database that cannot store it is never what says so."""
    headers = await bot.key()
    failed = [
        (method, path, options)
        for method, path, options in asked(text)
        if await status(bot, method, path, headers, **options) in (500, 501)
    ]

    assert failed == []


@pytest.mark.parametrize(
    "units", [0, -1, 2**53, 2**63 - 1, 2**63, 2**64, -(2**63), -(10**19), True, 1.0, "5", None]
)
async def test_no_number_in_any_place_is_a_failure_of_ours(bot: Running, units: Any) -> None:
    """However large it is, and of whatever type."""
    headers = await bot.key()
    for route in TABLE:
        for name in ("units", "level", "ttl_seconds", "user_id"):
            if route.body is None or name not in route.body.model_fields:
                continue
            base = {"user_id": "7", "request_id": f"{route.name} {name}", "units": 1, "metric": "sessions"}
            body = {key: value for key, value in base.items() if key in route.body.model_fields}

            assert await status(bot, route.method, route.path, headers, json={**body, name: units}) != 500, (
                route
            )


@pytest.mark.parametrize("at", ["now", "period_end"])
async def test_a_plan_ends_at_a_moment_that_can_be_shown(bot: Running, at: str) -> None:
    """Else every list with this account in it would fail, for ever."""
    headers = await bot.key()
    body = {"user_id": "7", "plan": "open", "at": at, "request_id": at, "until": LAST}
    refused = await status(bot, "POST", "/api/admin/plan", headers, json=body)
    last = await status(
        bot, "POST", "/api/admin/plan", headers, json={**body, "until": LAST[:11] + "00:00:00Z"}
    )
    lists = [
        await status(bot, "GET", path, headers)
        for path in ("/api/admin/users", "/api/billing/me?user_id=7", "/api/billing/summary/7")
    ]

    assert (refused, last) == (422, 200)
    assert lists == [200, 200, 200]


async def test_a_gift_ends_at_a_moment_that_can_be_shown(bot: Running) -> None:
    """The same for units that expire."""
    headers = await bot.key()
    body = {"user_id": "7", "units": 1, "request_id": "g", "expires": LAST}
    refused = await status(bot, "POST", "/api/admin/grant", headers, json=body)
    last = await status(
        bot, "POST", "/api/admin/grant", headers, json={**body, "expires": LAST[:11] + "00:00:00Z"}
    )

    assert (refused, last) == (422, 200)
    assert await status(bot, "GET", "/api/billing/me?user_id=7", headers) == 200


async def test_a_reason_is_one_line(bot: Running) -> None:
    """What no database stores is a blank in the audit."""
    headers = await bot.key()
    body = {"user_id": "7", "units": 1, "request_id": "g", "reason": "because\0of\nthis"}
    given = await status(bot, "POST", "/api/admin/grant", headers, json=body)

    assert given == 200
    assert await bot.rows("SELECT reason FROM audit") == [("because of this",)]
