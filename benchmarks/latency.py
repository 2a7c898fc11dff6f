"""`python -m benchmarks.latency`: how long one consume takes when nothing else waits, against naive."""

from __future__ import annotations

import sys
import time
from statistics import median

from benchmarks import product, questions
from benchmarks.baselines import Naive, asked_of_naive
from benchmarks.places import folder_inside
from benchmarks.product import asked
from benchmarks.program import Run, start
from benchmarks.results import Result, compared
from benchmarks.rounds import compare, take_turns
from benchmarks.workload import Workload, set_aside


async def measure(run: Run) -> list[Result]:
    """Answer the question about one at a time."""
    workload, sizes = Workload(run.sizes.accounts), run.sizes
    each = range(sizes.rounds + 1)
    for_naive = [asked_of_naive(workload.operations(sizes.serial_operations)) for _ in each]
    for_us = [asked(workload.operations(sizes.serial_operations)) for _ in each]
    set_aside(for_naive, for_us)
    with folder_inside(run.folder) as folder:
        async with (
            Naive.opened(folder / "naive.db", workload.ids) as naive,
            product.fresh(folder, workload) as ours,
        ):

            async def naive_latency(number: int) -> float:
                taken = []
                for account_id, key in for_naive[number]:
                    started = time.perf_counter()
                    await naive.consume(account_id, 1, key=key)
                    taken.append(time.perf_counter() - started)
                return 1000 * median(taken)

            async def our_latency(number: int) -> float:
                return 1000 * median(await ours.latencies(for_us[number], 1))

            reached = await take_turns({"naive": naive_latency, "ours": our_latency}, rounds=sizes.rounds)
    return [compared(questions.ONE_AT_A_TIME, compare(reached["ours"], reached["naive"]), "ms", 3)]


if __name__ == "__main__":
    sys.exit(start(measure))
