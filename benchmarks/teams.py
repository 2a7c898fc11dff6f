"""One consumer process or two on one PostgreSQL: how fast they are together, and what that costs."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import product
from benchmarks.pg_server import Postgres, cpu_seconds
from benchmarks.product import asked
from benchmarks.program import Sizes
from benchmarks.rounds import Measure
from benchmarks.workload import FIRST_ID, Operation, Workload
from quota_core.statements import Work, fetch

TASKS = 512
HOT_ID = FIRST_ID - 1


@dataclass(slots=True, kw_only=True)
class Teams:
    """Two consumer processes that wait for their turn; the second one rests in the team of one."""

    server: Postgres
    consumers: list[asyncio.subprocess.Process]
    operations: int
    hot_version: int
    cpu_us: dict[str, list[float]] = field(default_factory=dict)

    @classmethod
    async def started(cls, stack: AsyncExitStack, folder: Path, server: Postgres, sizes: Sizes) -> Teams:
        """Start both processes, each with accounts of its own, and end them with the stack."""
        consumers, version = [], 0
        for number in range(2):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "benchmarks.teams", str(folder), server.ledger_url, str(number)),
                str(sizes.accounts // 2),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            stack.push_async_callback(process.wait)
            assert process.stdin is not None
            stack.callback(process.stdin.close)
            consumers.append(process)
            version = (await _line(process))["hot_version"]
        return cls(
            server=server,
            consumers=consumers,
            operations=sizes.grown_operations,
            hot_version=version,
        )

    def rate(self, team: str) -> Measure:
        """Return what measures a team (one, two, or both on one hot account): consumes a second."""
        members = self.consumers[:1] if team == "one" else self.consumers
        each = self.operations // len(members)

        async def measured(number: int) -> float:
            before, share = cpu_seconds(self.server.pid), {"operations": each, "hot": team == "hot"}
            for process in members:
                assert process.stdin is not None
                process.stdin.write(json.dumps(share).encode() + b"\n")
            told = [await _line(process) for process in members]
            cpu = cpu_seconds(self.server.pid) - before + sum(one["cpu_seconds"] for one in told)
            if team == "hot":
                version = max(one["hot_version"] for one in told)
                assert version == self.hot_version + each * len(members), "something was lost"
                self.hot_version = version
            if number:
                self.cpu_us.setdefault(team, []).append(cpu / (each * len(members)) * 1e6)
            seconds: float = max(one["seconds"] for one in told)
            return each * len(members) / seconds

        return measured


async def _line(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        raise RuntimeError("a consumer process ended before its time")
    told: dict[str, Any] = json.loads(line)
    return told


async def consumer(folder: Path, url: str, number: int, accounts: int) -> None:
    """Consume whenever a line on standard input says how much, and tell how long it took."""
    loop = asyncio.get_running_loop()
    workload = Workload(accounts, seed=number, first_id=FIRST_ID + number * accounts)
    own = folder / f"consumer{number}"
    own.mkdir()
    async with product.opened(own, url) as ours:
        print(json.dumps({"hot_version": await _hot_version(ours)}), flush=True)
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            wanted = json.loads(line)
            drawn = workload.operations(wanted["operations"])
            if wanted["hot"]:
                drawn = [Operation(HOT_ID, one.key) for one in drawn]
            operations = asked(drawn)
            cpu_before = time.process_time()
            seconds = await ours.consume(operations, TASKS)
            told = {
                "seconds": seconds,
                "cpu_seconds": time.process_time() - cpu_before,
                "hot_version": await _hot_version(ours),
            }
            print(json.dumps(told), flush=True)


async def _hot_version(ours: product.Product) -> int:
    """Return how many entries the hot account has."""

    def work() -> Work[int]:
        sql = """
            SELECT b.version FROM balances b JOIN accounts a ON a.id = b.account
            WHERE a.kind = 'user' AND a.external_id = $1
        """
        rows = yield fetch(sql, str(HOT_ID))
        return int(rows[0][0]) if rows else 0

    return await ours.ledger.database.read(work)


if __name__ == "__main__":
    asyncio.run(consumer(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
