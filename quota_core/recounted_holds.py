"""What is held, as entries alone tell it; what has ended is forgotten, so that only what is open takes memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from quota_core import facts
from quota_core.parts import Part
from quota_core.statements import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldSaid:
    """
    What an entry of an open hold says: `own` units are its account's, `units` are those of all who paid.

    `until_ms` None: it is another payer's, and the hold is told by the first one's.
    """

    account: int
    metric: int
    key: bytes
    own: int
    units: int
    until_ms: int | None


class HoldsCount:
    """Open holds, by the entry that placed them."""

    def __init__(self) -> None:
        self.open: dict[int, HoldSaid] = {}

    def begin(self, row: Row, parts: Sequence[Part]) -> None:
        """Count an entry that holds."""
        self.open[row[0]] = HoldSaid(
            account=row[1],
            metric=row[5],
            key=row[9],
            own=row[6],
            units=row[6] + sum(share for pot, share in parts if pot[:1] == "^"),
            until_ms=facts.fact_in(row[7], facts.UNTIL),
        )

    def end(self, row: Row, parts: Sequence[Part]) -> list[str]:
        """Count an entry that ends a hold, and return what is wrong with it."""
        entry, account, metric, units = row[0], row[1], row[5], row[6]
        hold_entry, used = facts.hold_end_in(" ".join(f"{pot}={n}" for pot, n in parts))
        hold = self.open.pop(hold_entry, None)
        if hold is None or (hold.account, hold.metric) != (account, metric):
            return [f"entry {entry}: ends the hold of entry {hold_entry}, which is not open"]
        if used < 0 or used + units != hold.own:
            return [f"entry {entry}: of {hold.own} units held, {used} used and {units} given back"]
        return []

    def rows(self) -> dict[int, HoldSaid]:
        """Return the open holds that must have a row, by entry."""
        return {entry: hold for entry, hold in self.open.items() if hold.until_ms is not None}
