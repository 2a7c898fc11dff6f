"""Counting traffic where it passes, against the real server."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from jauge_client import Client
from jauge_traffic import Traffic
from quota_core.accounts import AccountRef
from tests.client.lossy import LossyWay
from tests.webhooks.running import ANA, Running, operator
from webhooks import server


async def used(bot: Running, account: AccountRef = ANA) -> int:
    """Return what an account has used today."""
    part = (await bot.balances.of(account)).of("requests")
    return 0 if part is None else part.windows[0].used


@pytest.fixture
async def traffic(client: Client) -> AsyncIterator[Traffic]:
    """Return what counts hundreds of bytes as requests; booked at the end, or when a test says so."""
    async with Traffic(client, metric="requests", bytes_per_unit=100, every_seconds=3600) as counting:
        yield counting


async def answer(request: web.Request) -> web.Response:
    """Answer 250 bytes."""
    await request.read()
    return web.Response(body=bytes(250))


async def test_bytes_in_and_out_are_booked_as_whole_units(bot: Running, traffic: Traffic) -> None:
    """Twice 125 bytes in, 250 out and the head of the answer; a rest waits for more."""
    listener = server.open_port("127.0.0.1", 0)
    app = web.Application(middlewares=[traffic.aiohttp_middleware(lambda _: str(ANA))])
    app.router.add_post("/", answer)
    async with server.serve(app, listener, drain_seconds=1) as url, aiohttp.ClientSession(url) as http:
        for _ in range(2):
            async with http.post("/", data=bytes(125)) as got:
                await got.read()
    await traffic.book()
    booked = await used(bot)
    traffic.count(str(ANA), 100)
    await traffic.book()

    assert 7 < booked < 15
    assert await used(bot) == booked + 1


async def test_files_uploads_in_parts_and_errors_are_counted(
    bot: Running, traffic: Traffic, tmp_path: Path
) -> None:
    """A file that the operating system sends, a body whose length no head says, and an answer that was raised."""
    (tmp_path / "photo").write_bytes(bytes(1_000))

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(4):
            yield bytes(250)

    listener = server.open_port("127.0.0.1", 0)
    app = web.Application(
        middlewares=[traffic.aiohttp_middleware(lambda request: request.headers["X-Account"])]
    )
    app.router.add_static("/", tmp_path)
    app.router.add_post("/", answer)
    asked = [("GET", "/photo"), ("HEAD", "/photo"), ("POST", "/"), ("GET", "/nowhere")]
    statuses = []
    async with server.serve(app, listener, drain_seconds=1) as url, aiohttp.ClientSession(url) as http:
        for number, (method, path) in enumerate(asked, start=1):
            data = parts() if method == "POST" else None
            headers = {"X-Account": f"user:{number}"}
            async with http.request(method, path, data=data, headers=headers) as got:
                await got.read()
                statuses.append(got.status)
    await traffic.book()
    photo, head, upload, missing = [
        await used(bot, AccountRef("user", str(number))) for number in range(1, len(asked) + 1)
    ]

    assert statuses == [200, 200, 200, 404]
    assert 10 <= photo < 15
    assert 12 <= upload < 18
    assert (1 <= head < 5, 1 <= missing < 5) == (True, True)


async def test_an_asgi_application_is_counted_too(bot: Running, traffic: Traffic) -> None:
    """Bodies in both directions, part by part."""
    parts = iter([{"type": "http.request", "body": bytes(60)}, {"type": "http.request", "body": bytes(40)}])

    async def receive() -> object:
        return next(parts)

    async def send(message: object) -> None:
        del message

    async def app(_: object, take: object, give: object) -> None:
        assert callable(take)
        assert callable(give)
        await take()
        await take()
        await give({"type": "http.response.start", "status": 200})
        await give({"type": "http.response.body", "body": bytes(200)})

    await traffic.asgi(app, lambda _: str(ANA))({"type": "http"}, receive, send)
    await traffic.book()

    assert await used(bot) == 3


async def test_what_could_not_be_sent_is_booked_once(bot: Running, way: LossyWay, traffic: Traffic) -> None:
    """Under its own key, although the answer was lost each time."""
    traffic.count(str(ANA), 500)
    way.lost = 3
    await traffic.book()
    traffic.count(str(ANA), 200)
    await traffic.book()

    assert await used(bot) == 7


async def test_who_has_no_traffic_left_is_named(bot: Running, traffic: Traffic) -> None:
    """What flowed has flowed: the account stands at its limit, past every threshold, until there is quota again."""
    traffic.count(str(ANA), 100)
    await traffic.book()
    traffic.count(str(ANA), 5_100)
    await traffic.book()
    exhausted, crossed = set(traffic.exhausted), await bot.rows("SELECT percent FROM crossings")
    for _ in range(2):
        traffic.count(str(ANA), 200)
        await traffic.book()
    still = set(traffic.exhausted)
    await bot.grants.add(ANA, 10, actor=operator(), reason="more", key="more")
    traffic.count(str(ANA), 200)
    await traffic.book()

    assert (exhausted, still, traffic.exhausted) == ({str(ANA)}, {str(ANA)}, set())
    assert crossed == [(95,)]
    assert await used(bot) == 50


async def test_the_rest_is_booked_at_the_end(bot: Running, client: Client) -> None:
    """A service that stops in order loses no whole unit."""
    async with Traffic(client, metric="requests", bytes_per_unit=100, every_seconds=3600) as counting:
        counting.count(str(ANA), 300)

    assert await used(bot) == 3


def test_a_unit_has_bytes() -> None:
    """Else everything would count as endless units."""
    with pytest.raises(ValueError, match="at least 1"):
        Traffic(Client("http://127.0.0.1:1", "jauge_x"), metric="requests", bytes_per_unit=0)
