"""What a verification found, and how fast it may go."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

MAX_PROBLEMS = 20
STEP_SECONDS = 0.010
"""How long a step holds the database; others wait that long. A slow disk may double it."""
FIRST_ROWS, MAX_ROWS = 256, 8_192


@dataclass(slots=True)
class Verdict:
    """
    What was checked and what is wrong; the first problems come first, and no more than twenty are kept.

    `holdings` says for each metric what became of the units in lots: see `Recount.holdings`.
    """

    entries: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)
    holdings: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def note(self, problems: Iterable[str]) -> None:
        """Keep problems, as long as there is room."""
        for problem in problems:
            if len(self.problems) >= MAX_PROBLEMS:
                return
            self.problems.append(problem)

    def count(self, table: str, rows: int) -> None:
        """Count rows that were looked at."""
        self.rows[table] = self.rows.get(table, 0) + rows


class Pace:
    """How many rows the next step takes, so that it lasts as long as it may."""

    def __init__(self) -> None:
        self.rows = min(FIRST_ROWS, MAX_ROWS)

    def lasted(self, seconds: float) -> None:
        """Learn how long a step of `rows` took."""
        wanted = self.rows * STEP_SECONDS / max(seconds, 1e-6)
        self.rows = max(1, min(MAX_ROWS, int(min(wanted, self.rows * 2))))


class Stopwatch:
    """Tells a pace how long the block lasted; inside a work it counts the time that the database was held."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._started_seconds = 0.0

    def __enter__(self) -> None:
        self._started_seconds = time.perf_counter()

    def __exit__(self, *exc_info: object) -> None:
        self._pace.lasted(time.perf_counter() - self._started_seconds)
