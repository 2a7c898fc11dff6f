"""
The rules of the ledger, pure: states and an operation in, drafts of entries or a refusal out. No I/O.

A draft says by how much each pot changes; `applying` makes the change, and `verify` tells it from entries alone.

Pots, in the order in which a spend uses them:
    windows      every window of the plan on the metric counts at once      2026-11-20=3
    lots         soonest to expire first, then oldest first                 #12=-4
    overage      beyond the windows that charge, if the plan has any        +2026-11=2
and, beside them, debt                                                      !=5
and what other accounts paid of the same operation                          ^34=7
and, counted in windows of its own, what a member drew from a pool          %34/2026-11-20=7
Other parts say something beside the units: when a lot ends (@12=1763600000000), which service was called how often
(*rag=1), a digest that binds another row (&0f3a…=1, see `witnesses`), other facts (~blocked=1, see `facts`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from types import MappingProxyType
from typing import NamedTuple

from quota_core.accounts import AccountRef
from quota_core.parts import Part
from quota_core.periods import END_OF_TIME_MS, Period
from quota_core.plan_terms import PlanTerms
from quota_core.returns import OpenHold
from quota_core.witnesses import ENDS_MARK

MAX_COUNT = 2**62  # no counter grows beyond it, so that sums of two still fit the columns
NEVER_MS = END_OF_TIME_MS
_NOTHING = (0, 0)
# Most accounts have neither: all of these share one, which nobody can change.
_NO_LOTS: Mapping[str, list[Lot]] = MappingProxyType({})
_NO_DEBT: Mapping[str, int] = MappingProxyType({})


class EntryKind(IntEnum):
    """What an entry records. History shows kinds above GIVE_BACK, and of holds those that are open."""

    SPEND = 1
    GIVE_BACK = 2
    GRANT = 3
    REMOVE = 4
    PURCHASE = 5
    EXPIRE = 6
    PLAN = 7
    HOLD = 8
    SETTLE = 9
    RELEASE = 10
    SET = 11
    STATUS = 12
    PARENT = 13
    FREEZE = 14
    UNFREEZE = 15
    TAKE_BACK = 16
    RESTORE = 17
    CORRECT = 18
    TRANSFER = 19
    ERASE = 20


@dataclass(slots=True, kw_only=True)
class Lot:
    """What one grant or purchase brought, and how much of it is left to spend, in units."""

    id: int
    source: str
    left: int
    expires_ms: int = NEVER_MS
    frozen: bool = False


@dataclass(slots=True, kw_only=True)
class AccountState:
    """
    All that the rules need to know of an account.

    `used` maps windows (requests/2026-11-20) to units used and how many of them were overage; a window that is not
    in it was not read yet. `closed` names those of them that ended and can leave it. `lots` holds, by metric, the
    lots with something left, `holds` what is held for it, and a `parent` pays for it.
    """

    id: int
    ref: AccountRef
    plan: str | None
    plan_until_ms: int | None
    blocked: bool
    locale: str | None
    created_ms: int
    version: int
    head: int
    digest: bytes
    used: dict[str, tuple[int, int]] = field(default_factory=dict)
    lots: Mapping[str, list[Lot]] = field(default_factory=lambda: _NO_LOTS)
    debt: Mapping[str, int] = field(default_factory=lambda: _NO_DEBT)
    closed: frozenset[str] = frozenset()
    plan_since_ms: int | None = None
    next_plan: str | None = None
    next_until_ms: int | None = None
    holds: tuple[OpenHold, ...] = ()
    parent: AccountRef | None = None

    def add_lots(self, metric: str, lots: Iterable[Lot]) -> None:
        """Put lots beside those that are here."""
        self.lots = {**self.lots, metric: [*self.lots.get(metric, ()), *lots]}

    def plan_at(self, now_ms: int) -> str | None:
        """Return the plan in force; None means the catalog's default."""
        if self.plan_until_ms is None or now_ms < self.plan_until_ms:
            return self.plan
        return self.plan_terms.plan_at(now_ms)

    @property
    def plan_terms(self) -> PlanTerms:
        """The plan with its end, and what follows."""
        return PlanTerms(
            self.plan, self.plan_until_ms, self.plan_since_ms, self.next_plan, self.next_until_ms
        )


class Window(NamedTuple):
    """
    One window of a plan's allowance at a moment; `limit` None is unlimited, `cap` 0 blocks beyond it.

    `pot` names it in parts (2026-11-20), `place` among all metrics (requests/2026-11-20). No threshold of
    `percents` is crossed before `first_mark` units are used; `rolled` of the limit were left in `before`.
    """

    place: str
    pot: str
    kind: str
    period: Period
    limit: int | None
    cap: int | None
    percents: tuple[int, ...]
    first_mark: int
    rolled: int = 0
    before: str | None = None


