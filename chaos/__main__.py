"""`python -m chaos`: every stage, one after the other, and one table; see docs/reliability.md."""

from __future__ import annotations

import argparse
import logging
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

from chaos.checker import KINDS
from chaos.raising import PROJECT
from chaos.stages import STAGES, Place
from chaos.tally import Tally
from quota_core.crash_points import POINTS

POINT_TIMES, FAULTS, ACKNOWLEDGED, RESTART_SECONDS = 5, 5_000, 100_000, 2.0
SOUND, BROKEN = 0, 1


def main() -> int:
    """Rehearse; return 0 when everything struck and nothing broke."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="a random one unless given")
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES), metavar="STAGE")
    parser.add_argument("--short", action="store_true", help="each fault once: shows that it works")
    parser.add_argument(
        "--folder", type=Path, help="where ledgers are made, and left when something is wrong"
    )
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="jauge-chaos-", dir=PROJECT / "data"))
    repeat = f"python -m chaos --seed {options.seed}{' --short' * options.short}"
    print(f"{repeat} --stages {' '.join(options.stages)}   (commit {_commit()}, in {folder})", flush=True)
    os.environ["PYTHONHASHSEED"] = "0"
    logging.disable(logging.CRITICAL)  # thousands of troubles on purpose
    total, problems = Tally(), []
    began_seconds = time.monotonic()
    for name in options.stages:
        stage = STAGES[name]
        at_seconds = time.monotonic()
        place = Place(folder=folder / name, seed=options.seed, full=not options.short)
        place.folder.mkdir(parents=True, exist_ok=True)
        try:
            tally = stage.run(place)
        except Exception:
            traceback.print_exc()
            problems.append(f"{name} did not come to its end")
            continue
        problems += [f"{name}: {fault!r} never struck" for fault in tally.missing(stage.faults)]
        struck = sum(tally.faults.values())
        verdict = "sound" if tally.sound else f"BROKEN, to see it again: {repeat} --stages {name}"
        print(f"{name}: {struck:,} faults, {time.monotonic() - at_seconds:.0f} s, {verdict}", flush=True)
        total.add(tally)
    complete = not options.short and options.stages == list(STAGES)
    problems += _short_of(total, complete=complete)
    print(_table(total, time.monotonic() - began_seconds))
    for kind, texts in total.found.items():
        problems += [f"{kind}: {text}" for text in texts[:10]]
    for problem in problems:
        print(f"WRONG {problem}")
    if not problems:
        shutil.rmtree(folder)
    return BROKEN if problems else SOUND


def _short_of(total: Tally, *, complete: bool) -> list[str]:
    """Return what a complete rehearsal must reach and did not."""
    if not complete:
        return []
    problems = [
        f"{point} was hit {total.points[point]} times"
        for point in POINTS
        if total.points[point] < POINT_TIMES
    ]
    if sum(total.faults.values()) < FAULTS:
        problems.append(f"{sum(total.faults.values())} faults instead of {FAULTS}")
    if total.acknowledged < ACKNOWLEDGED:
        problems.append(f"{total.acknowledged} acknowledged operations instead of {ACKNOWLEDGED}")
    if _percentile(total.restarts_seconds, 95) > RESTART_SECONDS:
        problems.append(f"restart to ready takes {_percentile(total.restarts_seconds, 95):.2f} s")
    return problems


def _table(total: Tally, seconds: float) -> str:
    rows = [(f"fault: {kind}", f"{count:,}") for kind, count in sorted(total.faults.items())]
    rows.append(("all kills and faults", f"{sum(total.faults.values()):,}"))
    least = min((total.points[point] for point in POINTS), default=0)
    hit = sum(bool(total.points[point]) for point in POINTS)
    rows.append(("crash points hit", f"{hit} of {len(POINTS)}, each at least {least} times"))
    rows.append(("operations acknowledged", f"{total.acknowledged:,}"))
    rows += [(kind, str(len(total.found[kind]))) for kind in KINDS]
    rows.append(("slowest recovery of a ledger", f"{max(total.recoveries_seconds, default=0):.3f} s"))
    rows.append(("restart of the bot to ready, p95", f"{_percentile(total.restarts_seconds, 95):.2f} s"))
    rows += [(name, value) for name, value in total.figures.items()]
    rows.append(("all of it", f"{seconds:.0f} s"))
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def _percentile(values: list[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else 0.0


def _commit() -> str:
    found = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main())
