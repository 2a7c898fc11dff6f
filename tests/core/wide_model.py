"""
The plain model, wider: what is carried over, levels, parents, pools with caps, refunds and disputes.

As `plain_model`, it shares no code with `quota_core`, and takes and gives one unit at a time.
"""

from dataclasses import dataclass, field, replace

from tests.core.plain_model import (
    REQUESTS,
    Limit,
    PlainAccount,
    PlainLedger,
    PlainLot,
    PlainSpend,
    window_of,
)

DAY_MS = 86_400_000
CARRIED = {"free": 4}
LEVELS = {"free": 5, "pro": 20}
COSTS = {"search": 3, "chat": 1}


@dataclass
class WideLot(PlainLot):
    """A lot, with what refunds took of it: `reversed` units, of which `from_lot` were still there."""

    frozen: bool = False
    reversed: int = 0
    from_lot: int = 0
    paid_debt: int = 0


@dataclass
class WideAccount(PlainAccount):
    """An account that may have a parent; `drawn` counts what it drew from pools, by (metric, window)."""

    parent: str | None = None
    since_ms: int = 0
    level: int = 0
    drawn: dict[tuple[str, str], int] = field(default_factory=dict)

    def windows(self, metric: str, now_ms: int) -> list[tuple[Limit, str]]:
        """Return the windows in force, with what the day before left of its own limit; the parent's are its own."""
        if self.parent is not None:
            return []
        found = super().windows(metric, now_ms)
        carried = CARRIED.get(self.plan_at(now_ms), 0)
        midnight_ms = now_ms - now_ms % DAY_MS
        if metric != REQUESTS or not carried or self.since_ms >= midnight_ms:
            return found
        ((limit, key),) = found
        assert limit.units is not None
        yesterday = window_of("day", midnight_ms - 1)[0]
        left = limit.units - self.used.get((metric, yesterday), 0)
        return [(replace(limit, units=limit.units + min(carried, max(0, left))), key)]

    def spendable(self, metric: str, now_ms: int) -> list[PlainLot]:
        """Return the lots that can be spent; none that is on hold."""
        return [
            lot for lot in super().spendable(metric, now_ms) if not (isinstance(lot, WideLot) and lot.frozen)
        ]


@dataclass(frozen=True)
class PlainDraw:
    """A draw from a pool, first or last, with caps by window; None counts and does not bound."""

    pool: str
    first: bool
    caps: tuple[tuple[str, int | None], ...]

    def keys(self, now_ms: int) -> list[tuple[str, int | None]]:
        """Return the windows that count what is drawn, with their caps."""
        return [(window_of(kind, now_ms)[0], cap) for kind, cap in self.caps]


@dataclass
class PlainOrder:
    """A purchase and all that was reported of its payment."""

    name: str
    price: int
    units: int
    lot: int | None = None
    refunds: dict[str, tuple[int, bool]] = field(default_factory=dict)
    moved: str | None = None
    disputed: bool = False

    def returned(self) -> int:
        """Return how much of the price went back."""
        sums = sum(amount for amount, failed in self.refunds.values() if not failed)
        gone = self.price if self.moved in ("WITHDRAWN", "LOST") else 0
        return min(self.price, sums + gone)


