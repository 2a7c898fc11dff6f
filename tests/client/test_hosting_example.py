"""The example of a hosting service: traffic as it passes, disk space by the day, against the real server."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import hosting_service
import pytest

from jauge_admin import AdminClient
from quota_core.access_keys import Scope
from quota_core.accounts import AccountRef
from quota_core.catalog_file import load
from tests.webhooks.running import Running, running
from webhooks import server

BLOG = AccountRef("external", "project:blog")
SHOP = AccountRef("external", "project:shop")
MB = 1_000_000


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Running]:
    """Return a served bot with the catalog of a hosting platform."""
    async with running(tmp_path, load("hosting")) as served:
        served.watch.to_noon()
        yield served


@pytest.fixture
def sites(tmp_path: Path) -> Path:
    """Return two projects with their files."""
    for name, size_bytes in (("blog/index.html", 2 * MB), ("blog/img/photo.jpg", 1), ("shop/index.html", 10)):
        file = tmp_path / "sites" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(bytes(size_bytes))
    return tmp_path / "sites"


async def used(bot: Running, account: AccountRef, metric: str) -> int:
    """Return what a project has used, or occupies."""
    part = (await bot.balances.of(account)).of(metric)
    return 0 if part is None else part.windows[0].used


async def test_traffic_is_booked_by_project_and_month(bot: Running, sites: Path) -> None:
    """Two files of two megabytes; what is missing or outside is not served, and another project has its own."""
    key = await bot.keys.create("hosting", (Scope.QUOTA_CONSUME,))
    listener = server.open_port("127.0.0.1", 0)
    statuses = []
    async with (
        server.serve(hosting_service.build(bot.url, key, sites), listener, drain_seconds=1) as url,
        aiohttp.ClientSession(url) as http,
    ):
        for path in (
            "/blog/index.html",
            "/blog/index.html",
            "/shop/index.html",
            "/blog/..%2Fshop/index.html",
        ):
            async with http.get(path) as answer:
                await answer.read()
                statuses.append(answer.status)
    # The service books what is left when it stops.
    booked = [await used(bot, account, "traffic") for account in (BLOG, SHOP)]

    assert statuses == [200, 200, 200, 404]
    assert booked == [4, 0]


async def test_disk_space_is_set_once_a_day_and_not_added(bot: Running, sites: Path) -> None:
    """A level: what is there that day, in whole megabytes; the same day again changes nothing."""
    key = await bot.keys.create("hosting", (Scope.QUOTA_CONSUME,))
    async with AdminClient(bot.url, key) as client:
        await hosting_service.measure(client, sites, "2026-11-20")
        first = await used(bot, BLOG, "storage")
        (sites / "blog/index.html").write_bytes(bytes(5 * MB))
        await hosting_service.measure(client, sites, "2026-11-20")
        same_day = await used(bot, BLOG, "storage")
        await hosting_service.measure(client, sites, "2026-11-21")

    assert (first, same_day) == (3, 3)
    assert await used(bot, BLOG, "storage") == 6
    assert await used(bot, SHOP, "storage") == 1