class Payer(NamedTuple):
    """
    Who pays, with its plan's windows on the metric.

    Of a pool, `most` is what the first payer may still draw (None: no cap), `drawn` are the pots that count it at
    the first payer, and `early` pools pay before the first payer's own pots.
    """

    state: AccountState
    windows: tuple[Window, ...]
    most: int | None = None
    drawn: tuple[str, ...] = ()
    early: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An entry to be: who, how many units, which pots."""

    state: AccountState
    kind: EntryKind
    metric: str
    units: int
    parts: tuple[Part, ...]


class Shortage(NamedTuple):
    """A refusal: what all payers could still spend, in units."""

    units_left: int


def known(state: AccountState, windows: Iterable[Window]) -> bool:
    """Tell whether the account knows what these windows have used, and those that they roll over from."""
    used = state.used
    return all(w.place in used and (w.before is None or w.before in used) for w in windows)


def spendable(lots: Iterable[Lot], now_ms: int) -> list[Lot]:
    """
    Return the lots that can be spent, in the order in which they are.

    A lot past its end is passed over and keeps its rest: booking the end would make a clock that was ahead for a
    moment cost people their units.
    """
    ready = [lot for lot in lots if lot.left and not lot.frozen and lot.expires_ms > now_ms]
    ready.sort(key=lambda lot: (lot.expires_ms, lot.id))
    return ready


def allowance_left(payer: Payer) -> int | None:
    """Return what the windows still give away, None when they are all unlimited; 0 without any window."""
    left: int | None = None
    for window in payer.windows:
        if window.limit is not None:
            used, overage = payer.state.used.get(window.place, _NOTHING)
            free = max(0, window.limit - used + overage)
            left = free if left is None else min(left, free)
    return left if payer.windows else 0


def overage_left(payer: Payer, taken: int) -> int | None:
    """Return how far beyond its limits the payer may go after `taken` units more; None: without end."""
    left: int | None = None
    charges = False
    for window in payer.windows:
        used, overage = payer.state.used.get(window.place, _NOTHING)
        if window.limit is None:
            continue
        if window.cap == 0:
            room = max(0, window.limit - used + overage - taken)
        else:
            charges = True
            if window.cap is None:
                continue
            room = max(0, window.cap - overage)
        left = room if left is None else min(left, room)
    return left if charges else 0


def spend(
    payers: Sequence[Payer], metric: str, units: int, now_ms: int, calls: tuple[Part, ...] = ()
) -> list[Draft] | Shortage:
    """
    Share `units` (at least 1) between the pots of the payers, in their order: whole, or refused.

    Overage comes after every payer's pots. The first payer always gets a draft, which names what the others
    paid; of these, accounts that give nothing get none. `calls` says which service it is for: `*rag=1`.
    """
    wanted = units
    shares: list[tuple[Payer, int, list[Part]]] = []
    for payer in sorted(payers, key=lambda one: not one.early):
        asked = wanted if payer.most is None else min(wanted, payer.most)
        free = allowance_left(payer)
        taken = asked if free is None else min(asked, free)
        parts = _from_lots(payer, metric, asked - taken, now_ms)
        wanted -= taken - sum(delta for _, delta in parts)
        shares.append((payer, taken, parts))
        if not wanted:
            break
    first = _share(payers[0], metric, 0, 0, calls)
    others: list[tuple[Payer, Draft]] = []
    for payer, taken, parts in shares:
        room = overage_left(payer, taken) if wanted else 0
        beyond = wanted if room is None else min(wanted, room)
        if payer.most is not None:
            beyond = min(beyond, payer.most - taken + sum(delta for _, delta in parts))
        wanted -= beyond
        if any(_used(payer.state, w) + taken + beyond > MAX_COUNT for w in payer.windows):
            return Shortage(units - wanted - taken - beyond)
        draft = _share(payer, metric, taken, beyond, (*parts, *calls))
        if payer is payers[0]:
            first = draft
        elif draft.units:
            others.append((payer, draft))
    if wanted:
        return Shortage(units - wanted)
    paid = [(f"^{draft.state.id}", draft.units) for _, draft in others]
    drawn = [(pot, draft.units) for payer, draft in others for pot in payer.drawn]
    return [replace(first, parts=(*first.parts, *paid, *drawn)), *(draft for _, draft in others)]


def _from_lots(payer: Payer, metric: str, wanted: int, now_ms: int) -> list[Part]:
    parts: list[Part] = []
    if wanted:
        for lot in spendable(payer.state.lots.get(metric, ()), now_ms):
            from_lot = min(wanted, lot.left)
            parts.append((f"#{lot.id}", -from_lot))
            wanted -= from_lot
            if not wanted:
                break
    return parts


def _share(payer: Payer, metric: str, taken: int, beyond: int, others: Sequence[Part]) -> Draft:
    counted = taken + beyond
    parts: list[Part] = [(w.period.key, counted) for w in payer.windows] if counted else []
    if beyond:
        parts += [(f"+{w.period.key}", beyond) for w in payer.windows if w.limit is not None and w.cap != 0]
    parts += others
    units = counted - sum(delta for pot, delta in others if pot[0] == "#")
    return Draft(state=payer.state, kind=EntryKind.SPEND, metric=metric, units=units, parts=tuple(parts))


def _used(state: AccountState, window: Window) -> int:
    return state.used.get(window.place, _NOTHING)[0]


def bring(state: AccountState, kind: EntryKind, metric: str, units: int, lot_id: int) -> Draft:
    """Add a lot of `units`; what the account owes is paid from it first."""
    owed = min(units, state.debt.get(metric, 0))
    parts: tuple[Part, ...] = ((f"#{lot_id}", units - owed),)
    if owed:
        parts += (("!", -owed),)
    ends = [lot.expires_ms for lot in state.lots.get(metric, ()) if lot.id == lot_id]
    parts += tuple((f"{ENDS_MARK}{lot_id}", end_ms) for end_ms in ends if end_ms != NEVER_MS)
    return Draft(state=state, kind=kind, metric=metric, units=units, parts=parts)
