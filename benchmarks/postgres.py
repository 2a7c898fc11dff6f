"""
`python -m benchmarks.postgres`: consumes a second on PostgreSQL, against `pgbench -N` with 8 clients.

The server is the one of the development dependencies, with its default settings, on the disk of `data/`; pgbench is
its own. Server and consumers share the machine's cores.
"""

from __future__ import annotations

import sys
from contextlib import AsyncExitStack

from benchmarks import product, questions
from benchmarks.consume import UNIT, product_rate
from benchmarks.pg_server import pgbench_rate, postgres, prepare_pgbench
from benchmarks.places import folder_inside
from benchmarks.product import Product, asked
from benchmarks.program import Run, say, start
from benchmarks.results import Result, compared
from benchmarks.rounds import compare, take_turns
from benchmarks.teams import Teams
from benchmarks.workload import Workload, set_aside
from quota_core.statements import Work, fetch


async def measure(run: Run) -> list[Result]:
    """Answer the questions about one process and about two."""
    sizes, workload = run.sizes, Workload(run.sizes.accounts)
    each = range(sizes.rounds + 1)
    for_us = [[asked(workload.operations(sizes.grown_operations)) for _ in range(2)] for _ in each]
    set_aside(for_us)
    with folder_inside(run.folder) as folder, postgres(folder) as server:
        await prepare_pgbench(server)
        async with product.fresh(folder, workload, server.ledger_url) as ours:
            contestants = {
                "pgbench": pgbench_rate(server, sizes.load_seconds),
                "64": product_rate(ours, [one[0] for one in for_us], tasks=64),
                "1024": product_rate(ours, [one[1] for one in for_us], tasks=1024),
            }
            reached = await take_turns(contestants, rounds=sizes.rounds)
            bytes_each = await bytes_per_entry(ours)
        say(f"{bytes_each:.0f} bytes an entry, indexes and balances included")
        async with AsyncExitStack() as stack:
            teams = await Teams.started(stack, folder, server, sizes)
            several = {name: teams.rate(name) for name in ("one", "two", "hot")}
            together = await take_turns(several, rounds=sizes.rounds)
            cpu = compare(teams.cpu_us["two"], teams.cpu_us["one"])
    return [
        compared(questions.POSTGRES_64, compare(reached["64"], reached["pgbench"]), UNIT),
        compared(questions.POSTGRES_1024, compare(reached["1024"], reached["pgbench"]), UNIT),
        compared(questions.POSTGRES_TWO, compare(together["two"], together["one"]), UNIT),
        compared(questions.POSTGRES_TWO_CPU, cpu, "µs of all processes and the server"),
        compared(questions.POSTGRES_HOT, compare(together["hot"], together["two"]), UNIT),
    ]


async def bytes_per_entry(ours: Product) -> float:
    """Return what the database holds for each entry."""

    def work() -> Work[float]:
        rows = yield fetch(
            """
            SELECT sum(pg_total_relation_size(name::regclass)), (SELECT count(*) FROM entries)
            FROM unnest(ARRAY['entries', 'balances', 'accounts', 'lots', 'allowances']) AS name
            """
        )
        return float(rows[0][0] / rows[0][1])

    return await ours.ledger.database.read(work)


if __name__ == "__main__":
    sys.exit(start(measure))
