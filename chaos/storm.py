"""
The kill storm: life after life on one ledger, each ended at a named point or at random, each checked by the next.

The seed decides everything but the moments of random kills. A point is drawn from a deck that holds all of them, so
that none is forgotten.
"""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

from chaos.checker import KINDS
from chaos.outside import Lines
from chaos.raising import Nursery
from chaos.tally import Tally
from quota_core.migrations import steps
from quota_core.sqlite_statements import split_script

LIVES_OF_A_PLACE = 150
DAY_MS = 86_400_000

# The script that passes each point, and how often it may pass it in one life.
TARGETS = {
    "webhook.04.delivery_stored": ("buy", 1),
    "webhook.05.begun": ("buy", 1),
    "webhook.06.outcome_row": ("buy", 1),
    "webhook.09.notice_row": ("buy", 1),
    "webhook.10.before_commit": ("buy", 1),
    "webhook.11.committed": ("buy", 1),
    "write.07.entry_row": ("buy", 1),
    "write.08.balance_row": ("spend", 2),
    "outbox.20.claimed": ("tell", 1),
    "outbox.25.marked_sent": ("tell", 1),
    "checkout.30.order_committed": ("buy", 1),
    "checkout.31.page_opened": ("buy", 1),
    "checkout.32.page_saved": ("buy", 1),
    "consume.44.decided": ("spend", 2),
    "consume.45.committed": ("spend", 2),
    "day.60.window_opened": ("spend", 1),
    "admin.70.allowed": ("grant", 2),
    "admin.71.written": ("grant", 3),
    "admin.72.committed": ("grant", 3),
    "ops.80.migration_statement": ("nothing", 1),  # of all there are
    "ops.81.backup_begun": ("backup", 1),
    "ops.81.backup_ended": ("backup", 1),
    "ops.82.checkpoint": ("nothing", 1),
    "ops.83.restore_swap": ("restore", 1),
    "ops.83.restore_swapped": ("restore", 1),
    "ops.84.key_revoked": ("keys", 1),
}
# Inside transactions, where an error may arise from the database itself.
MAY_FAIL = (
    "webhook.05",
    "webhook.06",
    "webhook.09",
    "webhook.10",
    "write.",
    "consume.44",
    "day.60",
    "admin.71",
)
ERRORS = ("OSError", "MemoryError", "RuntimeError")
WORK = ("spend", "grant", "buy", "tell")


class Storm:
    """Lives on one ledger after the other, until enough faults struck."""

    def __init__(
        self,
        home: Nursery,
        folder: Path,
        seed: int,
        database: Callable[[Path], str],
        targets: Sequence[str] = tuple(TARGETS),
    ) -> None:
        self._home = home
        self._folder = folder
        self._random = Random(seed)
        self._database = database
        self._targets = targets
        self._deck: list[str] = []
        self._missed: set[str] = set()
        self._place = 0
        self.tally = Tally()

    def run(self, lives: int, *, until_seconds: float = float("inf")) -> Tally:
        """Spend so many lives, on as many ledgers as that takes; end sooner at a moment of the monotonic clock."""
        while lives > 0 and time.monotonic() < until_seconds:
            self._place += 1
            count = min(lives, LIVES_OF_A_PLACE)
            self._ledger(self._folder / f"place-{self._place}", count, until_seconds)
            lives -= count
        return self.tally

    def _ledger(self, folder: Path, lives: int, until_seconds: float) -> None:
        folder.mkdir(parents=True)
        database = self._database(folder)
        before: list[int] = []
        for number in range(1, lives + 1):
            before = self._life(folder, database, number, before)
            if time.monotonic() > until_seconds:
                break
        # At rest: once to ask again and deliver what is left, and to compare.
        self._life(folder, database, number + 1, before, scripts=["check"])
        self._read(folder)

    def _draw(self) -> str:
        if not self._deck:
            self._deck = [*self._targets, *["random"] * (len(self._targets) // 4)]
            self._random.shuffle(self._deck)
        return self._deck.pop()

    def _life(
        self, folder: Path, database: str, number: int, before: list[int], scripts: list[str] | None = None
    ) -> list[int]:
        random = self._random
        told: dict[str, Any] = {
            "number": number,
            "folder": str(folder),
            "database": database,
            "seed": random.randrange(2**32),
            "before": before,
            # A new day every few lives; forwards only, steps back are a stage of their own.
            "shift_ms": number * DAY_MS // 3,
        }
        fault = "none"
        if scripts is None:
            target = "ops.80.migration_statement" if number <= 2 else self._draw()
            if target.startswith("ops.80") and number > 2:
                target = "random"  # the schema is there
            fault = self._aim(told, target)
        else:
            told["scripts"] = scripts
        ended = self._home.raise_one(**told)
        self._judge(folder, number, told, ended, fault)
        finished = any(line["t"] == "end" for line in Lines(folder / f"life-{number:06}.jsonl").read())
        return [number] if finished else [*before, number]

    def _aim(self, told: dict[str, Any], target: str) -> str:
        random = self._random
        others = random.sample(WORK, 2)
        if target == "random":
            told["scripts"], told["kill_ms"] = [*random.sample(WORK, 4), *others], random.uniform(0, 40)
            return "SIGKILL at random"
        script, most = TARGETS[target]
        if target.startswith("ops.80"):
            most = sum(len(list(split_script(file.read_text("utf-8")))) for file in steps())
        told["scripts"] = ["buy", "tell"] if script == "tell" else [script, *others]
        if script == "restore":
            told["scripts"] = [*others, script]  # what came after its back-up would be gone, as it must
        fails = target.startswith(MAY_FAIL) and random.random() < 0.2
        what = f"raise:{random.choice(ERRORS)}" if fails else "kill"
        count = 1 if target in self._missed else random.randint(1, most)
        told["plan"] = f"{target}={what}@{count}"
        return "error at a point" if fails else "SIGKILL at a point"

    def _judge(
        self, folder: Path, number: int, told: dict[str, Any], ended: dict[str, Any], fault: str
    ) -> None:
        status, plan = ended["status"], told.get("plan", "")
        if status == 0 and "=kill" in plan:
            # It was not passed so often: it must not be forgotten for that.
            self._missed.add(plan.partition("=")[0])
            self._deck.append(plan.partition("=")[0])
        killed = status == -9
        if killed or fault == "error at a point":
            self.tally.faults[fault] += 1
        if status not in (0, -9) and not plan.startswith("ops.80"):
            self.tally.found["drifted"].append(
                f"{folder.name} life {number} ended with {status}; see {folder}/log"
            )

    def _read(self, folder: Path) -> None:
        """Take what the lives on a ledger wrote."""
        tally = self.tally
        log = folder / "points.log"
        tally.points += Counter(log.read_text().split() if log.exists() else ())
        checked = False
        for file in sorted(folder.glob("life-*.jsonl")):
            for line in Lines(file).read():
                if line["t"] == "ready":
                    tally.recoveries_seconds.append(line["seconds"])
                elif line["t"] == "wrong":
                    tally.found["lost"] += line["lost"]
                    tally.found["drifted"] += line["problems"]
                elif line["t"] == "checked":
                    checked = True
                    tally.acknowledged += line["acknowledged"]
                    for kind in KINDS:
                        tally.found[kind] += line[kind]
        if not checked:
            tally.found["drifted"].append(f"{folder} could not be checked; see its log")
        if tally.sound:
            shutil.rmtree(folder)  # a full run would leave gigabytes behind


def sqlite_in(folder: Path) -> str:
    """Return the address of a ledger in a file."""
    return f"sqlite:///{folder}/data/quota.db"
