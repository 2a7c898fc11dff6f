"""The guards for other people's services, in the services of `examples/`, against the real server."""

import json
import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import aiohttp
import aiohttp_service
import fastapi_service
import pytest

from jauge_guard import AmountError, From, Routes, Rule
from tests.client.lossy import LossyWay
from tests.client.serving import aiohttp_served, asgi_served
from tests.webhooks.running import ANA, Running

ACCOUNT = {"X-Account": str(ANA)}


def aiohttp_example(url: str, key: str) -> AbstractAsyncContextManager[str]:
    """Serve the aiohttp example."""
    return aiohttp_served(aiohttp_service.build(url, key))


def fastapi_example(url: str, key: str) -> AbstractAsyncContextManager[str]:
    """Serve the FastAPI example."""
    return asgi_served(fastapi_service.build(url, key))


@pytest.fixture(params=[aiohttp_example, fastapi_example], ids=["aiohttp", "fastapi"])
async def service(
    request: pytest.FixtureRequest, way: LossyWay, key: str
) -> AsyncIterator[aiohttp.ClientSession]:
    """Return a client of a guarded service."""
    async with request.param(way.url, key) as url, aiohttp.ClientSession(url) as http:
        yield http


async def ask(http: aiohttp.ClientSession, method: str, path: str, **options: Any) -> tuple[int, Any]:
    """Return status and JSON of an answer."""
    async with http.request(method, path, **{"headers": ACCOUNT} | options) as answer:
        text = await answer.text()
        return answer.status, json.loads(text) if "json" in answer.content_type else text


async def used(bot: Running) -> int:
    """Return what the account has used today."""
    part = (await bot.balances.of(ANA)).of("requests")
    return 0 if part is None else part.windows[0].used


async def test_the_amount_comes_from_the_body(
    bot: Running, service: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    """And the verdict is in the log."""
    caplog.set_level(logging.INFO, "jauge.guard")
    answer = await ask(service, "POST", "/render", json={"quantity": 4})
    default = await ask(service, "POST", "/render", json={})

    assert (answer, default) == ((200, {"rendered": 4}), (200, {"rendered": 1}))
    assert await used(bot) == 5
    assert f"quota_check account={ANA} metric=primary units=4 allowed=True" in caplog.text


@pytest.mark.parametrize("quantity", [0, -1, True, 1.5, "many", "1" * 30, None, [1]])
async def test_no_amount_no_charge(bot: Running, service: aiohttp.ClientSession, quantity: object) -> None:
    """What is no whole number of units is refused before anything is taken; null stands for the default."""
    status, _ = await ask(service, "POST", "/render", json={"quantity": quantity})

    assert (status, await used(bot)) == ((200, 1) if quantity is None else (422, 0))


async def test_a_refused_request_does_not_run(bot: Running, service: aiohttp.ClientSession) -> None:
    """It gets the problem document, and when to come back."""
    await ask(service, "POST", "/render", json={"quantity": 48})
    async with service.post("/render", json={"quantity": 3}, headers=ACCOUNT) as answer:
        problem = await answer.json(content_type="application/problem+json")

    assert (answer.status, problem["units_left"]) == (429, 2)
    assert int(answer.headers["Retry-After"]) > 0
    assert await used(bot) == 48


async def test_a_route_table_charges_a_prefix(bot: Running, service: aiohttp.ClientSession) -> None:
    """One unit by default, five for designs, nothing for the status and outside; the body still arrives."""
    assert (await ask(service, "GET", "/api/v1/anything"))[0] == 200
    assert await used(bot) == 1
    status, facts = await ask(service, "POST", "/api/v1/designs", json={"name": "x"})
    assert (status, facts["path"], await used(bot)) == (200, "/api/v1/designs", 6)
    assert (await ask(service, "GET", "/api/v1/status"))[0] == 200
    assert (await ask(service, "GET", "/api/v10"))[0] == 404
    assert await used(bot) == 6


async def test_nobody_is_refused(bot: Running, service: aiohttp.ClientSession) -> None:
    """A request without an account is charged to none."""
    status, _ = await ask(service, "GET", "/api/v1/x", headers={})

    assert (status, await used(bot)) == (401, 0)


async def test_without_an_answer_the_guard_is_closed(way: LossyWay, service: aiohttp.ClientSession) -> None:
    """A service that cannot ask does not serve."""
    way.cut = True
    status, problem = await ask(service, "GET", "/api/v1/x")

    assert (status, problem["type"]) == (503, "urn:jauge:problem:unavailable")


async def test_a_revoked_key_is_not_the_users_fault(bot: Running, service: aiohttp.ClientSession) -> None:
    """The user gets a plain 500, and nothing of what is wrong between the services."""
    for key in await bot.keys.list():
        await bot.keys.revoke(key.id)
    status, problem = await ask(service, "GET", "/api/v1/x")

    assert (status, set(problem)) == (500, {"title", "status"})


def test_patterns_fit_whole_segments() -> None:
    """`*` stands for one segment, and for no more."""
    table = Routes(
        prefix="/api/", default=None, exceptions=[("POST", "/api/hooks/*/retry", Rule(metric="deliveries"))]
    )

    assert table.rule_for("POST", "/api/hooks/7/retry") == Rule(metric="deliveries")
    assert table.rule_for("POST", "/api/hooks/7/8/retry") is None
    assert table.rule_for("GET", "/api/hooks/7/retry") is None


def test_amounts_have_bounds() -> None:
    """Digits of ASCII alone, and no more than a thousand million."""
    assert From("query", "n").amount_in("12") == 12
    for text in ("٣", "", "-1", "1e3", "1000000001"):
        with pytest.raises(AmountError, match="query n"):
            From("query", "n").amount_in(text)
