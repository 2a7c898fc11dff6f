"""A disk that is full, fails, forgets what was not synced, or gives back other bytes than it was given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from chaos.disk import Disk, cut, library
from chaos.outside import Lines
from chaos.raising import PROJECT, Nursery, nursery
from chaos.storm import TARGETS, Storm, sqlite_in
from chaos.tally import Tally

WORK = ["spend", "grant", "buy", "tell", "spend"]
CALLS = {
    "disk full once": ("write", False, True),
    "disk full until there is room": ("write", True, True),
    "I/O error on a write": ("write", False, False),
    "I/O error on all writes": ("write", True, False),
    "I/O error on a sync": ("sync", False, False),
    "I/O error on all syncs": ("sync", True, False),
    "I/O error on a read": ("read", False, False),
    "I/O error on a truncation": ("truncate", False, False),
}
AT_THE_START = ("I/O error on a write", "I/O error on a read", "I/O error on a sync")
POWER = "power cut"
SMALL = "file size limit"
FAULTS = (*CALLS, POWER, SMALL)
EXIT_TRY_AGAIN = 75


class FailingDisk(Storm):
    """Lives on a disk that fails in all ways, one after the other."""

    def __init__(self, home: Nursery, folder: Path, seed: int, disk: Disk) -> None:
        super().__init__([home], folder, seed, sqlite_in, ())
        self._disk = disk
        self._kinds: list[str] = []
        # A disk that fails while the ledger is opened is a reason not to start, which says so.
        self.may_end_with = (EXIT_TRY_AGAIN,)
        self.at_rest = lambda: None

    def _draw(self, number: int) -> str:
        del number
        if not self._kinds:
            self._kinds = [*CALLS, SMALL, *[POWER] * len(CALLS)]
            self._random.shuffle(self._kinds)
        return self._kinds.pop()

    def _aim(self, told: dict[str, Any], target: str) -> str:
        random = self._random
        told["scripts"] = WORK
        if target == POWER:
            told["power"] = True
            point = random.choice([name for name, (script, _) in TARGETS.items() if script in WORK])
            if random.random() < 0.5:
                told["plan"] = f"{point}=kill@{random.randint(1, 2)}"
            else:
                told["kill_ms"] = random.uniform(0, 60)
            return POWER
        if target == SMALL:
            told["scripts"] = ["spend", "small", "spend"]
            return SMALL
        call, sticky, full = CALLS[target]
        told["disk"] = {"call": call, "sticky": sticky, "full": full, "at": random.randint(1, 12)}
        if call in ("read", "truncate"):
            told["disk"]["at"] = 1  # a ledger whose states are in memory reads little, and is cut off once
        told["early"] = target in AT_THE_START and random.random() < 0.5
        return target

    def _judge(self, folder: Path, told: dict[str, Any], ended: dict[str, Any], fault: str) -> None:
        super()._judge(folder, told | {"plan": ""}, ended, "none")
        if fault == POWER and ended["status"] == -9:
            self.tally.faults[POWER] += 1
            self.forgotten += cut(self._disk, self._random)
        struck = self._disk.heal()
        lines = Lines(folder / f"life-{told['number']:06}.jsonl").read()
        struck += sum(line["struck"] for line in lines if line["t"] in ("disk", "limited"))
        if fault not in ("none", POWER):
            self.tally.faults[fault] += bool(struck)

    forgotten = 0


def failing_disk(folder: Path, seed: int, lives: int) -> Tally:
    """
    Spend lives on a disk that fails on demand.

    Raises:
        NoCompilerError: it cannot be built here.

    """
    folder.mkdir(parents=True, exist_ok=True)
    shim = library(folder)
    disk = Disk(folder / "disk")
    with nursery(PROJECT, LD_PRELOAD=str(shim), JAUGE_DISK=str(disk.path)) as home:
        storm = FailingDisk(home, folder, seed, disk)
        tally = storm.run_until(lambda found: not found.missing(FAULTS), lives, most=12 * lives)
    tally.figures["writes that power cuts forgot"] = f"{storm.forgotten:,}"
    return tally
