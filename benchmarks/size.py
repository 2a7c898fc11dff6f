"""`python -m benchmarks.size`: the bytes of the file for each entry of a ledger of 5 million."""

from __future__ import annotations

import sys

from benchmarks import questions
from benchmarks.grown import grown
from benchmarks.program import Run, start
from benchmarks.results import Result, answer


async def measure(run: Run) -> list[Result]:
    """Answer the question about the file: everything in it, by the number of entries."""
    large = await grown(run)
    detail = f"{large.bytes:,} bytes, {large.entries:,} entries, built at {large.per_second:,.0f} entries/s"
    return [answer(questions.SIZE, large.bytes / large.entries, detail)]


if __name__ == "__main__":
    sys.exit(start(measure))
