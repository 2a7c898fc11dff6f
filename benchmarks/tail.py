"""`python -m benchmarks.tail`: how far the slowest of a hundred consumes is from the usual one."""

from __future__ import annotations

import sys
from statistics import median

from benchmarks import product, questions
from benchmarks.places import folder_inside
from benchmarks.product import asked
from benchmarks.program import Run, start
from benchmarks.results import Result, compared
from benchmarks.rounds import compare, percentile, take_turns
from benchmarks.workload import Workload, set_aside

TASKS = 64


async def measure(run: Run) -> list[Result]:
    """Answer the question about the 99th percentile, after so many keys that everything they fill is full."""
    workload, sizes = Workload(run.sizes.accounts), run.sizes
    before = asked(workload.operations(sizes.remembered_keys))
    rounds = [asked(workload.operations(sizes.operations)) for _ in range(sizes.rounds + 1)]
    set_aside(before, rounds)
    medians: list[float] = []
    with folder_inside(run.folder) as folder:
        async with product.fresh(folder, workload) as ours:
            await ours.consume(before, TASKS)

            async def usual(number: int) -> float:
                taken = await ours.latencies(rounds[number], TASKS)
                slowest.append(1000 * percentile(taken, 99))
                return 1000 * median(taken)

            slowest: list[float] = []
            reached = await take_turns({"median": usual}, rounds=sizes.rounds)
            medians = reached["median"]
    return [compared(questions.TAIL, compare(slowest[1:], medians), "ms", 3)]


if __name__ == "__main__":
    sys.exit(start(measure))
