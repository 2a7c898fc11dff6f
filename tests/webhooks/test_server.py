"""The server itself: ports, health, unknown addresses, failures, and how it stops."""

import asyncio
import json
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from quota_core.catalog import Catalog
from tests.webhooks.running import PATIENCE_SECONDS, Running, closed, running
from webhooks import problems, server


async def test_a_port_in_use_is_named(alone: Running) -> None:
    """So that a person knows what to free."""
    port = int(alone.url.rpartition(":")[2])

    with pytest.raises(OSError, match=rf"port {port} on 127\.0\.0\.1 .* is in use"):
        server.open_port("127.0.0.1", port)


def test_the_address_of_a_listener_can_be_reached() -> None:
    """Any address of this machine is spelled as its loopback."""
    urls = []
    for host in ("127.0.0.1", "0.0.0.0", "localhost", "::1", "::"):
        with server.open_port(host, 0) as listener:
            urls.append(server.url_of(listener).replace(str(listener.getsockname()[1]), "PORT"))

    assert urls == [*["http://127.0.0.1:PORT"] * 3, *["http://[::1]:PORT"] * 2]


async def test_the_process_answers_that_it_is_healthy(alone: Running) -> None:
    """Without a key."""
    status, answer, _ = await alone.ask("GET", "/healthz")

    assert (status, answer) == (200, {"status": "ok"})


async def well() -> str | None:
    return None


async def ill() -> str | None:
    return "not connected"


async def broken() -> str | None:
    raise RuntimeError("a secret detail")


async def silent() -> str | None:
    await asyncio.Event().wait()
    return None


async def test_it_is_ready_when_every_check_is_well(tmp_path: Path, catalog: Catalog) -> None:
    """Each is named."""
    async with running(tmp_path, catalog, checks={"database": well, "discord": well}) as bot:
        status, answer, _ = await bot.ask("GET", "/readyz")

    assert status == 200
    assert answer["checks"] == [{"name": "database", "status": "ok"}, {"name": "discord", "status": "ok"}]


async def test_it_is_not_ready_while_one_check_is_ill(
    tmp_path: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the reason, and without details of what broke; what does not answer is not waited for."""
    monkeypatch.setattr("webhooks.health.CHECK_TIMEOUT_SECONDS", 0.05)
    checks = {"database": well, "discord": ill, "disk": broken, "stripe": silent}
    async with running(tmp_path, catalog, checks=checks) as bot:
        status, answer, headers = await bot.ask("GET", "/readyz")
        alive, _, _ = await bot.ask("GET", "/healthz")

    assert (status, alive) == (503, 200)
    assert [row.get("reason") for row in answer["checks"]] == [
        None,
        "not connected",
        "the check failed",
        "no answer in time",
    ]
    assert "secret" not in json.dumps(answer)
    assert headers["Retry-After"] == "5"


@pytest.mark.parametrize(
    ("method", "path", "status", "slug"),
    [
        ("GET", "/", 404, "not-found"),
        ("GET", "/api/quota", 404, "not-found"),
        ("GET", "/api/quota/1/2", 404, "not-found"),
        ("GET", "//api/quota/1", 404, "not-found"),
        ("POST", "/api/quota/1", 405, "method-not-allowed"),
        ("GET", "/webhooks/stripe", 405, "method-not-allowed"),
        ("DELETE", "/healthz", 405, "method-not-allowed"),
        ("TRACE", "/healthz", 405, "method-not-allowed"),
        ("OPTIONS", "/api/quota/checkout", 405, "method-not-allowed"),
        ("PATCH", "/api/quota/checkout", 405, "method-not-allowed"),
    ],
)
async def test_what_does_not_exist_is_a_problem_document(
    alone: Running, method: str, path: str, status: int, slug: str
) -> None:
    """With the methods that exist."""
    answered, answer, headers = await alone.ask(method, alone.url + path)

    assert (answered, answer["type"], answer["status"]) == (status, f"urn:jauge:problem:{slug}", status)
    assert headers["Content-Type"] == "application/problem+json"
    assert (status != 405) or headers["Allow"]


async def test_answers_do_not_name_versions(alone: Running) -> None:
    """Neither of Python nor of the library."""
    _, _, headers = await alone.ask("GET", "/healthz")

    assert headers["Server"] == "jauge"
    assert headers["X-Content-Type-Options"] == "nosniff"


async def test_a_failure_nobody_foresaw_is_a_500_with_an_id_that_the_log_has(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """And nothing of its cause."""

    async def fail(request: web.Request) -> web.Response:
        raise RuntimeError(f"canary {request.path}")

    app = web.Application(middlewares=[problems.middleware(clock=lambda: 0)])
    app.router.add_get("/fail", fail)
    async with (
        server.serve(app, server.open_port("127.0.0.1", 0)) as url,
        aiohttp.ClientSession(url) as http,
        http.get("/fail") as answer,
    ):
        body = json.loads(await answer.read())

    assert (answer.status, body["type"]) == (500, "urn:jauge:problem:internal-error")
    assert "canary" not in json.dumps(body)
    assert f"error id {body['error_id']}" in caplog.text
    assert "canary /fail" in caplog.text


class Work:
    """A handler that a test holds in the middle."""

    def __init__(self) -> None:
        self.begun, self.go, self.done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def handle(self, request: web.Request) -> web.Response:
        del request
        self.begun.set()
        await self.go.wait()
        self.done.set()
        return web.json_response({"done": True})


def app_of(work: Work) -> web.Application:
    app = web.Application()
    app.router.add_get("/work", work.handle)
    return app


async def test_stopping_lets_requests_under_way_finish_and_takes_no_new_ones() -> None:
    """First the listener goes, then the last answers."""
    work, listener = Work(), server.open_port("127.0.0.1", 0)
    leave = asyncio.Event()

    async def serve() -> None:
        async with server.serve(app_of(work), listener, drain_seconds=PATIENCE_SECONDS):
            await leave.wait()

    url = server.url_of(listener)
    serving = asyncio.ensure_future(serve())
    async with aiohttp.ClientSession(url) as http:
        under_way = asyncio.ensure_future(http.get("/work"))
        await work.begun.wait()
        leave.set()
        await closed(url)
        work.go.set()
        answer = await under_way
        body = await answer.json()
        await serving

    assert (answer.status, body) == (200, {"done": True})


async def test_stopping_does_not_wait_longer_than_it_was_told() -> None:
    """A request that never ends is cut off."""
    work, listener = Work(), server.open_port("127.0.0.1", 0)
    async with aiohttp.ClientSession(server.url_of(listener)) as http:
        async with asyncio.timeout(PATIENCE_SECONDS):
            async with server.serve(app_of(work), listener, drain_seconds=0.2):
                under_way = asyncio.ensure_future(http.get("/work"))
                await work.begun.wait()
        with pytest.raises(aiohttp.ClientError):
            await under_way

    assert not work.done.is_set()


async def test_a_caller_that_goes_away_does_not_stop_what_it_began() -> None:
    """What was begun is finished; the caller may ask again by its key."""
    work, listener = Work(), server.open_port("127.0.0.1", 0)
    async with server.serve(app_of(work), listener) as url:
        host, port = url.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /work HTTP/1.1\r\nHost: x\r\n\r\n")
        await work.begun.wait()
        writer.transport.abort()
        work.go.set()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await work.done.wait()

    assert work.done.is_set()
