"""News between processes: a notice that one owes wakes the other, also after its connection was cut."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from quota_core.news import CarriesNews
from quota_core.statements import Work
from quota_core.store.notices import CHANNEL
from tests.core.opened_ledger import OpenLedger
from tests.core.test_notices import ANA, owe
from tests.postgres_server import PostgresServer

PATIENCE_SECONDS = 120


class UndoneError(Exception):
    """The transaction is not committed."""


@pytest.fixture
def engine() -> str:
    """Return the engine that carries news; on SQLite there is one process."""
    return "postgres"


@asynccontextmanager
async def listening(ledger: OpenLedger) -> AsyncIterator[asyncio.Queue[None]]:
    """Listen for notices until the block ends; it begins once somebody listens."""
    assert isinstance(ledger.database, CarriesNews)
    news: asyncio.Queue[None] = asyncio.Queue()
    task = asyncio.create_task(ledger.database.listen(CHANNEL, lambda: news.put_nowait(None)))
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await news.get()
        yield news
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_notice_that_is_owed_wakes_who_listens(ledger: OpenLedger) -> None:
    """Once for each transaction, after its commit."""
    async with listening(ledger) as news, asyncio.timeout(PATIENCE_SECONDS):
        await owe(ledger, "a")
        await news.get()
        await owe(ledger, "b")
        await news.get()

        assert news.empty()


async def test_a_notice_that_was_never_committed_wakes_nobody(ledger: OpenLedger) -> None:
    """What was rolled back was not said."""

    def undone() -> Work[None]:
        now_ms = ledger.clock()
        states = yield from ledger.book.states_of([ANA], now_ms=now_ms, create=True)
        yield from ledger.notices.owe(states[ANA], "purchase", "x", {}, locale="fr", now_ms=now_ms)
        raise UndoneError

    async with listening(ledger) as news, asyncio.timeout(PATIENCE_SECONDS):
        with pytest.raises(UndoneError):
            await ledger.database.write(undone)
        await owe(ledger, "a")
        await news.get()

        assert news.empty()


async def test_a_connection_that_was_cut_is_opened_again(
    ledger: OpenLedger, server: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    """And whoever listens looks at once: something may have been said meanwhile."""
    async with listening(ledger) as news, asyncio.timeout(PATIENCE_SECONDS):
        await server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'jauge news'"
        )
        await news.get()
        await owe(ledger, "a")
        await news.get()

    assert "were cut off" in caplog.text
