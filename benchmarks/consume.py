"""`python -m benchmarks.consume`: consumes a second, 64 and 1 024 at once, against naive and against raw."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence

from benchmarks import product, questions
from benchmarks.baselines import Naive, Raw, asked_of_naive, asked_of_raw
from benchmarks.places import folder_inside
from benchmarks.product import Asked, Product, asked
from benchmarks.program import Run, start
from benchmarks.results import Result, compared
from benchmarks.rounds import Measure, compare, take_turns
from benchmarks.workload import Workload, set_aside

UNIT = "consumes/s"


async def measure(run: Run) -> list[Result]:
    """Answer the four questions about throughput."""
    workload, sizes = Workload(run.sizes.accounts), run.sizes
    each = range(sizes.rounds + 1)
    for_us = [[asked(workload.operations(sizes.operations)) for _ in range(2)] for _ in each]
    for_raw = [asked_of_raw(workload.operations(sizes.operations)) for _ in each]
    for_naive = [
        [asked_of_naive(workload.operations(sizes.naive_operations)) for _ in range(2)] for _ in each
    ]
    set_aside(for_us, for_raw, for_naive)
    with folder_inside(run.folder) as folder, Raw.opened(folder / "raw.db", workload.ids) as raw:
        async with (
            Naive.opened(folder / "naive.db", workload.ids) as naive,
            product.fresh(folder, workload) as ours,
        ):
            contestants = {
                "naive 64": naive_rate(naive, [one[0] for one in for_naive], tasks=64),
                "ours 64": product_rate(ours, [one[0] for one in for_us], tasks=64),
                "raw": raw_rate(raw, for_raw),
                "ours 1024": product_rate(ours, [one[1] for one in for_us], tasks=1024),
                "naive 1024": naive_rate(naive, [one[1] for one in for_naive], tasks=1024),
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


def product_rate(ours: Product, rounds: Sequence[Sequence[Asked]], *, tasks: int) -> Measure:
    """Return what measures the product: consumes a second, with the operations of each round."""

    async def measured(number: int) -> float:
        return len(rounds[number]) / await ours.consume(rounds[number], tasks)

    return measured


def naive_rate(naive: Naive, rounds: Sequence[Sequence[tuple[int, str]]], *, tasks: int) -> Measure:
    """Return what measures the naive program."""

    async def measured(number: int) -> float:
        waiting = iter(rounds[number])

        async def consumer() -> None:
            for account_id, key in waiting:
                await naive.consume(account_id, 1, key=key)

        started = time.perf_counter()
        await asyncio.gather(*(consumer() for _ in range(tasks)))
        return len(rounds[number]) / (time.perf_counter() - started)

    return measured


def raw_rate(raw: Raw, rounds: Sequence[Sequence[tuple[int, bytes]]]) -> Measure:
    """Return what measures SQLite alone."""

    async def measured(number: int) -> float:
        started = time.perf_counter()
        raw.consume_all(rounds[number])
        return len(rounds[number]) / (time.perf_counter() - started)

    return measured


if __name__ == "__main__":
    sys.exit(start(measure))
