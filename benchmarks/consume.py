"""`python -m benchmarks.consume`: consumes a second, 64 and 1 024 at once, against naive and against raw."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator

from benchmarks import product, questions
from benchmarks.baselines import Naive, Raw
from benchmarks.places import folder_inside
from benchmarks.product import Product
from benchmarks.program import Run, start
from benchmarks.results import Result, compared
from benchmarks.rounds import Measure, compare, take_turns
from benchmarks.workload import Operation, Workload, set_aside

UNIT = "consumes/s"


async def measure(run: Run) -> list[Result]:
    """Answer the four questions about throughput."""
    workload, sizes = Workload(run.sizes.accounts), run.sizes
    large = [[workload.operations(sizes.operations) for _ in range(3)] for _ in range(sizes.rounds + 1)]
    small = [[workload.operations(sizes.naive_operations) for _ in range(2)] for _ in range(sizes.rounds + 1)]
    set_aside(large, small)
    with folder_inside(run.folder) as folder, Raw.opened(folder / "raw.db", workload.ids) as raw:
        async with (
            Naive.opened(folder / "naive.db", workload.ids) as naive,
            product.fresh(folder, workload) as ours,
        ):
            contestants = {
                "naive 64": naive_rate(naive, (one[0] for one in small), tasks=64),
                "ours 64": product_rate(ours, (one[0] for one in large), tasks=64),
                "raw": raw_rate(raw, (one[1] for one in large)),
                "ours 1024": product_rate(ours, (one[2] for one in large), tasks=1024),
                "naive 1024": naive_rate(naive, (one[1] for one in small), tasks=1024),
            }
            reached = await take_turns(contestants, rounds=sizes.rounds)
    pairs = (
        (questions.CONSUME_64_NAIVE, "ours 64", "naive 64"),
        (questions.CONSUME_64_RAW, "ours 64", "raw"),
        (questions.CONSUME_1024_NAIVE, "ours 1024", "naive 1024"),
        (questions.CONSUME_1024_RAW, "ours 1024", "raw"),
    )
    return [
        compared(question, compare(reached[ours_at], reached[theirs]), UNIT)
        for question, ours_at, theirs in pairs
    ]


def product_rate(ours: Product, lots: Iterator[list[Operation]], *, tasks: int) -> Measure:
    """Return what measures the product: consumes a second, with the next operations in each round."""

    async def measured(number: int) -> float:
        del number
        operations = next(lots)
        return len(operations) / await ours.consume(operations, tasks)

    return measured


def naive_rate(naive: Naive, lots: Iterator[list[Operation]], *, tasks: int) -> Measure:
    """Return what measures the naive program."""

    async def measured(number: int) -> float:
        del number
        operations = [(one.account_id, str(one.key)) for one in next(lots)]
        waiting = iter(operations)

        async def consumer() -> None:
            for account_id, key in waiting:
                await naive.consume(account_id, 1, key=key)

        started = time.perf_counter()
        await asyncio.gather(*(consumer() for _ in range(tasks)))
        return len(operations) / (time.perf_counter() - started)

    return measured


def raw_rate(raw: Raw, lots: Iterator[list[Operation]]) -> Measure:
    """Return what measures SQLite alone."""

    async def measured(number: int) -> float:
        del number
        operations = [(one.account_id, one.key.bytes) for one in next(lots)]
        started = time.perf_counter()
        raw.consume_all(operations)
        return len(operations) / (time.perf_counter() - started)

    return measured


if __name__ == "__main__":
    sys.exit(start(measure))
