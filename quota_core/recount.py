"""
The state that the entries alone amount to: the independent count that proofs compare the rows with.

It shares no arithmetic with the rules in `ledger`: it only adds up what entries say of each pot.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from quota_core.chain import GENESIS, Entry, digest_of
from quota_core.ledger import EntryKind, parts_of

_BRINGS = (EntryKind.GRANT, EntryKind.PURCHASE)


@dataclass(slots=True)
class Chain:
    """Where an account's chain stands, and the plan it was last put on."""

    version: int = 0
    head: int = 0
    digest: bytes = GENESIS
    plan: str | None = None
    plan_until_ms: int | None = None


@dataclass(slots=True)
class LotCount:
    """What entries say of a lot, in units."""

    account: int
    metric: int
    kind: int
    units: int
    left: int = 0
    taken: int = 0
    expired: int = 0


@dataclass(slots=True)
class Recount:
    """Feed it every entry in order; then compare."""

    last_id: int = 0
    entries: int = 0
    chains: dict[int, Chain] = field(default_factory=dict)
    windows: dict[tuple[int, int, str], list[int]] = field(default_factory=dict)
    lots: dict[int, LotCount] = field(default_factory=dict)
    debts: dict[tuple[int, int], int] = field(default_factory=dict)
    purchases: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    by_hand: set[int] = field(default_factory=set)
    spent: dict[int, int] = field(default_factory=dict)

    def feed(self, entries: Iterable[Entry]) -> Iterator[str]:
        """Count entries and yield what is wrong with each."""
        for entry in entries:
            chain = self.chains.setdefault(entry.account, Chain())
            if entry.version != chain.version + 1 or entry.prev != chain.head:
                yield f"entry {entry.id}: does not follow entry {chain.head} of account {entry.account}"
            if entry.digest != digest_of(entry, chain.digest):
                yield f"entry {entry.id}: its digest does not fit what it says"
            chain.version, chain.head, chain.digest = entry.version, entry.id, entry.digest
            yield from self._count(entry, chain)
            self.last_id = entry.id
            self.entries += 1

    def _count(self, entry: Entry, chain: Chain) -> Iterator[str]:
        if entry.kind == EntryKind.PLAN:
            plans, _, until_ms = entry.parts.rpartition("=")
            chain.plan, chain.plan_until_ms = plans.partition(">")[2], int(until_ms) or None
            self.by_hand.add(entry.id)
            return
        if entry.kind in (EntryKind.GRANT, EntryKind.REMOVE):
            self.by_hand.add(entry.id)
        if entry.kind == EntryKind.PURCHASE:
            self.purchases[entry.id] = (entry.account, entry.metric, entry.units)
        counted = 0
        for pot, delta in parts_of(entry.parts):
            if pot[0] == "#":
                yield from self._count_lot(entry, int(pot[1:]), delta)
            elif pot[0] == "^":
                pass  # another account's share, which has its own entry
            elif pot[0] == "!":
                owed = self.debts[entry.account, entry.metric] = (
                    self.debts.get((entry.account, entry.metric), 0) + delta
                )
                if owed < 0:
                    yield f"entry {entry.id}: pays more debt than there is"
            else:
                window = self.windows.setdefault((entry.account, entry.metric, pot.lstrip("+")), [0, 0])
                place = 1 if pot[0] == "+" else 0
                window[place] += delta
                counted = max(counted, abs(delta)) if place == 0 else counted
                if window[place] < 0:
                    yield f"entry {entry.id}: gives back more than window {pot} had used"
        yield from self._check_units(entry, counted)

    def _count_lot(self, entry: Entry, lot_id: int, delta: int) -> Iterator[str]:
        lot = self.lots.get(lot_id)
        if lot is None:
            if entry.kind not in _BRINGS:
                yield f"entry {entry.id}: spends lot {lot_id}, which nothing brought"
            lot = LotCount(entry.account, entry.metric, entry.kind, entry.units)
            lot.taken = entry.units - delta
            self.lots[lot_id] = lot
        if (lot.account, lot.metric) != (entry.account, entry.metric):
            yield f"entry {entry.id}: touches lot {lot_id} of another account or metric"
        lot.left += delta
        if entry.kind == EntryKind.REMOVE:
            lot.taken -= delta
        elif entry.kind == EntryKind.EXPIRE:
            lot.expired -= delta
        if lot.left < 0 or lot.left + lot.taken + lot.expired > lot.units:
            yield f"entry {entry.id}: leaves lot {lot_id} with {lot.left} of {lot.units} units"

    def _check_units(self, entry: Entry, counted: int) -> Iterator[str]:
        if entry.kind in (EntryKind.SPEND, EntryKind.GIVE_BACK, EntryKind.REMOVE, EntryKind.EXPIRE):
            lots = sum(abs(delta) for pot, delta in parts_of(entry.parts) if pot[0] == "#")
            if counted + lots != entry.units:
                yield f"entry {entry.id}: its parts add up to {counted + lots}, not {entry.units}"
        if entry.kind in (EntryKind.SPEND, EntryKind.GIVE_BACK):
            sign = 1 if entry.kind == EntryKind.SPEND else -1
            self.spent[entry.metric] = self.spent.get(entry.metric, 0) + sign * (entry.units - counted)

    def conservation(self) -> Iterator[str]:
        """Check, for each metric, that units brought - spent - expired - taken back are the units in lots."""
        for metric in {lot.metric for lot in self.lots.values()}:
            lots = [lot for lot in self.lots.values() if lot.metric == metric]
            brought = sum(lot.units for lot in lots)
            gone = sum(lot.expired + lot.taken for lot in lots) + self.spent.get(metric, 0)
            left = sum(lot.left for lot in lots)
            if brought - gone != left:
                yield f"metric {metric}: {brought} units came, {gone} went, but {left} are left"
