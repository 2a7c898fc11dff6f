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
LEASE_MS = 400

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
    "consume.40.hold_placed": ("hold", 3),
    "consume.41.work_done": ("hold", 1),
    "consume.42.hold_settled": ("hold", 1),
    "consume.43.hold_expired": ("hold", 1),
    "write.46.late_balances": ("late", 1),
    "consume.44.decided": ("spend", 2),
    "consume.45.committed": ("spend", 2),
    "refund.50.report_kept": ("refund", 1),
    "refund.51.taken_back": ("refund", 1),
    "refund.52.debt_row": ("refund", 1),
    "day.60.window_opened": ("spend", 1),
    "admin.70.allowed": ("grant", 2),
    "admin.71.written": ("grant", 3),
    "admin.72.committed": ("grant", 3),
    "admin.73.moved": ("share", 2),
    "admin.74.move_committed": ("share", 2),
    "ops.80.migration_statement": ("nothing", 1),  # of all there are
    "ops.81.backup_begun": ("backup", 1),
    "ops.81.backup_ended": ("backup", 1),
    "ops.82.checkpoint": ("nothing", 1),
    "ops.83.restore_swap": ("restore", 1),
    "ops.83.restore_swapped": ("restore", 1),
    "ops.84.key_revoked": ("keys", 1),
}
# A point that is reached slowly, and where the time goes.
SLOWLY = {
    "write.08.balance_row": "write.07.entry_row",
    "webhook.10.before_commit": "webhook.05.begun",
    "admin.71.written": "write.07.entry_row",
}
# Inside transactions, where an error may arise from the database itself.
MAY_FAIL = (
    "refund.",
    "webhook.05",
    "webhook.06",
    "webhook.09",
    "webhook.10",
    "write.",
    "consume.44",
    "day.60",
    "admin.71",
    "admin.73",
)
ERRORS = ("OSError", "MemoryError", "RuntimeError")
WORK = ("spend", "grant", "buy", "tell", "hold", "late", "refund", "race", "share")


class Storm:
    """
    Lives on one ledger after the other, until enough faults struck.

    With several nurseries, as many lives at once are on one ledger, which must be on PostgreSQL.
    """

    def __init__(
        self,
        homes: Sequence[Nursery],
        folder: Path,
        seed: int,
        database: Callable[[Path], str],
        targets: Sequence[str] = tuple(TARGETS),
    ) -> None:
        self._homes = homes
        self._folder = folder
        self._random = Random(seed)
        self._database = database
        self._targets = targets
        self._deck: list[str] = []
        self._missed: set[str] = set()
        self._place = 0
        self.may_end_with: tuple[int, ...] = ()
        self.at_rest: Callable[[], None] = lambda: None
        self.tally = Tally()

    def run(self, lives: int, *, until_seconds: float = float("inf")) -> Tally:
        """Spend so many lives, on as many ledgers as that takes; end sooner at a moment of the monotonic clock."""
        while lives > 0 and time.monotonic() < until_seconds:
            self._place += 1
            count = min(lives, LIVES_OF_A_PLACE)
            self._ledger(self._folder / f"place-{self._place}", count, until_seconds)
            lives -= count
        return self.tally

    def run_until(self, struck: Callable[[Tally], bool], lives: int, *, most: int) -> Tally:
        """Spend `lives`, and then as many again as it takes until everything struck, `most` in all."""
        spent = 0
        while spent < most and not (spent and struck(self.tally)):
            self.run(lives)
            spent += lives
        return self.tally

    def _ledger(self, folder: Path, lives: int, until_seconds: float) -> None:
        folder.mkdir(parents=True)
        database = self._database(folder)
        before: list[int] = []
        number = 1
        while number <= lives and time.monotonic() < until_seconds:
            numbers = [number + place for place in range(len(self._homes))]
            before = self._round(folder, database, numbers, before)
            number += len(numbers)
        self.at_rest()
        # Once more, to ask again and deliver what is left, and to compare.
        self._round(folder, database, [number], before, at_rest=True)
        self._read(folder)

    def _draw(self, number: int) -> str:
        if number <= 2 and "ops.80.migration_statement" in self._targets:
            return "ops.80.migration_statement"
        if not self._targets:
            return "nothing"
        if not self._deck:
            self._deck = [*self._targets, *["random"] * (len(self._targets) // 4)]
            self._random.shuffle(self._deck)
        target = self._deck.pop()
        return "random" if target.startswith("ops.80") else target  # the schema is there

    def _round(
        self, folder: Path, database: str, numbers: list[int], before: list[int], *, at_rest: bool = False
    ) -> list[int]:
        """Raise one life for each number at once; return those whose requests may still be open."""
        births, faults = [], []
        for number in numbers:
            told: dict[str, Any] = {
                "number": number,
                "folder": str(folder),
                "database": database,
                "seed": self._random.randrange(2**32),
                "before": before,
                # A new day every few lives; forwards only, steps back are a stage of their own.
                "shift_ms": numbers[0] * DAY_MS // 3,
                "lease_ms": LEASE_MS,
                "scripts": ["check"],
            }
            faults.append("none" if at_rest else self._aim(told, self._draw(number)))
            births.append(told)
        for home, told in zip(self._homes, births, strict=False):
            home.begin(**told)
        for home, told, fault in zip(self._homes, births, faults, strict=False):
            self._judge(folder, told, home.ended(), fault)
        files = [Lines(folder / f"life-{number:06}.jsonl") for number in numbers]
        finished = all(any(line["t"] == "end" for line in file.read()) for file in files)
        return numbers if finished else [*before, *numbers]

    def _aim(self, told: dict[str, Any], target: str) -> str:
        random = self._random
        others = random.sample(WORK, 2)
        if target == "nothing":
            told["scripts"] = [*WORK, *WORK]
            return "none"
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
        if target in SLOWLY:
            # Whoever answers before the commit has time to do so.
            told["plan"] += f";{SLOWLY[target]}=sleep:30@{count}"
        return "error at a point" if fails else "SIGKILL at a point"

    def _judge(self, folder: Path, told: dict[str, Any], ended: dict[str, Any], fault: str) -> None:
        status, plan = ended["status"], told.get("plan", "")
        if status == 0 and "=kill" in plan:
            # It was not passed so often: it must not be forgotten for that.
            self._missed.add(plan.partition("=")[0])
            self._deck.insert(0, plan.partition("=")[0])
        if (status == -9 and fault != "none") or (
            fault == "error at a point" and self._failed(folder, told["number"])
        ):
            self.tally.faults[fault] += 1
        if status not in (0, -9, *self.may_end_with) and not plan.startswith("ops.80"):
            self.tally.found["drifted"].append(
                f"{folder.name} life {told['number']} ended with {status}; see {folder}/log"
            )

    def _failed(self, folder: Path, number: int) -> bool:
        return any(line["t"] == "failed" for line in Lines(folder / f"life-{number:06}.jsonl").read())

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
