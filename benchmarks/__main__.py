"""`python -m benchmarks`: every program, one after the other, and then the table of the documentation."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time

from benchmarks import places, results, table
from benchmarks.program import MET, NOT_MET, say

PROGRAMS = (
    "consume",
    "latency",
    "tail",
    "loop_lag",
    "discord_cost",
    "http_consume",
    "size",  # builds the large ledger that the next two use
    "start",
    "growth",
    "postgres",
)
ALL_MET, ONE_NOT_MET, BROKEN = 0, 1, 2


def main() -> int:
    """
    Run everything.

    Returns:
        0 when every question was met, 1 when one was not or has no answer, 2 when a program broke.

    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--quick", action="store_true", help="small sizes: shows that it works, not how fast")
    quick = parser.parse_args().quick
    file = places.QUICK_RESULTS if quick else places.RESULTS
    results.record_only(file, [])
    started, codes = time.monotonic(), {}
    with tempfile.TemporaryDirectory(dir=places.PROJECT / "data", prefix="bench-") as folder:
        for program in PROGRAMS:
            say(f"== {program} ({time.monotonic() - started:.0f} s)")
            command = [sys.executable, "-m", f"benchmarks.{program}", *(["--quick"] if quick else [])]
            environment = {**os.environ, places.FOLDER_VARIABLE: folder}
            done = subprocess.run(command, cwd=places.PROJECT, env=environment, check=False)  # noqa: S603 - our own programs
            codes[program] = done.returncode
    if not quick:
        table.main()
    print(results.printed(results.read(file)))
    print(f"{time.monotonic() - started:.0f} s", flush=True)
    open_questions = results.unanswered(results.read(file))
    for text in open_questions:
        print(f"no answer yet: {text}")
    broken = [program for program, code in codes.items() if code not in (MET, NOT_MET)]
    if broken:
        say(f"these did not come to their end: {', '.join(broken)}")
        return BROKEN
    return ONE_NOT_MET if open_questions or NOT_MET in codes.values() else ALL_MET


if __name__ == "__main__":
    sys.exit(main())
