"""What the tests of the program share: a world, and what must hold when a test is over."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from quota_core.database import Database
from quota_core.postgres_database import PostgresDatabase
from quota_core.proof import Proof
from quota_core.sqlite_database import SqliteDatabase
from quota_core.statements import Work, fetch
from tests.postgres_server import PostgresServer
from tests.program.place import Place, opened_place


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    """
    Return a world with no bot in it yet, and an empty data folder.

    Afterwards the ledger must be sound and hold one credit for each paid session.
    """
    async with opened_place(tmp_path) as opened:
        yield opened

        if (opened.data / "quota.db").exists():
            await check(opened, SqliteDatabase(opened.data / "quota.db"))


@pytest.fixture
def shards() -> int:
    """Return how many connections Discord asks for."""
    return 1


@pytest.fixture
async def shared(postgres: PostgresServer, shards: int, tmp_path: Path) -> AsyncIterator[Place]:
    """Return a world for several processes on one PostgreSQL database; afterwards the same must hold."""
    url = await postgres.new_database()
    async with opened_place(tmp_path, shards=shards, DATABASE_URL=url) as opened:
        yield opened

        await check(opened, PostgresDatabase(url))
    await postgres.drop(url)


async def check(place: Place, database: Database) -> None:
    """Recount the ledger that the bot left behind, and compare it with what Stripe sold."""
    await database.open()
    try:
        verdict = await Proof(database).verify()
        credited = await database.read(_credited)
    finally:
        await database.close()
    assert verdict.problems == []
    assert credited == len(await place.sold())


def _credited() -> Work[int]:
    rows = yield fetch("SELECT count(*) FROM lots WHERE source = 'purchase'")
    return int(rows[0][0])
