"""What an account has, as a person or a service asks for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from quota_core.accounts import AccountRef
from quota_core.book import Book
from quota_core.database import Database
from quota_core.ledger import NEVER_MS, AccountState, Payer, allowance_left, known, overage_left, spendable
from quota_core.statements import Work
from quota_core.store import states as state_rows

MAX_KEPT = 20_000


class WindowBalance(NamedTuple):
    """
    One window of an allowance; `limit` None is unlimited; `used` may pass the limit by `overage`.

    A gauge's window is of kind `level` and never turns (`resets_ms` None); it may stand beyond its limit.
    `rolled_over` units of the limit were left in the window before.
    """

    kind: str
    limit: int | None
    used: int
    overage: int
    resets_ms: int | None
    rolled_over: int = 0

    @property
    def left(self) -> int | None:
        """What is still free in this window; never negative, even after a move to a smaller plan."""
        return None if self.limit is None else max(0, self.limit - self.used + self.overage)


class MetricBalance(NamedTuple):
    """
    What an account has of one metric, in units.

    `purchased` counts units brought for ever (operators' grants included) less those taken back;
    `purchased_left` is what is left of them; `expiring_left` what is left of lots that end; `debt` is what
    later purchases pay first. `frozen` of both are on hold for a dispute, `frozen_expiring` of those that end.
    `held` units count as used; `overage_left` is how far one may go beyond the limits (None: without end).
    """

    metric: str
    windows: tuple[WindowBalance, ...]
    allowance_left: int | None
    purchased: int
    purchased_left: int
    frozen: int
    expiring_left: int
    debt: int
    held: int = 0
    overage_left: int | None = 0
    frozen_expiring: int = 0

    @property
    def is_of_use(self) -> bool:
        """Whether there is anything to tell of it."""
        return bool(
            self.windows
            or self.purchased
            or self.purchased_left
            or self.expiring_left
            or self.frozen
            or self.debt
            or self.held
        )

    @property
    def is_exhausted(self) -> bool:
        """Whether nothing of it can be spent now, not even beyond a limit."""
        return self.total_left is not None and self.total_left <= 0 and self.overage_left == 0

    @property
    def purchased_used(self) -> int:
        """Units of `purchased` that were spent."""
        return self.purchased - self.purchased_left

    @property
    def lasting_left(self) -> int:
        """What can be spent of lots that never end."""
        return self.purchased_left - self.frozen + self.frozen_expiring

    @property
    def total_left(self) -> int | None:
        """All that can be spent now; None is unlimited."""
        if self.allowance_left is None:
            return None
        return self.allowance_left + self.purchased_left - self.frozen + self.expiring_left


class Balance(NamedTuple):
    """
    What an account has; `metrics` holds those of its plan and those it bought, the primary one first.

    Where a `parent` pays, all but the name is the parent's.
    """

    account: AccountRef
    exists: bool
    plan: str
    plan_until_ms: int | None
    blocked: bool
    locale: str | None
    metrics: tuple[MetricBalance, ...]
    next_plan: str | None = None
    parent: AccountRef | None = None

    @property
    def status(self) -> str:
        """
        Say `blocked` (by hand: only an operator lifts it), `exhausted` or `active`.

        Exhausted is nobody's word: nothing of any metric can be spent now. A refill or a purchase ends it.
        """
        if self.blocked:
            return "blocked"
        return "exhausted" if all(part.is_exhausted for part in self.metrics) else "active"

    def has_ended(self, now_ms: int) -> bool:
        """Tell whether a window of it is over, so that less may be used by now."""
        turns = [window.resets_ms for part in self.metrics for window in part.windows]
        return any(turn is not None and turn <= now_ms for turn in turns)

    def of(self, metric: str) -> MetricBalance | None:
        """Return the part about one metric, None when the account has nothing of it."""
        return next((part for part in self.metrics if part.metric == metric), None)


class _Brought(NamedTuple):
    """
    Units brought for ever, by metric, to an account of this version.

    `state` is the one that was resident then: where memory was dropped there is another one now, whose versions
    may be of other entries.
    """

    state: AccountState
    version: int
    units: tuple[int, ...]

    def holds_for(self, state: AccountState) -> bool:
        """Tell whether it still is what was brought: without lots then and now, whatever was spent since."""
        # A lot that was brought stays in the resident state, also when it is empty.
        return self.state is state and (
            self.version == state.version or not (any(self.units) or any(state.lots.values()))
        )


class Balances:
    """
    Look, without writing anything: an account that does not exist has what its plan gives.

    An account that is resident is answered from memory. What its lots brought, those without a rest included, is
    not in its state: that is read once, and kept here for the accounts asked about last.
    """

    def __init__(self, database: Database, book: Book, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._book = book
        self._clock = clock
        self._metrics = tuple(dict.fromkeys((book.catalog.primary_metric, *book.catalog.metrics)))
        self._brought: dict[int, _Brought] = {}

    async def of(self, account: AccountRef) -> Balance:
        """Return what the account has now."""
        known = self._at_once(account)
        if known is not None:
            return known
        balance, brought = await self._database.read(lambda: self._of(account))
        self._keep(brought)
        return balance

    def _at_once(self, account: AccountRef) -> Balance | None:
        """
        Return what memory knows; None when something of it must be read.

        While others look before they write, they may be half-way through a state. Spends that are being written are
        counted: no unit is shown that a spend could not have.
        """
        state = self._book.states.get(account)
        if state is None or state.parent is not None or self._database.busy:
            return None
        brought = self._brought.get(state.id)
        if brought is None or not brought.holds_for(state):
            return None
        now_ms = self._clock()
        payers = self._payers(state, now_ms)
        if not all(known(payer.state, payer.windows) for payer in payers):
            return None
        return self._balance(state, payers, brought.units, now_ms)

    def _of(self, account: AccountRef) -> Work[tuple[Balance, _Brought]]:
        now_ms, book = self._clock(), self._book
        state = (yield from book.states_of([account], now_ms=now_ms, create=False))[account]
        parent, blocked = state.parent, state.blocked
        if parent is not None:
            # What it can spend is what its parent has.
            state = (yield from book.states_of([parent], now_ms=now_ms, create=False))[parent]
        yield from book.prepare([(state, name) for name in self._metrics], now_ms)
        # Taken before the look: spends that are decided meanwhile make versions, but bring nothing.
        version, units = state.version, []
        for name in self._metrics:
            units += [(yield from state_rows.brought(state.id, book.metric_ids[name]))]
        balance = self._balance(state, self._payers(state, now_ms), units, now_ms)
        if parent is not None:
            balance = balance._replace(account=account, parent=parent, blocked=blocked or balance.blocked)
        return balance, _Brought(state, version, tuple(units))

    def _keep(self, brought: _Brought) -> None:
        """Remember what an account was brought, in place of the one that was remembered first."""
        account = brought.state.id
        if account and self._book.resident:
            if account not in self._brought and len(self._brought) >= MAX_KEPT:
                del self._brought[next(iter(self._brought))]
            self._brought[account] = brought

    def _payers(self, state: AccountState, now_ms: int) -> list[Payer]:
        """Return the account as payer of each metric."""
        return [Payer(state, self._book.windows(state, name, now_ms)) for name in self._metrics]

    def _balance(
        self, state: AccountState, payers: Sequence[Payer], brought: Sequence[int], now_ms: int
    ) -> Balance:
        metrics = [
            _metric(name, payer, units, now_ms)
            for name, payer, units in zip(self._metrics, payers, brought, strict=True)
        ]
        terms = state.plan_terms
        return Balance(
            account=state.ref,
            exists=state.id != 0,
            plan=self._book.plan_id(state, now_ms),
            plan_until_ms=terms.end_at(now_ms),
            next_plan=None if terms.has_turned(now_ms) else terms.next_plan,
            blocked=state.blocked,
            locale=state.locale,
            metrics=tuple(part for part in metrics if part.is_of_use),
        )


def _metric(name: str, payer: Payer, brought: int, now_ms: int) -> MetricBalance:
    state = payer.state
    free, lasting_left, ending_left, frozen, frozen_ending = allowance_left(payer), 0, 0, 0, 0
    for lot in state.lots.get(name, ()):
        if lot.expires_ms == NEVER_MS:
            lasting_left += lot.left
            frozen += lot.left if lot.frozen else 0
        elif lot.expires_ms > now_ms:
            ending_left += lot.left
            frozen_ending += lot.left if lot.frozen else 0
    return MetricBalance(
        metric=name,
        windows=windows_of(payer),
        allowance_left=free,
        purchased=brought,
        purchased_left=lasting_left,
        frozen=frozen_ending + frozen,
        frozen_expiring=frozen_ending,
        expiring_left=ending_left,
        debt=state.debt.get(name, 0),
        overage_left=overage_left(payer, free or 0),
        held=sum([hold.units for hold in state.holds if hold.metric == name]) if state.holds else 0,
    )


def windows_of(payer: Payer) -> tuple[WindowBalance, ...]:
    """Return where the payer's windows stand."""
    found = []
    for window in payer.windows:
        used, overage = payer.state.used.get(window.place, (0, 0))
        found.append(
            WindowBalance(
                kind=window.kind,
                limit=window.limit,
                used=used,
                overage=overage,
                resets_ms=window.period.turns_ms,
                rolled_over=window.rolled,
            )
        )
    return tuple(found)


def total_left(payer: Payer, metric: str, now_ms: int) -> int | None:
    """Return all that a state can spend now, None when unlimited: for facts kept with an entry."""
    free = allowance_left(payer)
    return None if free is None else free + lots_left(payer, metric, now_ms)


def lots_left(payer: Payer, metric: str, now_ms: int) -> int:
    """Return what a state can spend from its lots now."""
    return sum(lot.left for lot in spendable(payer.state.lots.get(metric, ()), now_ms))
