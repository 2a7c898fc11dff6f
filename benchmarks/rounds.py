"""Rounds that take turns, so that a machine that is slow for a while is slow for everyone, and what they show."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

Measure = Callable[[int], Awaitable[float]]
"""Measures one contestant in the round of that number (0 is the warm-up), and returns what it reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """
    What a contestant reached against its baseline.

    Attributes:
        ratio: the median of the ratios of the rounds.
        low, high: the smallest and the largest of them.
        ours, theirs: the medians of both sides.

    """

    ratio: float
    low: float
    high: float
    ours: float
    theirs: float
    rounds: int

    def told(self, unit: str, digits: int = 0) -> str:
        """Return the comparison in words; `unit` is that of the measured values."""
        return (
            f"{self.ours:,.{digits}f} against {self.theirs:,.{digits}f} {unit}; "
            f"{self.rounds} rounds from {self.low:.2f} to {self.high:.2f}"
        )


async def take_turns(contestants: Mapping[str, Measure], *, rounds: int) -> dict[str, list[float]]:
    """
    Measure every contestant once a round, in their order, and return what each reached, by name.

    One more round goes before, to warm up, and is not counted. Before each measurement the garbage of the others is
    collected, so that nobody pays for it.
    """
    assert rounds > 0
    reached: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(rounds + 1):
        for name, measure in contestants.items():
            gc.collect()
            value = await measure(number)
            if number:
                reached[name].append(value)
    return reached


def compare(ours: Sequence[float], theirs: Sequence[float]) -> Compared:
    """Return the median of the ratios of rounds that belong together, and their spread."""
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    return Compared(
        ratio=median(ratios),
        low=min(ratios),
        high=max(ratios),
        ours=median(ours),
        theirs=median(theirs),
        rounds=len(ratios),
    )


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest of the values that at least `percent` of them do not exceed."""
    assert values
    assert 0 < percent <= 100  # noqa: PLR2004 - percent
    ordered = sorted(values)
    # Rounded up: 99 % of 150 values are 149 of them.
    return ordered[-int(-len(ordered) * percent // 100) - 1]
