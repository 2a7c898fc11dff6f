"""What all tests of the core and of the program share: a clock, a catalog, an open ledger."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import settings

from quota_core.catalog import Catalog
from quota_core.catalog_file import load
from tests.core.opened_ledger import OpenLedger, SteerableClock, open_ledger

# The same examples on every run: what passed yesterday passes today. To look further:
# pytest --hypothesis-profile=explore
settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.register_profile("explore", deadline=None, database=None, max_examples=500)
settings.load_profile("repeatable")


@pytest.fixture
def clock() -> SteerableClock:
    """Return a clock that stands at noon (UTC) of 20 November 2026."""
    return SteerableClock()


@pytest.fixture
def catalog() -> Catalog:
    """Return the catalog that the bot ships with."""
    return load("quota-manager")


@pytest.fixture
async def ledger(tmp_path: Path, catalog: Catalog, clock: SteerableClock) -> AsyncIterator[OpenLedger]:
    """Return an open ledger on a new file, with the catalog that the bot ships with."""
    opened = await open_ledger(tmp_path / "quota.db", catalog=catalog, clock=clock)
    yield opened
    await opened.close()
