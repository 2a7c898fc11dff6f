"""The product as it is: its own ledger, opened as the bot opens it, and its own `quota` object."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from assembly import Ledger, opened_ledger
from benchmarks.workload import Operation, Workload
from quota_core import catalog_file
from quota_core.accounts import AccountRef
from quota_core.errors import QuotaError
from quota_core.grants import Grants
from quota_core.operators import Actor, Operators
from quota_core.quota import Quota
from settings import Settings

SMALL_LIMIT, LARGE_LIMIT = "limit = 50\n", "limit = 1000000000\n"
LOT_EVERY = 10  # one account in ten has a lot beside its daily window
LOT_UNITS = 1_000_000
OPERATOR_ID = 1
CHUNK = 10_000

Asked = tuple[AccountRef, UUID]
"""One unit for the account, under the key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """An open ledger and its `quota` object."""

    ledger: Ledger
    quota: Quota

    async def consume(self, operations: Sequence[Asked], tasks: int) -> float:
        """Consume with so many tasks at once, and return the seconds that it took."""
        waiting = iter(operations)

        async def consumer() -> None:
            for account, key in waiting:
                await self.quota.consume(account, 1, key=key)

        started = time.perf_counter()
        await asyncio.gather(*(consumer() for _ in range(tasks)))
        return time.perf_counter() - started

    async def latencies(self, operations: Sequence[Asked], tasks: int) -> list[float]:
        """Consume with so many tasks at once, and return the seconds that each consume took."""
        waiting = iter(operations)
        taken: list[float] = []

        async def consumer() -> None:
            for account, key in waiting:
                started = time.perf_counter()
                await self.quota.consume(account, 1, key=key)
                taken.append(time.perf_counter() - started)

        await asyncio.gather(*(consumer() for _ in range(tasks)))
        return taken

    async def consume_many(self, operations: Iterable[Asked]) -> None:
        """Consume through `consume_many`; a refusal would be a mistake of the benchmark."""
        outcomes = await self.quota.consume_many(
            [self.quota.operation(account, 1, key=key) for account, key in operations]
        )
        refusals = [one for one in outcomes if isinstance(one, QuotaError)]
        assert not refusals, refusals[0]

    async def touch_all(self, workload: Workload) -> None:
        """Consume once for every account: opens those that are new, and makes the others resident."""
        ids = workload.ids
        for start in range(0, len(ids), CHUNK):
            chunk = [Operation(one, workload.key()) for one in ids[start : start + CHUNK]]
            await self.consume_many(asked(chunk))

    async def give_lots(self, workload: Workload) -> int:
        """Give every tenth account a lot, and return how many."""
        operator = Actor(user_id=OPERATOR_ID)
        grants = Grants(
            self.ledger.database,
            self.ledger.book,
            Operators(user_ids=frozenset({OPERATOR_ID})),
            max_grant_units=LOT_UNITS,
            clock=self.ledger.clock,
        )
        having = workload.ids[::LOT_EVERY]
        for one in having:
            account = AccountRef("user", str(one))
            await grants.add(account, LOT_UNITS, actor=operator, reason="benchmark", key=workload.key())
        return len(having)


def asked(operations: Iterable[Operation]) -> list[Asked]:
    """Return the operations as the product is asked for them; before the clock starts."""
    return [(AccountRef("user", str(one.account_id)), one.key) for one in operations]


@asynccontextmanager
async def opened(folder: Path, database_url: str | None = None) -> AsyncIterator[Product]:
    """Open or make the ledger in a folder, or the one at a URL, as the bot does, and close it at the end."""
    catalog = catalog_at(folder)
    settings = Settings(_env_file=None, database_url=database_url, catalog=str(catalog))
    async with opened_ledger(settings, catalog_file.load(settings.catalog), folder) as ledger:
        quota = Quota(ledger.database, ledger.book, clock=ledger.clock)
        yield Product(ledger=ledger, quota=quota)
        await quota.drain()


@asynccontextmanager
async def fresh(folder: Path, workload: Workload, database_url: str | None = None) -> AsyncIterator[Product]:
    """Make a ledger in which every account has been opened and one in ten has a lot."""
    async with opened(folder, database_url) as product:
        await product.touch_all(workload)
        await product.give_lots(workload)
        yield product


def catalog_at(folder: Path) -> Path:
    """Write the catalog of this folder's ledger and return its file: the usual one with a large window."""
    text = (catalog_file.CATALOG_FOLDER / "quota-manager.toml").read_text(encoding="utf-8")
    assert SMALL_LIMIT in text
    file = folder / "benchmark.toml"
    file.write_text(text.replace(SMALL_LIMIT, LARGE_LIMIT), encoding="utf-8")
    return file
