"""
What the ledger should do, in the plainest words: one unit after the other, from the first pot that has one.

It shares no code with `quota_core`: dictionaries, one unit at a time, and its own calendar.
"""

import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

REQUESTS, RENDERS = "requests", "renders"
NEVER_MS = 2**62


@dataclass(frozen=True)
class Limit:
    """One window of a plan: `units` None has no limit; `beyond` 0 blocks, None charges without end."""

    kind: str
    units: int | None
    beyond: int | None = 0
    percents: tuple[int, ...] = (50, 75, 90)


# The plans of tests/core/catalogs.py, said again.
PLANS: dict[str, dict[str, tuple[Limit, ...]]] = {
    "free": {REQUESTS: (Limit("day", 10, percents=(50, 95)),), RENDERS: ()},
    "pro": {
        REQUESTS: (Limit("day", 20, percents=(95,)), Limit("month", 45, percents=(80,))),
        RENDERS: (Limit("week", 4),),
    },
    "charged": {
        REQUESTS: (Limit("day", 10, beyond=7), Limit("month", 60)),
        RENDERS: (Limit("hour", 2, beyond=None),),
    },
    "endless": {REQUESTS: (Limit("day", None),), RENDERS: ()},
}


def window_of(kind: str, now_ms: int) -> tuple[str, int]:
    """Return the key of the window in force and when it ends, in UTC."""
    now = datetime.fromtimestamp(now_ms // 1000, UTC)
    day = now.replace(hour=0, minute=0, second=0)
    if kind == "hour":
        start = now.replace(minute=0, second=0)
        key, end = start.strftime("%Y-%m-%dT%HZ"), start + timedelta(hours=1)
    elif kind == "day":
        key, end = day.strftime("%Y-%m-%d"), day + timedelta(days=1)
    elif kind == "week":
        start = day - timedelta(days=day.isoweekday() - 1)
        key, end = start.strftime("%G-W%V"), start + timedelta(days=7)
    else:
        start = day.replace(day=1)
        key, end = start.strftime("%Y-%m"), (start + timedelta(days=32)).replace(day=1)
    return key, int(end.timestamp()) * 1000


@dataclass
class PlainLot:
    """What came at once; `number` orders lots of all accounts by their coming."""

    number: int
    metric: str
    source: str
    units: int
    left: int
    ends_ms: int = NEVER_MS
    taken: int = 0


@dataclass
class PlainAccount:
    """One account: plan, lots, what each window has used, how much of it was overage, debts."""

    plan: str | None = None
    until_ms: int | None = None
    next_plan: str | None = None
    lots: list[PlainLot] = field(default_factory=list)
    used: dict[tuple[str, str], int] = field(default_factory=dict)
    beyond: dict[tuple[str, str], int] = field(default_factory=dict)
    debt: dict[str, int] = field(default_factory=dict)
    crossed: set[tuple[str, str, int]] = field(default_factory=set)

    def plan_at(self, now_ms: int) -> str:
        """Return the plan in force."""
        if self.until_ms is not None and now_ms >= self.until_ms:
            return self.next_plan or "free"
        return self.plan or "free"

    def windows(self, metric: str, now_ms: int) -> list[tuple[Limit, str]]:
        """Return the windows in force with their keys."""
        limits = PLANS[self.plan_at(now_ms)][metric]
        return [(limit, window_of(limit.kind, now_ms)[0]) for limit in limits]

    def free(self, metric: str, now_ms: int) -> int | None:
        """Return what the windows still give, None without limit."""
        windows = self.windows(metric, now_ms)
        rooms = [
            max(0, limit.units - self.used.get((metric, key), 0) + self.beyond.get((metric, key), 0))
            for limit, key in windows
            if limit.units is not None
        ]
        if not windows:
            return 0
        return min(rooms) if rooms else None

    def spendable(self, metric: str, now_ms: int) -> list[PlainLot]:
        """Return the lots that can be spent, in their order."""
        lots = [lot for lot in self.lots if lot.metric == metric and lot.left and lot.ends_ms > now_ms]
        return sorted(lots, key=lambda lot: (lot.ends_ms, lot.number))

    def in_lots(self, metric: str, now_ms: int) -> int:
        """Return what the lots still hold that can be spent."""
        return sum(lot.left for lot in self.spendable(metric, now_ms))

    def take_one(self, metric: str, now_ms: int) -> Any:
        """Take one unit from the first pot that has one and name the pot; None when there is none."""
        free = self.free(metric, now_ms)
        if free is None or free > 0:
            for _, key in self.windows(metric, now_ms):
                self.used[metric, key] = self.used.get((metric, key), 0) + 1
            return "window"
        for lot in self.spendable(metric, now_ms):
            lot.left -= 1
            return lot.number
        return None

    def take_one_beyond(self, metric: str, now_ms: int) -> bool:
        """Take one unit beyond the limits, if a window charges for it and no other window forbids it."""
        windows = self.windows(metric, now_ms)
        charging = [(limit, key) for limit, key in windows if limit.units is not None and limit.beyond != 0]
        for limit, key in windows:
            used, beyond = self.used.get((metric, key), 0), self.beyond.get((metric, key), 0)
            if limit.units is None:
                continue
            if limit.beyond == 0 and used - beyond >= limit.units:
                return False
            if limit.beyond not in (0, None) and beyond >= limit.beyond:
                return False
        for _, key in charging:
            self.beyond[metric, key] = self.beyond.get((metric, key), 0) + 1
        for _, key in windows if charging else ():
            self.used[metric, key] = self.used.get((metric, key), 0) + 1
        return bool(charging)


@dataclass
class PlainSpend:
    """What a spend took, by account: what each window, lot and overage gave."""

    metric: str
    units: int
    from_windows: int = 0
    from_lots: int = 0
    from_beyond: int = 0
    windows: dict[tuple[str, str], int] = field(default_factory=dict)
    beyond: dict[tuple[str, str], int] = field(default_factory=dict)
    lots: dict[int, int] = field(default_factory=dict)
    by_account: dict[str, int] = field(default_factory=dict)
    pots: list[tuple[str, Any]] = field(default_factory=list)
    crossings: list[int] = field(default_factory=list)


class PlainLedger:
    """All accounts, and the units that ever came and went."""

    def __init__(self) -> None:
        self.accounts: dict[str, PlainAccount] = {}
        self.lots_made = 0

    def account(self, name: str) -> PlainAccount:
        """Return an account; one that was never heard of is on the default plan."""
        return self.accounts.setdefault(name, PlainAccount())

    def left(self, names: list[str], metric: str, most: int, now_ms: int) -> int:
        """Return how many of `most` units these accounts could spend together, by trying."""
        trial = copy.deepcopy(self)
        units = 0
        while units < most and trial._take(names, metric, now_ms):
            units += 1
        return units

    def spend(self, names: list[str], metric: str, units: int, now_ms: int) -> PlainSpend | None:
        """Spend whole, or nothing."""
        before = copy.deepcopy({name: self.account(name) for name in names})
        pots = [self._take(names, metric, now_ms) for _ in range(units)]
        if None in pots:
            self.accounts.update(before)
            return None
        spend = PlainSpend(metric=metric, units=units, pots=[pot for pot in pots if pot is not None])
        for name, pot in (pot for pot in pots if pot is not None):
            spend.by_account[name] = spend.by_account.get(name, 0) + 1
            spend.from_windows += pot == "window"
            spend.from_beyond += pot == "beyond"
            if isinstance(pot, int):
                spend.from_lots += 1
                spend.lots[pot] = spend.lots.get(pot, 0) + 1
        for name in names:
            self._note_windows(spend, name, before[name], now_ms)
        return spend

    def _take(self, names: list[str], metric: str, now_ms: int) -> tuple[str, Any] | None:
        for name in names:
            pot = self.account(name).take_one(metric, now_ms)
            if pot is not None:
                return name, pot
        for name in names:
            if self.account(name).take_one_beyond(metric, now_ms):
                return name, "beyond"
        return None

    def _note_windows(self, spend: PlainSpend, name: str, before: PlainAccount, now_ms: int) -> None:
        account, metric = self.account(name), spend.metric
        for limit, key in account.windows(metric, now_ms):
            was, now = before.used.get((metric, key), 0), account.used.get((metric, key), 0)
            spend.windows[name, key] = now - was
            beyond_was = before.beyond.get((metric, key), 0)
            spend.beyond[name, key] = account.beyond.get((metric, key), 0) - beyond_was
            for percent in limit.percents if limit.units else ():
                mark = percent * (limit.units or 0)
                crossing = (metric, key, percent)
                if was * 100 < mark <= now * 100 and crossing not in account.crossed:
                    account.crossed.add(crossing)
                    spend.crossings.append(percent)

    def give_back(self, name: str, spend: PlainSpend) -> None:
        """Undo what one account gave to a spend."""
        account = self.account(name)
        for (owner, key), units in spend.windows.items():
            if owner == name:
                account.used[spend.metric, key] -= units
        for (owner, key), units in spend.beyond.items():
            if owner == name and units:
                account.beyond[spend.metric, key] -= units
        for lot in account.lots:
            lot.left += spend.lots.get(lot.number, 0)

    def settle(self, spend: PlainSpend, used: int) -> None:
        """Give back, one after the other, the units that were taken last."""
        for name, pot in reversed(spend.pots[used:]):
            account, metric = self.account(name), spend.metric
            if isinstance(pot, int):
                lot = next(lot for lot in account.lots if lot.number == pot)
                lot.left += 1
                continue
            for owner, key in spend.windows:
                if owner == name:
                    account.used[metric, key] -= 1
                    if pot == "beyond" and spend.beyond[owner, key]:
                        account.beyond[metric, key] -= 1

    def bring(
        self, name: str, metric: str, units: int, *, source: str = "grant", ends_ms: int = NEVER_MS
    ) -> None:
        """Add a lot; what is owed is paid first."""
        account = self.account(name)
        owed = min(units, account.debt.get(metric, 0))
        if owed:
            account.debt[metric] -= owed
        self.lots_made += 1
        lot = PlainLot(self.lots_made, metric, source, units, units - owed, ends_ms, taken=owed)
        account.lots.append(lot)

    def move(self, giver: str, taker: str, metric: str, units: int, now_ms: int) -> bool:
        """Move units one by one, each with its end, unless the giver owes anything or has fewer."""
        account = self.account(giver)
        if any(account.debt.values()) or account.in_lots(metric, now_ms) < units:
            return False
        ends: dict[int, int] = {}
        for _ in range(units):
            lot = account.spendable(metric, now_ms)[0]
            lot.left -= 1
            ends[lot.ends_ms] = ends.get(lot.ends_ms, 0) + 1
        for ends_ms, moved in ends.items():
            self.bring(taker, metric, moved, ends_ms=ends_ms)
        return True

    def remove(self, name: str, metric: str, units: int, now_ms: int) -> int:
        """Take units away one by one, given ones first, from the newest lot; return how many there were."""
        lots = [lot for lot in self.account(name).lots if lot.metric == metric and lot.ends_ms > now_ms]
        lots.sort(key=lambda lot: (lot.source == "purchase", -lot.number))
        for taken in range(units):
            lot = next((lot for lot in lots if lot.left), None)
            if lot is None:
                return taken
            lot.left -= 1
            lot.taken += 1
        return units
