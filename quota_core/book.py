"""
The states of accounts, as far as they are resident, and the read set of a transaction.

The states stay resident between transactions while this process owns the database, in a bounded cache that
is dropped after anything that was rolled back. `posting` writes what was decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from quota_core.accounts import AccountRef
from quota_core.catalog import Catalog
from quota_core.ledger import NEVER_MS, AccountState, Lot, Part, Payer, Window
from quota_core.periods import Anchor, Period, period_at
from quota_core.statements import Work
from quota_core.store import states as state_rows

MAX_WINDOWS_RESIDENT = 64


class Book:
    """The states that are resident, and the windows in force."""

    def __init__(self, catalog: Catalog, *, resident_accounts: int = 200_000) -> None:
        self.catalog = catalog
        self._resident_accounts = resident_accounts
        self._states: dict[AccountRef, AccountState] = {}
        self._periods: dict[object, Period] = {}
        self.metric_ids: dict[str, int] = {}
        self.metric_names: dict[int, str] = {}

    def forget(self) -> None:
        """Drop every resident state: what was decided may not stand in the database."""
        self._states.clear()

    def open(self) -> Work[None]:
        """Give every metric of the catalog its number."""
        yield from state_rows.add_metrics(self.catalog.metrics)
        self.metric_ids = yield from state_rows.metric_ids()
        self.metric_names = {number: name for name, number in self.metric_ids.items()}

    def make_room(self) -> None:
        """Keep the cache within its bounds; between transactions, since states in use must not be read twice."""
        surplus = len(self._states) - self._resident_accounts
        if surplus > 0:
            for ref in list(islice(self._states, surplus + self._resident_accounts // 10)):
                del self._states[ref]

    def states_of(
        self, refs: Iterable[AccountRef], *, now_ms: int, create: bool
    ) -> Work[dict[AccountRef, AccountState]]:
        """
        Return the states of these accounts, locked until the transaction ends.

        With `create` a missing account is opened; without, it gets a state with id 0 that is not kept.
        """
        found: dict[AccountRef, AccountState] = {}
        missing: list[AccountRef] = []
        for ref in refs:
            state = self._states.get(ref)
            if state is None:
                missing.append(ref)
            else:
                if len(state.used) > MAX_WINDOWS_RESIDENT:
                    state.used.clear()
                found[ref] = state
        if missing:
            missing = sorted(set(missing))
            if create:
                yield from state_rows.add_accounts(missing, now_ms)
            fresh = yield from state_rows.accounts(missing)
            yield from self._load_lots(fresh)
            # Resident only once it is whole: a read that fails half-way must leave nothing behind.
            for state in fresh:
                found[state.ref] = self._states[state.ref] = state
            for ref in missing:
                if ref not in found:
                    found[ref] = AccountState(
                        id=0,
                        ref=ref,
                        plan=None,
                        plan_until_ms=None,
                        blocked=False,
                        locale=None,
                        created_ms=now_ms,
                        version=0,
                        head=0,
                        digest=b"",
                    )
        return found

    def _load_lots(self, states: Sequence[AccountState]) -> Work[None]:
        by_id = {state.id: state for state in states}
        for account, metric, lot in (yield from state_rows.open_lots(list(by_id))):
            by_id[account].lots.setdefault(self.metric_names[metric], []).append(lot)
        for account, metric, units in (yield from state_rows.debts(list(by_id))):
            by_id[account].debt[self.metric_names[metric]] = units

    def plan_id(self, state: AccountState, now_ms: int) -> str:
        """Return the id of the plan in force."""
        return self.catalog.plan_id(state.plan_at(now_ms))

    def windows(self, state: AccountState, metric: str, now_ms: int) -> tuple[Window, ...]:
        """Return the windows that the account's plan has on the metric at this moment."""
        plan = self.plan_id(state, now_ms)
        found = []
        for allowance in self.catalog.plans[plan].allowances_of(metric):
            start_ms = state.created_ms if allowance.anchor is Anchor.ACCOUNT else 0
            cache_key = (allowance.period, start_ms)
            period = self._periods.get(cache_key)
            if period is None or not period.start_ms <= now_ms < period.end_ms:
                period = period_at(
                    allowance.period,
                    now_ms,
                    zone=self.catalog.zone,
                    anchor=allowance.anchor,
                    account_start_ms=start_ms,
                )
                if start_ms == 0:
                    self._periods[cache_key] = period
            cap = allowance.overage_cap if allowance.overage == "charge" else 0
            percents = tuple(threshold.at for threshold in allowance.thresholds)
            found.append(Window(allowance.period, period, allowance.limit_units, cap, percents))
        return tuple(found)

    def payers(
        self, wanted: Iterable[tuple[AccountState, str]], now_ms: int
    ) -> Work[dict[tuple[int, str], Payer]]:
        """Return each account as a payer of each metric, with what its windows have used, by (id, metric)."""
        found: dict[tuple[int, str], Payer] = {}
        unread: list[tuple[AccountState, str, str]] = []
        for state, metric in wanted:
            if (state.id, metric) in found:
                continue
            windows = self.windows(state, metric, now_ms)
            found[state.id, metric] = Payer(state, windows)
            unread += [
                (state, metric, window.period.key)
                for window in windows
                if (metric, window.period.key) not in state.used
            ]
        yield from self.read_windows(unread)
        return found

    def read_windows(self, unread: Sequence[tuple[AccountState, str, str]]) -> Work[None]:
        """Read what these windows (account, metric, window key) have used; one without a row has used 0."""
        if not unread:
            return
        rows = yield from state_rows.windows(
            [(state.id, self.metric_ids[metric], period) for state, metric, period in unread if state.id]
        )
        # Only now, when all is read: a window that is noted as unused and then not read would give away a day.
        there = {(row[0], self.metric_names[row[1]], row[2]): (row[3], row[4]) for row in rows}
        for state, metric, period in unread:
            state.used[metric, period] = there.get((state.id, metric, period), (0, 0))

    def touch(self, state: AccountState, metric: str, parts: Sequence[Part]) -> Work[None]:
        """Make sure that every pot named in `parts` is in the state, empty lots and past windows too."""
        resident = {lot.id for lot in state.lots.get(metric, ())}
        lot_ids = [int(pot[1:]) for pot, _ in parts if pot[0] == "#"]
        missing = [lot_id for lot_id in lot_ids if lot_id not in resident]
        state.lots.setdefault(metric, []).extend((yield from state_rows.lots(missing)))
        windows = {pot.removeprefix("+") for pot, _ in parts if pot[0] not in "#!^"}
        yield from self.read_windows(
            [(state, metric, period) for period in windows if (metric, period) not in state.used]
        )

    def add_lot(
        self,
        state: AccountState,
        metric: str,
        *,
        source: str,
        order_id: str | None,
        units: int,
        expires_ms: int | None,
        now_ms: int,
    ) -> Work[Lot]:
        """Write an empty lot and put it into the state; the entry that brings it fills it."""
        lot_id = yield from state_rows.add_lot(
            state.id,
            self.metric_ids[metric],
            source=source,
            order_id=order_id,
            units=units,
            expires_ms=expires_ms,
            now_ms=now_ms,
        )
        lot = Lot(id=lot_id, source=source, left=0, expires_ms=NEVER_MS if expires_ms is None else expires_ms)
        state.lots.setdefault(metric, []).append(lot)
        return lot
