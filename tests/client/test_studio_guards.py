"""A design studio behind the guards: metrics by route as its document lists them, and amounts from everywhere."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import pytest
from aiohttp import web
from fastapi import Depends, FastAPI, Request

import jauge_aiohttp
import jauge_fastapi
from jauge_client import Client
from jauge_guard import From, Routes, Rule, Verdict
from quota_core.access_keys import Scope
from quota_core.accounts import AccountRef
from quota_core.catalog_file import load
from tests.client.serving import aiohttp_served, asgi_served
from tests.webhooks.running import Running, running

BRAND = AccountRef("external", "brand:acme")
PUBLIC = Routes(
    prefix="/api/v1",
    default=Rule(metric="api_calls"),
    exceptions=[
        ("POST", "/api/v1/designs", Rule(metric="designs_created")),
        ("POST", "/api/v1/webhooks/test", Rule(metric="webhook_deliveries")),
    ],
)
OWN = Routes(
    prefix="/",
    default=None,
    exceptions=[
        ("POST", "/designs", Rule(metric="ai_generations")),
        ("POST", "/designs/*/upgrade-highres", Rule(metric="renders_2d")),
        ("POST", "/render/2d", Rule(metric="renders_2d", amount=From("query", "quantity"))),
        ("POST", "/webhooks/test", Rule(metric="webhook_deliveries")),
        ("POST", "/webhooks/*/retry", Rule(metric="webhook_deliveries")),
        ("GET", "/webhooks/history", Rule(metric="api_calls")),
    ],
)
BODY, PATH, QUERY, HEADER = (
    From("body", "quantity"),
    From("path", "quantity"),
    From("query", "quantity"),
    From("header", "X-Quantity"),
)


def account_of(_: object) -> str:
    """Return whose quota all of it uses."""
    return str(BRAND)


def aiohttp_studio(client: Client) -> AbstractAsyncContextManager[str]:
    """Serve the studio on aiohttp."""

    async def answer(request: web.Request) -> web.Response:
        verdict = jauge_aiohttp.verdict_of(request)
        return web.json_response(None if verdict is None else [verdict.metric, verdict.units])

    app = web.Application(middlewares=[jauge_aiohttp.guarded(client, account_of, PUBLIC, OWN)])
    jauge_aiohttp.install(app, client, account_of)
    for path, amount in (
        ("body", BODY),
        ("path/{quantity}", PATH),
        ("query", QUERY),
        ("header", HEADER),
    ):
        guard = jauge_aiohttp.require_quota(metric="renders_3d", amount=amount)
        app.router.add_post(f"/render/3d/{path}", guard(answer))
    app.router.add_route("*", "/{rest:.*}", answer)
    return aiohttp_served(app)


def fastapi_studio(client: Client) -> AbstractAsyncContextManager[str]:
    """Serve the studio on FastAPI."""
    app = FastAPI()
    app.add_middleware(
        jauge_fastapi.QuotaMiddleware, client=client, account_of=account_of, tables=[PUBLIC, OWN]
    )
    jauge_fastapi.install(app, client, account_of)

    def add(path: str, amount: From) -> None:
        charge = jauge_fastapi.require_quota(metric="renders_3d", amount=amount)

        @app.post(path)
        async def render(verdict: Annotated[Verdict, Depends(charge)]) -> list[Any]:
            return [verdict.metric, verdict.units]

    add("/render/3d/body", BODY)
    add("/render/3d/path/{quantity}", PATH)
    add("/render/3d/query", QUERY)
    add("/render/3d/header", HEADER)

    @app.api_route("/{rest:path}", methods=["GET", "POST"])
    async def answer(request: Request) -> list[Any] | None:
        verdict = getattr(request.state, "quota_check", None)
        return None if verdict is None else [verdict.metric, verdict.units]

    return asgi_served(app)


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Running]:
    """Return a served bot with the studio's catalog."""
    async with running(tmp_path, load("design-studio")) as served:
        served.watch.to_noon()
        yield served


@pytest.fixture(params=[aiohttp_studio, fastapi_studio], ids=["aiohttp", "fastapi"])
async def studio(request: pytest.FixtureRequest, bot: Running) -> AsyncIterator[aiohttp.ClientSession]:
    """Return a client of the studio."""
    key = await bot.keys.create("studio", (Scope.QUOTA_CONSUME,))
    async with (
        Client(bot.url, key) as client,
        request.param(client) as url,
        aiohttp.ClientSession(url) as http,
    ):
        yield http


async def used(bot: Running) -> dict[str, int]:
    """Return what the brand has used of each metric."""
    return {part.metric: part.windows[0].used for part in (await bot.balances.of(BRAND)).metrics}


@pytest.mark.parametrize(
    ("line", "metric", "units"),
    [
        ("POST /designs", "ai_generations", 1),
        ("POST /designs/7/upgrade-highres", "renders_2d", 1),
        ("POST /render/2d?quantity=3", "renders_2d", 3),
        ("GET /api/v1/designs", "api_calls", 1),
        ("POST /api/v1/designs", "designs_created", 1),
        ("POST /api/v1/webhooks/test", "webhook_deliveries", 1),
        ("POST /webhooks/test", "webhook_deliveries", 1),
        ("POST /webhooks/7/retry", "webhook_deliveries", 1),
        ("GET /webhooks/history", "api_calls", 1),
        ("GET /elsewhere", None, 0),
    ],
)
async def test_each_route_uses_its_metric(
    bot: Running, studio: aiohttp.ClientSession, line: str, metric: str | None, units: int
) -> None:
    """As the document lists them; the verdict is on the request, and what no rule names is free."""
    method, path = line.split()
    async with studio.request(method, path) as answer:
        said = (answer.status, await answer.json())
    taken = {name: number for name, number in (await used(bot)).items() if number}

    assert said == (200, None if metric is None else [metric, units])
    assert taken == ({} if metric is None else {metric: units})


async def test_amounts_come_from_path_query_header_and_body(
    bot: Running, studio: aiohttp.ClientSession
) -> None:
    """Each from its own place, though the others say something else; without one nothing is taken."""
    # What is wrong everywhere else: only the named place may be read.
    decoys: dict[str, Any] = {"headers": {"X-Quantity": "9"}, "json": {"quantity": 9}}
    asked: list[tuple[str, dict[str, Any]]] = [
        ("/render/3d/body?quantity=9", decoys | {"json": {"quantity": 1}}),
        ("/render/3d/path/2?quantity=9", decoys),
        ("/render/3d/query?quantity=3", decoys),
        ("/render/3d/header?quantity=9", decoys | {"headers": {"X-Quantity": "4"}}),
        ("/render/3d/query", decoys),
    ]
    said = []
    for path, options in asked:
        async with studio.post(path, **options) as answer:
            said.append((await answer.json(content_type=None))[1] if answer.status == 200 else answer.status)

    assert said == [1, 2, 3, 4, 422]
    assert (await used(bot))["renders_3d"] == 10


def test_a_table_on_asgi_takes_no_amount_from_the_path() -> None:
    """It is read before a route is found; said at the start, and not by refusing every request."""
    table = Routes(prefix="/", default=Rule(amount=PATH))

    with pytest.raises(ValueError, match="path quantity"):
        jauge_fastapi.QuotaMiddleware(
            FastAPI(), client=Client("http://127.0.0.1:1", "jauge_x"), account_of=account_of, tables=[table]
        )
