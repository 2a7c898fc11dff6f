"""`python -m benchmarks.start`: from the command to the `ready` line, on a ledger of 5 million entries."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import time
from pathlib import Path
from statistics import median

from benchmarks import product, questions
from benchmarks.grown import grown
from benchmarks.places import PROJECT, folder_inside
from benchmarks.program import Run, start
from benchmarks.results import Result, answer
from benchmarks.rounds import take_turns

PATIENCE_SECONDS = 120


async def measure(run: Run) -> list[Result]:
    """Answer the question about starting: the real program, beside its own Discord, as `bot.py sandbox` runs it."""
    large = await grown(run)
    with folder_inside(run.folder) as folder:
        catalog = product.catalog_at(folder)
        there = folder / "large" / "sandbox"
        there.mkdir(parents=True)
        shutil.copy(large.file, there / "quota.db")

        async def on_large(number: int) -> float:
            del number
            return await _seconds_to_ready(folder / "large", catalog)

        async def on_nothing(number: int) -> float:
            return await _seconds_to_ready(folder / f"new-{number}", catalog)

        contestants = {"nothing": on_nothing, "large": on_large}
        reached = await take_turns(contestants, rounds=min(run.sizes.rounds, 5))
    spread = (
        f"{len(reached['large'])} rounds from {min(reached['large']):.2f} to {max(reached['large']):.2f} s"
    )
    detail = f"{large.entries:,} entries; {spread}; {median(reached['nothing']):.2f} s without a ledger"
    return [answer(questions.START, median(reached["large"]), detail)]


async def _seconds_to_ready(data: Path, catalog: Path) -> float:
    """Start the program, wait for its `ready` line, stop it in order, and return the seconds to that line."""
    ports = ("--http-port", "0", "--sandbox-port", "0")
    started = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "bot.py", "sandbox", "--data", str(data), *ports),
        cwd=PROJECT,
        env={**os.environ, "CATALOG": str(catalog), "LOG_LEVEL": "WARNING"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (line := await process.stdout.readline()).startswith(b"ready "):
                assert line, "the program ended before it was ready"
        return time.perf_counter() - started
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await process.communicate()


if __name__ == "__main__":
    sys.exit(start(measure))
