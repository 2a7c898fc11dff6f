"""`python -m benchmarks.latency`: how long one consume takes when nothing else waits, against naive."""

from __future__ import annotations

import sys
import time
from statistics import median

from benchmarks import product, questions
from benchmarks.baselines import Naive
from benchmarks.places import folder_inside
from benchmarks.program import Run, start
from benchmarks.results import Result, compared
from benchmarks.rounds import compare, take_turns
from benchmarks.workload import Workload, set_aside


async def measure(run: Run) -> list[Result]:
    """Answer the question about one at a time."""
    workload, sizes = Workload(run.sizes.accounts), run.sizes
    rounds = [workload.operations(sizes.serial_operations) for _ in range(2 * (sizes.rounds + 1))]
    set_aside(rounds)
    with folder_inside(run.folder) as folder:
        async with (
            Naive.opened(folder / "naive.db", workload.ids) as naive,
            product.fresh(folder, workload) as ours,
        ):

            async def naive_latency(number: int) -> float:
                taken = []
                for account_id, key in [(one.account_id, str(one.key)) for one in rounds[2 * number]]:
                    started = time.perf_counter()
                    await naive.consume(account_id, 1, key=key)
                    taken.append(time.perf_counter() - started)
                return 1000 * median(taken)

            async def our_latency(number: int) -> float:
                return 1000 * median(await ours.latencies(rounds[2 * number + 1], 1))

            reached = await take_turns({"naive": naive_latency, "ours": our_latency}, rounds=sizes.rounds)
    return [compared(questions.ONE_AT_A_TIME, compare(reached["ours"], reached["naive"]), "ms", 3)]


if __name__ == "__main__":
    sys.exit(start(measure))
