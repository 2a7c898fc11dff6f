"""Units that moved between accounts, as the two entries of each say it; each must fit the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from quota_core import facts, witnesses
from quota_core.counted import LotCount
from quota_core.keys import derived_key
from quota_core.parts import FACT_MARK, Part
from quota_core.recounted_tellings import TellingsCount
from quota_core.shares import payer_key
from quota_core.statements import Row

_GIVING = frozenset(("#", FACT_MARK))
_TAKING = _GIVING | {"!", witnesses.ENDS_MARK}


class _Sent(NamedTuple):
    """What must be said where the units came: who gave them, of what, how many, when, and until when."""

    giver: int
    metric: int
    units: int
    at_ms: int
    ends_ms: int | None


class _Transfer:
    """The last transfer of an account: its key, how many entries it has, the last one with which units came."""

    def __init__(self, key: bytes) -> None:
        self.key = key
        self.number = 1
        self.arrival: int | None = None


class TransfersCount:
    """What left an account and has not come anywhere, by the account and the key of the entry that must follow."""

    def __init__(self, tellings: TellingsCount) -> None:
        self._tellings = tellings
        self._open: dict[tuple[int, bytes], tuple[int, _Sent]] = {}
        self._last: dict[int, _Transfer] = {}

    def count(self, row: Row, parts: Sequence[Part], lots: Mapping[int, LotCount]) -> Iterator[str]:
        """Count an entry of either side, before its parts are added up, and yield what is wrong with it."""
        entry, account, metric, units, at_ms, key = row[0], row[1], row[5], row[6], row[8], row[9]
        giver, taker = facts.fact_in(row[7], facts.FROM), facts.fact_in(row[7], facts.TO)
        if not {pot[:1] for pot, _ in parts} <= (_GIVING if giver is None else _TAKING):
            yield "moves units, and says more than that"
        if giver is not None:
            ends = next((delta for pot, delta in parts if pot[:1] == witnesses.ENDS_MARK), None)
            _, sent = self._open.pop((account, key), (0, None))
            if taker is not None or sent != _Sent(giver, metric, units, at_ms, ends):
                yield f"brings units that account {giver} did not give"
                return
            transfer = self._last[giver]
            self._tellings.arrive(row, giver, transfer.arrival)
            transfer.arrival = entry
            return
        if taker is None:
            yield "does not say where its units went"
            return
        last = self._last.get(account)
        if last is not None and key == derived_key(f"transfer{last.number}", last.key):
            last.number += 1
        else:
            self._last[account] = _Transfer(key)
        ends_of = {lots[int(pot[1:])].ends_ms for pot, _ in parts if pot[:1] == "#"}
        if len(ends_of) != 1:
            yield "moves units that end at several times, or none"
        sent = _Sent(account, metric, units, at_ms, next(iter(ends_of), None))
        self._open[taker, payer_key(account, key)] = (entry, sent)

    def unmet(self) -> Iterator[str]:
        """Yield what left an account and came nowhere, once all entries are counted."""
        for (taker, _), (entry, sent) in self._open.items():
            yield f"entry {entry}: {sent.units} units went to account {taker}, and no entry of it says so"
