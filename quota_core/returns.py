"""
What goes back of a spend or of a hold, pure: as if that much less had been taken.

Units come back in the opposite order of their taking: overage first, then lots, then windows, of the last payer
before those of the first. They go into the windows and lots they came from, closed or expired meanwhile or not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from quota_core.parts import NO_WINDOW, Part


class OpenHold(NamedTuple):
    """Units of an account that are held, others' share included, by the entry that took them, until a moment."""

    entry: int
    metric: str
    units: int
    until_ms: int


class Back(NamedTuple):
    """What one payer gets back, in units, and into which pots."""

    units: int
    parts: tuple[Part, ...]


class _Taken(NamedTuple):
    """What an entry took: `counted` from every window, `beyond` of it over their limits, and from lots in order."""

    counted: int
    windows: tuple[str, ...]
    beyond: int
    charging: tuple[str, ...]
    lots: tuple[Part, ...]


def given_back(entries: Sequence[Sequence[Part]], units: int) -> list[Back]:
    """
    Share `units` (at most all) of what the entries of one operation took between those who paid.

    `entries` are their parts, in the order of the payers, and so is the answer.
    """
    taken = [_taken(parts) for parts in entries]
    left = units
    beyond: list[int] = []
    for one in reversed(taken):
        beyond.insert(0, min(left, one.beyond))
        left -= beyond[0]
    back: list[Back] = []
    for one, over in zip(reversed(taken), reversed(beyond), strict=True):
        lots: list[Part] = []
        for pot, delta in reversed(one.lots):
            into_lot = min(left, -delta)
            left -= into_lot
            if into_lot:
                lots.append((pot, into_lot))
        free = min(left, one.counted - one.beyond)
        left -= free
        back.insert(0, _back(one, over, free, lots))
    assert not left, "more goes back than was taken"
    return back


def _back(taken: _Taken, beyond: int, free: int, lots: Sequence[Part]) -> Back:
    counted = beyond + free
    parts: list[Part] = [(pot, -counted) for pot in taken.windows] if counted else []
    parts += lots
    if beyond:
        parts += [(pot, -beyond) for pot in taken.charging]
    return Back(counted + sum(units for _, units in lots), tuple(parts))


def _taken(parts: Iterable[Part]) -> _Taken:
    windows = {pot: delta for pot, delta in parts if pot[0] not in NO_WINDOW}
    charging = {pot: delta for pot, delta in parts if pot[0] == "+"}
    return _Taken(
        counted=max(windows.values(), default=0),
        windows=tuple(windows),
        beyond=max(charging.values(), default=0),
        charging=tuple(charging),
        lots=tuple((pot, delta) for pot, delta in parts if pot[0] == "#"),
    )
