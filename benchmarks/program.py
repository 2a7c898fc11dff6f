"""What every program of this folder is: sizes, a folder, a measurement, a table, and an exit code."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import places, results, table
from benchmarks.results import Result

QUICK_VARIABLE = "JAUGE_BENCH_QUICK"
MET, NOT_MET = 0, 3  # Python itself ends with 1 or 2 when a program breaks


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """
    How much is measured.

    Rounds are long enough for several full garbage collections of the product, since they are part of its cost;
    what is counted in operations and commands is for one round.
    """

    rounds: int = 7
    accounts: int = 100_000
    operations: int = 100_000
    grown_operations: int = 40_000
    naive_operations: int = 3_000
    serial_operations: int = 1_500
    remembered_keys: int = 200_000
    grown_entries: int = 5_000_000
    random_entries: int = 1_000_000
    commands: int = 1_000
    load_seconds: int = 3


QUICK = Sizes(
    rounds=2,
    accounts=2_000,
    operations=3_000,
    grown_operations=2_000,
    naive_operations=300,
    serial_operations=200,
    remembered_keys=5_000,
    grown_entries=30_000,
    random_entries=20_000,
    commands=100,
    load_seconds=1,
)
"""Proves that the programs work; its ratios mean nothing, and go to a file of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of one program; `folder` is on the disk of `data/` and may be shared with other programs."""

    sizes: Sizes
    folder: Path


Measurement = Callable[[Run], Awaitable[list[Result]]]


def start(measure: Measurement, arguments: Sequence[str] | None = None) -> int:
    """Measure, print and record the results, and return MET when every question was met, else NOT_MET."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="small sizes: shows that it works, not how fast")
    quick = parser.parse_args(arguments).quick or bool(os.environ.get(QUICK_VARIABLE))
    started = time.monotonic()
    with places.folder() as folder:
        rows = asyncio.run(_measured(measure, Run(sizes=QUICK if quick else Sizes(), folder=folder)))
    results.record(places.QUICK_RESULTS if quick else places.RESULTS, rows)
    if not quick:
        table.main()
    print(results.printed(rows))
    print(f"{time.monotonic() - started:.0f} s", flush=True)
    return MET if all(row.met for row in rows) else NOT_MET


async def _measured(measure: Measurement, run: Run) -> list[Result]:
    return await measure(run)


def say(text: str) -> None:
    """Tell how far a long measurement has come."""
    print(text, file=sys.stderr, flush=True)
