"""
What an entry says: `2026-11-20=3 #12=-4 *rag=1`; `ledger` says what each part means.

This text is what stands under the chain, in exports and in signed statements. In its row, a spend that one window
of a day covers whole says the same in one character, since its units and its time are beside it: nearly every entry
is such a one, and would be a seventh larger. Every other text has a `=` in it, so that nobody can mistake one for
the other, and rows from before are read as they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import lru_cache

Part = tuple[str, int]

SERVICE_MARK = "*"
FACT_MARK = "~"
DRAWN_MARK = "%"
NO_WINDOW = frozenset("#!+^@&*~%")
"""How parts begin that name no window: a window begins with a digit or a letter."""
DAY_MS = 86_400_000
_EPOCH = date(1970, 1, 1).toordinal()
_DAYS = {"0": 0, "+": 1, "-": -1}
"""Which day a row of one character means: that of its time in UTC, the one after (east of it), the one before."""


def parts_text(parts: Iterable[Part]) -> str:
    """Return the stored form of parts."""
    return " ".join([f"{pot}={delta}" for pot, delta in parts])


def parts_of(text: str) -> list[Part]:
    """Return the parts that were stored."""
    return [(pot, int(delta)) for pot, _, delta in (part.rpartition("=") for part in text.split())]


@lru_cache(maxsize=4096)
def folded(parts: str, units: int, day: int) -> str:
    """Return what a row keeps of the parts of a spend; `day` is its time in whole days of UTC since 1970."""
    return next((mark for mark in _DAYS if _day_text(mark, units, day) == parts), parts)


def unfolded(kept: str, units: int, at_ms: int) -> str:
    """Return the parts that a row keeps."""
    return _day_text(kept, units, at_ms // DAY_MS) if kept in _DAYS else kept


@lru_cache(maxsize=4096)
def _day_text(mark: str, units: int, day: int) -> str:
    try:
        return f"{date.fromordinal(_EPOCH + day + _DAYS[mark]).isoformat()}={units}"
    except (ValueError, OverflowError):
        return mark  # of a time that no calendar has: somebody altered the row
