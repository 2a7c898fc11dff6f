"""What all tests of the core and of the program share: a clock, a catalog, an open ledger."""

import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers

from quota_core.catalog import Catalog
from quota_core.catalog_file import load
from tests.core.opened_ledger import OpenLedger, Place, SteerableClock, open_ledger
from tests.postgres_server import PostgresServer, running

# The same examples on every run: what passed yesterday passes today. To look further:
# pytest --hypothesis-profile=explore
# Neither says anything about how fast a machine is, so it must not matter.
ANY_SPEED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)
settings.register_profile("repeatable", ANY_SPEED, derandomize=True)
settings.register_profile("explore", ANY_SPEED, max_examples=500)
settings.load_profile("repeatable")
# Numbers and texts of whatever modules are imported by then would make other examples in each order of tests.
providers._get_local_constants = lambda: providers._local_constants

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in the background of a shell: the programs under test would inherit a deafness that is not theirs.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def clock() -> SteerableClock:
    """Return a clock that stands at noon (UTC) of 20 November 2026."""
    return SteerableClock()


@pytest.fixture
def catalog() -> Catalog:
    """Return the catalog that the bot ships with."""
    return load("quota-manager")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Return the server that all tests of a run share; it starts when the first one asks."""
    # Not among pytest's own folders: each run closes their common parent to all but its user, and where tests run
    # as root, the server is another user.
    folder = tempfile.TemporaryDirectory(prefix="jauge-postgres-", ignore_cleanup_errors=True)
    with folder as name, running(Path(name) / "cluster") as server:
        yield server


@pytest.fixture
def engine() -> str:
    """Return the engine's name; the tests of the core run on both."""
    return "sqlite"


@pytest.fixture
def server(engine: str, request: pytest.FixtureRequest) -> PostgresServer | None:
    """Return the PostgreSQL server, None where the engine is SQLite."""
    return request.getfixturevalue("postgres") if engine == "postgres" else None


@pytest.fixture
async def place(server: PostgresServer | None, tmp_path: Path) -> AsyncIterator[Place]:
    """Return where a new ledger goes: the path of a file, or the address of a database."""
    if server is None:
        yield tmp_path / "quota.db"
        return
    url = await server.new_database()
    yield url
    await server.drop(url)


@pytest.fixture
async def ledger(place: Place, catalog: Catalog, clock: SteerableClock) -> AsyncIterator[OpenLedger]:
    """Return an open ledger in a new place, with the catalog that the bot ships with."""
    opened = await open_ledger(place, catalog=catalog, clock=clock)
    yield opened
    await opened.close()
