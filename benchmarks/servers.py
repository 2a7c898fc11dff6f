"""
Servers in processes of their own, for wrk: `python -m benchmarks.servers bare|naive|product FOLDER ACCOUNTS`.

Each tells its address (and the API key that it accepts) in a line of JSON once it listens, and ends with its input.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from benchmarks import product
from benchmarks.baselines import Naive, bare, naive_web
from benchmarks.load import cores, on_core
from benchmarks.places import PROJECT
from benchmarks.workload import Workload
from quota_core.access_keys import Scope
from quota_core.balances import Balances
from quota_core.grants import Grants
from quota_core.messages import Messages
from quota_core.notices import Notices
from quota_core.operators import Operators
from quota_core.people import People
from quota_core.purchases import Purchases
from quota_core.settlement import Settlements
from webhooks import server
from webhooks.records import Records
from webhooks.server import Limits

CONSUME_PATH, BATCH_PATH = "/api/credits/consume", "/api/credits/batch"
UNBOUNDED = 10**9  # requests a minute: the budgets are spent like any other, and never run out
PATIENCE_SECONDS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server that listens."""

    url: str
    api_key: str


@asynccontextmanager
async def started(kind: str, folder: Path, accounts: int) -> AsyncIterator[Server]:
    """Start a server in a process of its own, and end it with the block."""
    with on_core(cores()[0]):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.servers", kind, str(folder), str(accounts)),
            cwd=PROJECT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            line = await process.stdout.readline()
        assert line, f"the {kind} server did not start"
        yield Server(**json.loads(line))
    finally:
        process.stdin.close()
        await process.wait()


async def _serve_bare(folder: Path, workload: Workload, stack: AsyncExitStack) -> Server:
    del folder, workload
    return Server(url=await _listening(bare(), stack), api_key="")


async def _serve_naive(folder: Path, workload: Workload, stack: AsyncExitStack) -> Server:
    naive = await stack.enter_async_context(Naive.opened(folder / "naive.db", workload.ids))
    return Server(url=await _listening(naive_web(naive, CONSUME_PATH), stack), api_key="-")


async def _serve_product(folder: Path, workload: Workload, stack: AsyncExitStack) -> Server:
    """Serve as the bot does: the product's own application, by its own function."""
    ours = await stack.enter_async_context(product.fresh(folder, workload))
    database, book, clock = ours.ledger.database, ours.ledger.book, ours.ledger.clock
    balances = Balances(database, book, clock=clock)
    limits = Limits(key=UNBOUNDED, address=UNBOUNDED, pages=UNBOUNDED, webhooks=UNBOUNDED)
    notices = Notices(database, clock=clock)
    app = server.build(
        access_keys=ours.ledger.keys,
        balances=balances,
        records=Records.of(database, book, balances, clock=clock),
        grants=Grants(database, book, Operators(), max_grant_units=1, clock=clock),
        quota=ours.quota,
        purchases=Purchases(database, book, None, clock=clock),
        people=People(database, book, clock=clock),
        settlements=Settlements(
            database,
            book,
            notices,
            operators=(),
            default_locale="en-US",
            clock=clock,
        ),
        messages=Messages(
            *(database, book, notices), operators=(), channels=(), default_locale="en-US", clock=clock
        ),
        catalog=book.catalog,
        signing_secrets=(),
        checks={},
        default_locale="en-US",
        clock=clock,
        limits=limits,
        monotonic=time.monotonic,
    )
    api_key = await ours.ledger.keys.create("benchmark", [Scope.QUOTA_CONSUME])
    listener = server.open_port("127.0.0.1", 0)
    url = await stack.enter_async_context(server.serve(app, listener))
    return Server(url=url, api_key=api_key)


KINDS: dict[str, Callable[[Path, Workload, AsyncExitStack], Awaitable[Server]]] = {
    "bare": _serve_bare,
    "naive": _serve_naive,
    "product": _serve_product,
}


async def _listening(app: web.Application, stack: AsyncExitStack) -> str:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    listener = server.open_port("127.0.0.1", 0)
    await web.SockSite(runner, listener).start()
    return server.url_of(listener)


async def main(kind: str, folder: Path, accounts: int) -> None:
    """Serve until the input ends."""
    logging.basicConfig(level=logging.WARNING)
    async with AsyncExitStack() as stack:
        found = await KINDS[kind](folder, Workload(accounts), stack)
        print(json.dumps({"url": found.url, "api_key": found.api_key}), flush=True)
        await asyncio.to_thread(sys.stdin.buffer.read)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
