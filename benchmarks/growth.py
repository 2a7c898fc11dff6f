"""`python -m benchmarks.growth`: consumes a second on a ledger of 5 million entries, against an empty one."""

from __future__ import annotations

import sys
from contextlib import AsyncExitStack
from pathlib import Path

from benchmarks import product, questions
from benchmarks.consume import UNIT, product_rate
from benchmarks.grown import grown, grown_randomly
from benchmarks.places import folder_inside
from benchmarks.product import Asked, asked
from benchmarks.program import Run, say, start
from benchmarks.results import Result, compared
from benchmarks.rounds import Compared, compare, take_turns
from benchmarks.workload import Workload, set_aside

TASKS = 1024  # where storage is the largest part of the work


async def measure(run: Run) -> list[Result]:
    """Answer the question about growth with time-ordered keys, and state random ones beside it."""
    large, large_randomly = await grown(run), await grown_randomly(run)
    workload, sizes = Workload(run.sizes.accounts), run.sizes
    count = sizes.grown_operations  # few, so that the empty ledger stays small
    each = range(sizes.rounds + 1)
    ordered = [[asked(workload.operations(count)) for _ in range(2)] for _ in each]
    unordered = [[asked(workload.random_operations(count)) for _ in range(2)] for _ in each]
    set_aside(ordered, unordered)
    say("ledgers are there")
    with_order = await _against_empty(run, large.folder, workload, ordered)
    without = await _against_empty(run, large_randomly.folder, workload, unordered)
    beside = f"random keys, {large_randomly.entries:,} entries against none: {without.ratio:.2f}"
    return [compared(questions.GROWTH, with_order, UNIT, beside=f"{large.entries:,} entries; {beside}")]


async def _against_empty(
    run: Run, large: Path, workload: Workload, rounds: list[list[list[Asked]]]
) -> Compared:
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(folder_inside(run.folder))
        empty = await stack.enter_async_context(product.fresh(folder, workload))
        full = await stack.enter_async_context(product.opened(large))
        await full.touch_all(workload)
        # Two ledgers in one process: what the collector does for both would fall upon either.
        set_aside()
        contestants = {
            "empty": product_rate(empty, [one[0] for one in rounds], tasks=TASKS),
            "large": product_rate(full, [one[1] for one in rounds], tasks=TASKS),
        }
        reached = await take_turns(contestants, rounds=run.sizes.rounds)
    return compare(reached["large"], reached["empty"])


if __name__ == "__main__":
    sys.exit(start(measure))