class WideLedger(PlainLedger):
    """All accounts, opened at one moment."""

    def __init__(self, now_ms: int) -> None:
        super().__init__()
        self.now_ms = now_ms
        self.draw: PlainDraw | None = None

    def account(self, name: str) -> WideAccount:
        """Return an account."""
        found = self.accounts.setdefault(name, WideAccount(since_ms=self.now_ms))
        assert isinstance(found, WideAccount)
        return found

    def payers(self, names: list[str]) -> list[str]:
        """Return who pays: each, and behind it its parent; nobody twice."""
        found: list[str] = []
        for name in names:
            for one in (name, self.account(name).parent):
                if one is not None and one not in found:
                    found.append(one)
        return found

    def spend_from(
        self, names: list[str], metric: str, units: int, now_ms: int, draw: PlainDraw | None
    ) -> PlainSpend | None:
        """Spend whole or nothing, drawing from a pool within its caps."""
        member = self.account(names[0])
        before = dict(member.drawn)
        self.draw = draw
        try:
            taken = self.spend(self.payers(names), metric, units, now_ms)
        finally:
            self.draw = None
        if taken is None:
            self.account(names[0]).drawn = before
        return taken

    def _take(self, names: list[str], metric: str, now_ms: int) -> tuple[str, object] | None:
        draw, member = self.draw, self.account(names[0])
        if draw is None:
            return super()._take(names, metric, now_ms)
        counted = [(f"{metric}/{key}", cap) for key, cap in draw.keys(now_ms)]
        order = sorted(names, key=lambda name: name == draw.pool, reverse=draw.first)
        for name in order:
            if name == draw.pool and any(
                cap is not None and member.drawn.get((draw.pool, key), 0) >= cap for key, cap in counted
            ):
                continue
            pot = self.account(name).take_one(metric, now_ms)
            if pot is None:
                continue
            if name == draw.pool:
                for key, _ in counted:
                    place = (draw.pool, key)
                    member.drawn[place] = member.drawn.get(place, 0) + 1
            return name, pot
        return None

    def undo(self, names: list[str], spend: PlainSpend, draw: PlainDraw | None, at_ms: int) -> None:
        """Give a spend back, also to what was drawn in the windows in which it was."""
        for name in spend.by_account:
            self.give_back(name, spend)
        if draw is not None and draw.pool in spend.by_account:
            for key, _ in draw.keys(at_ms):
                place = (draw.pool, f"{spend.metric}/{key}")
                self.account(names[0]).drawn[place] -= spend.by_account[draw.pool]

    def buy(self, order: PlainOrder) -> None:
        """Bring what was paid for; what is owed is paid first, and what was reported before counts at once."""
        account = self.account(order.name)
        owed = min(order.units, account.debt.get(REQUESTS, 0))
        account.debt[REQUESTS] = account.debt.get(REQUESTS, 0) - owed
        self.lots_made += 1
        order.lot = self.lots_made
        lot = WideLot(
            self.lots_made,
            REQUESTS,
            "purchase",
            order.units,
            order.units - owed,
            taken=owed,
            paid_debt=owed,
        )
        account.lots.append(lot)
        self.follow_reports(order)

    def give(self, name: str, metric: str, units: int) -> None:
        """Bring a gift, of which debts are paid first, too."""
        account = self.account(name)
        owed = min(units, account.debt.get(metric, 0))
        account.debt[metric] = account.debt.get(metric, 0) - owed
        self.lots_made += 1
        lot = WideLot(self.lots_made, metric, "grant", units, units - owed, taken=owed, paid_debt=owed)
        account.lots.append(lot)

    def follow_reports(self, order: PlainOrder) -> None:
        """Bring a purchase to where everything that was reported of it puts it, unit by unit."""
        account = self.account(order.name)
        lot = next((one for one in account.lots if one.number == order.lot), None)
        if lot is None:
            return
        assert isinstance(lot, WideLot)
        wanted = order.units * order.returned() // order.price
        while lot.reversed < wanted:
            lot.reversed += 1
            if lot.left:
                lot.left, lot.taken, lot.from_lot = lot.left - 1, lot.taken + 1, lot.from_lot + 1
            else:
                account.debt[REQUESTS] = account.debt.get(REQUESTS, 0) + 1
        while lot.reversed > wanted:
            if lot.reversed > lot.from_lot and account.debt.get(REQUESTS, 0):
                account.debt[REQUESTS] -= 1
            elif lot.from_lot:
                lot.left, lot.taken, lot.from_lot = lot.left + 1, lot.taken - 1, lot.from_lot - 1
            else:
                payers = [one for one in account.lots if isinstance(one, WideLot) and one.paid_debt]
                payers.sort(key=lambda one: (one is lot, one.number))
                payer = payers[0]
                payer.left, payer.taken, payer.paid_debt = (
                    payer.left + 1,
                    payer.taken - 1,
                    payer.paid_debt - 1,
                )
            lot.reversed -= 1
        lot.frozen = order.disputed
