"""A served bot, a key for it, and a way on which answers get lost."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jauge_client import Client
from quota_core.access_keys import Scope
from quota_core.catalog import Catalog
from tests.client.lossy import LossyWay, lossy_way
from tests.webhooks.running import Running, running


@pytest.fixture
async def bot(tmp_path: Path, catalog: Catalog) -> AsyncIterator[Running]:
    """Return a served bot at noon."""
    async with running(tmp_path, catalog) as served:
        served.watch.to_noon()
        yield served


@pytest.fixture
async def way(bot: Running) -> AsyncIterator[LossyWay]:
    """Return a way to the bot."""
    async with lossy_way(bot.url) as opened:
        yield opened


@pytest.fixture
async def key(bot: Running) -> str:
    """Return the key of a service."""
    return await bot.keys.create("service", (Scope.QUOTA_READ, Scope.QUOTA_CONSUME))


@pytest.fixture
async def client(way: LossyWay, key: str) -> AsyncIterator[Client]:
    """Return a client that goes that way."""
    async with Client(way.url, key) as opened:
        yield opened
