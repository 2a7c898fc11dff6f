"""What a stage did and what it found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from chaos.checker import KINDS


@dataclass(slots=True)
class Tally:
    """What a stage did and found."""

    faults: Counter[str] = field(default_factory=Counter)
    points: Counter[str] = field(default_factory=Counter)
    found: dict[str, list[str]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    acknowledged: int = 0
    recoveries_seconds: list[float] = field(default_factory=list)
    restarts_seconds: list[float] = field(default_factory=list)
    figures: dict[str, str] = field(default_factory=dict)
    skipped: set[str] = field(default_factory=set)

    def add(self, other: Tally) -> None:
        """Take what another stage did."""
        self.faults += other.faults
        self.points += other.points
        self.acknowledged += other.acknowledged
        self.recoveries_seconds += other.recoveries_seconds
        self.restarts_seconds += other.restarts_seconds
        self.figures |= other.figures
        self.skipped |= other.skipped
        for kind, texts in other.found.items():
            self.found[kind] += texts

    def missing(self, faults: Iterable[str]) -> list[str]:
        """Return the faults of a stage that never struck, but for those that cannot strike here."""
        return [fault for fault in faults if not self.faults[fault] and fault not in self.skipped]

    @property
    def sound(self) -> bool:
        """Whether nothing was lost, doubled, drifted, negative or untold."""
        return not any(self.found.values())
