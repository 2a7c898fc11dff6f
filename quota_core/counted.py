"""What a recount remembers of entries, to hold rows of other tables against."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class LotCount:
    """What entries say of a lot, in units; `ends_ms` None: never."""

    account: int
    metric: int
    kind: int
    units: int
    brought_by: int
    created_ms: int
    ends_ms: int | None = None
    left: int = 0
    taken: int = 0
    expired: int = 0
    reversed: int = 0
    reversed_lot: int = 0
    debt_paid: int = 0
    frozen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """An entry that brought units, or that was made by hand: what other rows must agree with."""

    entry: int
    account: int
    metric: int
    kind: int
    units: int
    at_ms: int
    key: bytes
    allowance_left: int | None
    purchased_left: int
    lot: int
    into_lot: int
    action: str
    witness: str
