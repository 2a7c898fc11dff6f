"""`python -m benchmarks.http_consume`: consumes over HTTP, one or a hundred a request, against bare and naive."""

from __future__ import annotations

import sys
from contextlib import AsyncExitStack

from benchmarks import questions
from benchmarks.load import Posts, requests_per_second
from benchmarks.places import folder_inside
from benchmarks.program import Run, start
from benchmarks.results import Result, compared
from benchmarks.rounds import Measure, compare, take_turns
from benchmarks.servers import BATCH_PATH, CONSUME_PATH, started
from benchmarks.workload import Workload

PER_BATCH = 100


async def measure(run: Run) -> list[Result]:
    """Answer the three questions about HTTP; servers are processes, idle while others are asked."""
    sizes = run.sizes
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(folder_inside(run.folder))
        accounts = folder / "accounts.txt"
        drawn = Workload(sizes.accounts).account_ids(4 * sizes.operations)
        accounts.write_text("".join(f"{one}\n" for one in drawn), encoding="utf-8")
        bare, naive, ours = [
            await stack.enter_async_context(started(kind, folder, sizes.accounts))
            for kind in ("bare", "naive", "product")
        ]

        def loading(url: str, posts: Posts | None = None) -> Measure:
            async def measured(number: int) -> float:
                del number
                return await requests_per_second(url, sizes.load_seconds, posts)

            return measured

        single = Posts(path=CONSUME_PATH, api_key=ours.api_key, accounts=accounts)
        batch = Posts(path=BATCH_PATH, api_key=ours.api_key, accounts=accounts, per_request=PER_BATCH)
        contestants = {
            "bare": loading(bare.url),
            "consume": loading(ours.url, single),
            "batch": loading(ours.url, batch),
            "naive": loading(naive.url, Posts(path=CONSUME_PATH, api_key=naive.api_key, accounts=accounts)),
        }
        reached = await take_turns(contestants, rounds=sizes.rounds)
    batched = [PER_BATCH * rate for rate in reached["batch"]]
    unit = "requests/s"
    return [
        compared(questions.HTTP_BARE, compare(reached["consume"], reached["bare"]), unit),
        compared(questions.HTTP_NAIVE, compare(reached["consume"], reached["naive"]), unit),
        compared(questions.HTTP_BATCH, compare(batched, reached["bare"]), "consumes/s and requests/s"),
    ]


if __name__ == "__main__":
    sys.exit(start(measure))
