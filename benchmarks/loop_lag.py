"""`python -m benchmarks.loop_lag`: how late the event loop is for others while 64 consumers run."""

from __future__ import annotations

import asyncio
import contextlib
import math
import sys
import time
from statistics import median
from typing import Self

from benchmarks import product, questions
from benchmarks.places import folder_inside
from benchmarks.product import asked
from benchmarks.program import Run, start
from benchmarks.results import Result, answer
from benchmarks.rounds import percentile, take_turns
from benchmarks.workload import Workload, set_aside

TASKS = 64
PAUSE_MS = 1.0
IDLE_SECONDS = 1.0


class Probe:
    """
    A task that sleeps again and again, and notes by how many milliseconds it wakes too late.

    A stop of 100 ms is noted as a hundred wake-ups that were late by 100, 99, 98 … ms, since so many would have met
    it: noted as one, the longest stops would hardly count.
    """

    def __init__(self) -> None:
        self.late_ms: list[float] = []

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _watch(self) -> None:
        while True:
            started = time.perf_counter()
            await asyncio.sleep(PAUSE_MS / 1000)
            late_ms = 1000 * (time.perf_counter() - started) - PAUSE_MS
            self.late_ms += met_by(late_ms)


def met_by(late_ms: float) -> list[float]:
    """Return by how many milliseconds each wake-up is late, of all that would have met a stop of `late_ms`."""
    return [late_ms - PAUSE_MS * place for place in range(max(1, math.ceil(late_ms / PAUSE_MS)))]


async def measure(run: Run) -> list[Result]:
    """Answer the question about the event loop."""
    workload, sizes = Workload(run.sizes.accounts), run.sizes
    rounds = [asked(workload.operations(sizes.operations)) for _ in range(sizes.rounds + 1)]
    set_aside(rounds)
    with folder_inside(run.folder) as folder:
        async with product.fresh(folder, workload) as ours:

            async def idle(number: int) -> float:
                del number
                async with Probe() as probe:
                    await asyncio.sleep(IDLE_SECONDS)
                return percentile(probe.late_ms, 99)

            async def busy(number: int) -> float:
                async with Probe() as probe:
                    await ours.consume(rounds[number], TASKS)
                return percentile(probe.late_ms, 99)

            reached = await take_turns({"idle": idle, "busy": busy}, rounds=sizes.rounds)
    spread = f"{sizes.rounds} rounds from {min(reached['busy']):.2f} to {max(reached['busy']):.2f} ms"
    detail = f"{spread}; {median(reached['idle']):.2f} ms while nothing runs"
    return [answer(questions.LOOP_LAG, median(reached["busy"]), detail)]


if __name__ == "__main__":
    sys.exit(start(measure))
