"""What the tests of the web server share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from quota_core.catalog import Catalog
from tests.sandbox.stripe_fixture import Shop, open_shop
from tests.webhooks.running import Running, running


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    """Return a local Stripe that delivers to nobody yet."""
    async with open_shop(hooked=False) as opened:
        yield opened


@pytest.fixture
async def bot(tmp_path: Path, catalog: Catalog, shop: Shop) -> AsyncIterator[Running]:
    """Return a served bot that sells on the local Stripe, which delivers to it."""
    async with running(tmp_path, catalog, shop=shop) as served:
        yield served


@pytest.fixture
async def alone(tmp_path: Path, catalog: Catalog) -> AsyncIterator[Running]:
    """Return a served bot whose Stripe cannot be reached."""
    async with running(tmp_path, catalog) as served:
        yield served
