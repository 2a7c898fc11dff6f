"""What an account has, as a person or a service asks for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from quota_core.accounts import AccountRef
from quota_core.book import Book
from quota_core.database import Database
from quota_core.ledger import Payer, allowance_left, spendable
from quota_core.statements import Work
from quota_core.store import states as state_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowBalance:
    """One window of an allowance; `limit` None is unlimited; `used` may pass the limit by `overage`."""

    kind: str
    limit: int | None
    used: int
    overage: int
    resets_ms: int

    @property
    def left(self) -> int | None:
        """What is still free in this window; never negative, even after a move to a smaller plan."""
        return None if self.limit is None else max(0, self.limit - self.used + self.overage)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricBalance:
    """
    What an account has of one metric, in units.

    `purchased` counts units brought for ever (operators' grants included) less those taken back;
    `purchased_left` is what is left of them; `expiring_left` what is left of lots that end; `debt` is what
    later purchases pay first.
    """

    metric: str
    windows: tuple[WindowBalance, ...]
    allowance_left: int | None
    purchased: int
    purchased_left: int
    frozen: int
    expiring_left: int
    debt: int

    @property
    def purchased_used(self) -> int:
        """Units of `purchased` that were spent."""
        return self.purchased - self.purchased_left

    @property
    def total_left(self) -> int | None:
        """All that can be spent now; None is unlimited."""
        if self.allowance_left is None:
            return None
        return self.allowance_left + self.purchased_left - self.frozen + self.expiring_left


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What an account has; `metrics` holds those of its plan and those it bought, the primary one first."""

    account: AccountRef
    exists: bool
    plan: str
    plan_until_ms: int | None
    blocked: bool
    locale: str | None
    metrics: tuple[MetricBalance, ...]

    def of(self, metric: str) -> MetricBalance | None:
        """Return the part about one metric, None when the account has nothing of it."""
        return next((part for part in self.metrics if part.metric == metric), None)


class Balances:
    """Look, without writing anything: an account that does not exist has what its plan gives."""

    def __init__(self, database: Database, book: Book, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._book = book
        self._clock = clock

    async def of(self, account: AccountRef) -> Balance:
        """Return what the account has now."""
        return await self._database.read(lambda: self._of(account))

    def _of(self, account: AccountRef) -> Work[Balance]:
        now_ms = self._clock()
        book = self._book
        state = (yield from book.states_of([account], now_ms=now_ms, create=False))[account]
        plan = book.plan_id(state, now_ms)
        names = list(dict.fromkeys((book.catalog.primary_metric, *book.catalog.metrics)))
        payers = yield from book.payers([(state, name) for name in names], now_ms)
        metrics = []
        for name in names:
            payer = payers[state.id, name]
            sums = yield from state_rows.lot_sums(state.id, book.metric_ids[name], now_ms)
            if payer.windows or any(sums) or state.debt.get(name):
                metrics.append(_metric(name, payer, sums))
        return Balance(
            account=account,
            exists=state.id != 0,
            plan=plan,
            plan_until_ms=state.plan_until_ms if state.plan_at(now_ms) is not None else None,
            blocked=state.blocked,
            locale=state.locale,
            metrics=tuple(metrics),
        )


def _metric(name: str, payer: Payer, sums: tuple[int, int, int, int]) -> MetricBalance:
    brought, left, expiring, frozen = sums
    windows = []
    for window in payer.windows:
        used, overage = payer.state.used.get(window.place, (0, 0))
        windows.append(
            WindowBalance(
                kind=window.kind,
                limit=window.limit,
                used=used,
                overage=overage,
                resets_ms=window.period.end_ms,
            )
        )
    return MetricBalance(
        metric=name,
        windows=tuple(windows),
        allowance_left=allowance_left(payer),
        purchased=brought,
        purchased_left=left,
        frozen=frozen,
        expiring_left=expiring,
        debt=payer.state.debt.get(name, 0),
    )


def total_left(payer: Payer, metric: str, now_ms: int) -> int | None:
    """Return all that a state can spend now, None when unlimited: for facts kept with an entry."""
    free = allowance_left(payer)
    return None if free is None else free + lots_left(payer, metric, now_ms)


def lots_left(payer: Payer, metric: str, now_ms: int) -> int:
    """Return what a state can spend from its lots now."""
    return sum(lot.left for lot in spendable(payer.state.lots.get(metric, ()), now_ms))
