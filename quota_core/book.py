"""
The states of accounts, as far as they are resident, and the read set of a transaction.

The states stay resident between transactions while this process owns the database, in a bounded cache that
is dropped after anything that was rolled back. `posting` writes what was decided.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterable, Sequence
from itertools import islice

from quota_core.accounts import AccountRef
from quota_core.catalog import Catalog
from quota_core.chain import GENESIS
from quota_core.crash_points import crash_point
from quota_core.in_force import InForce, Terms
from quota_core.late_balances import LateBalances
from quota_core.ledger import NEVER_MS, AccountState, Lot, Payer, Window
from quota_core.parts import NO_WINDOW, Part
from quota_core.statements import Row, Statement, Work
from quota_core.store import locked as locked_rows
from quota_core.store import metrics as metric_rows
from quota_core.store import states as state_rows

_NOTHING = (0, 0)


_NO_TERMS = Terms((), 0, NEVER_MS, own=True)
"""Of an account for which another one pays."""


class Book:
    """
    The states that are resident, and the windows in force.

    `crossed` is set when thresholds were crossed, once that is committed.

    `epoch` grows whenever they are dropped; `last_id` is the last entry's, None when it must be read. With
    `resident_accounts` 0 nothing is: a must where other processes write too, or several transactions at once.
    """

    def __init__(self, catalog: Catalog, *, resident_accounts: int = 200_000) -> None:
        self.catalog = catalog
        self.crossed = asyncio.Event()
        self._resident_accounts = resident_accounts
        self.states: dict[AccountRef, AccountState] = {}
        self._settled = 5_000  # states that the garbage collector no longer looks at
        self.epoch = 0
        self.last_id: int | None = None
        self.late: LateBalances | None = None
        self._in_force = InForce(catalog)
        self.metric_ids: dict[str, int] = {}
        self.metric_names: dict[int, str] = {}

    @property
    def resident(self) -> bool:
        """Whether states stay between transactions."""
        return self._resident_accounts > 0

    def forget(self) -> None:
        """Drop every resident state: what was decided may not stand in the database."""
        if self.late is not None:
            self.late.forget()
        self.states.clear()
        self.epoch += 1
        self.last_id = None

    def open(self) -> Work[None]:
        """Give every metric of the catalog its number."""
        yield from metric_rows.add_metrics(self.catalog.metrics)
        self.metric_ids = yield from metric_rows.metric_ids()
        self.metric_names = {number: name for name, number in self.metric_ids.items()}

    def make_room(self) -> None:
        """
        Keep the cache within its bounds; before a transaction, since states in use must not be read twice.

        Never while something that was decided in memory waits to be written: its states would be read again as they
        were before it.
        """
        if len(self.states) > 2 * self._settled:
            # Else each full collection walks over all of them, for a tenth of a second. They hold no cycles.
            gc.freeze()
            self._settled = len(self.states)
        surplus = len(self.states) - self._resident_accounts
        if surplus > 0:
            for ref in list(islice(self.states, surplus + self._resident_accounts // 10)):
                if self.late is None or self.states[ref].id not in self.late:  # else an old row would be read
                    del self.states[ref]

    def states_of(
        self, refs: Iterable[AccountRef], *, now_ms: int, create: bool
    ) -> Work[dict[AccountRef, AccountState]]:
        """
        Return the states of these accounts, locked until the transaction ends.

        With `create` a missing account is opened; without, it gets a state with id 0 that is not kept.
        """
        found: dict[AccountRef, AccountState] = {}
        missing: list[AccountRef] = []
        resident = self.states
        for ref in refs:
            state = resident.get(ref)
            if state is None:
                missing.append(ref)
            else:
                found[ref] = state
        if missing:
            missing = sorted(set(missing))
            # What is only looked at stays within the bounds: it is writing that makes room.
            yield from self._load(missing, found, keep=create or len(self.states) < self._resident_accounts)
            unknown = [ref for ref in missing if ref not in found]
            if create and unknown:
                yield from state_rows.add_accounts(unknown, now_ms)
                yield from self._load(unknown, found, keep=True)
            elif unknown:
                found |= {ref: _nobody(ref, now_ms) for ref in unknown}
        return found

    def states_with(
        self, refs: Iterable[AccountRef], beside: Sequence[Statement], *, now_ms: int
    ) -> Work[tuple[dict[AccountRef, AccountState], list[list[Row]] | None]]:
        """
        Return states as `states_of` does with `create`, and the answers to what is asked `beside` them.

        It is asked once these accounts are locked and before any other is, which saves a round trip; the answers
        are None where accounts had to be opened, and where states may be resident.
        """
        if self.resident:
            return (yield from self.states_of(refs, now_ms=now_ms, create=True)), None
        found: dict[AccountRef, AccountState] = {}
        wanted = sorted(set(refs))
        answers = yield from self._load(wanted, found, beside, keep=False)
        if found.keys() >= set(wanted):
            return found, answers
        found |= yield from self.states_of(
            [ref for ref in wanted if ref not in found], now_ms=now_ms, create=True
        )
        return found, None

    def _load(
        self,
        refs: Sequence[AccountRef],
        found: dict[AccountRef, AccountState],
        beside: Sequence[Statement] = (),
        *,
        keep: bool,
    ) -> Work[list[list[Row]]]:
        fresh, answers = yield from locked_rows.accounts(refs, self.metric_names, beside)
        found |= {state.ref: state for state in fresh}
        if keep and self.resident:
            self.states |= {state.ref: state for state in fresh}
        return answers

    def plan_id(self, state: AccountState, now_ms: int) -> str:
        """Return the id of the plan in force."""
        return self.catalog.plan_id(state.plan_at(now_ms))

    def windows(self, state: AccountState, metric: str, now_ms: int) -> tuple[Window, ...]:
        """Return the windows that the account's plan has on the metric at this moment."""
        return self.terms(state, metric, now_ms).windows

    def terms(self, state: AccountState, metric: str, now_ms: int) -> Terms:
        """Return the same, with whom and when they hold for."""
        if state.parent is not None:
            return _NO_TERMS
        return self._in_force.terms(state, metric, now_ms)

    def prepare(self, wanted: Iterable[tuple[AccountState, str]], now_ms: int) -> Work[None]:
        """Make sure that these accounts know what their windows on these metrics have used."""
        turned: list[tuple[AccountState, str, set[str]]] = []
        for state, metric in wanted:
            windows = self.windows(state, metric, now_ms)
            places = {window.place for window in windows}
            places |= {window.before for window in windows if window.before is not None}
            if not places <= state.used.keys():
                turned.append((state, metric, places))
        yield from self.read_windows(
            [(state, place) for state, _, places in turned for place in places if place not in state.used]
        )
        if turned:
            crash_point("day.60.window_opened")
        for state, metric, places in turned:
            ended = {place for place in state.used if metric_of(place) == metric}
            state.closed = (state.closed | ended) - places

    def payers(
        self, wanted: Sequence[tuple[AccountState, str]], now_ms: int
    ) -> Work[dict[tuple[int, str], Payer]]:
        """Return each account as a payer of each metric, with what its windows have used, by (id, metric)."""
        yield from self.prepare(wanted, now_ms)
        return {
            (state.id, metric): Payer(state, self.windows(state, metric, now_ms)) for state, metric in wanted
        }

    def read_windows(self, unread: Sequence[tuple[AccountState, str]]) -> Work[None]:
        """Read what these windows have used; one without a row has used 0."""
        if not unread:
            return
        rows = yield from state_rows.closed_windows(
            [
                (state.id, self.metric_ids[metric_of(place)], place.partition("/")[2])
                for state, place in unread
                if state.version
            ]
        )
        # Only now, when all is read: a window that is noted as unused and then not read would give away a day.
        there = {(row[0], f"{self.metric_names[row[1]]}/{row[2]}"): (row[3], row[4]) for row in rows}
        for state, place in unread:
            state.used[place] = there.get((state.id, place), _NOTHING)

    def touch(self, state: AccountState, metric: str, parts: Sequence[Part]) -> Work[None]:
        """Make sure that every pot named in `parts` is in the state, empty lots and past windows too."""
        resident = {lot.id for lot in state.lots.get(metric, ())}
        lot_ids = [int(pot[1:]) for pot, _ in parts if pot[0] == "#"]
        missing = [lot_id for lot_id in lot_ids if lot_id not in resident]
        if missing:
            state.add_lots(metric, (yield from state_rows.lots(missing)))
        windows = [pot.removeprefix("+") for pot, _ in parts if pot[0] in "+%" or pot[0] not in NO_WINDOW]
        places = {f"{metric}/{window}" for window in windows}
        yield from self.read_windows([(state, place) for place in places if place not in state.used])

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
        state.add_lots(metric, [lot])
        return lot


def metric_of(place: str) -> str:
    """Return the metric of a window's place."""
    return place.partition("/")[0]


def _nobody(ref: AccountRef, now_ms: int) -> AccountState:
    """Return the state of an account that does not exist."""
    return AccountState(
        id=0,
        ref=ref,
        plan=None,
        plan_until_ms=None,
        blocked=False,
        locale=None,
        created_ms=now_ms,
        version=0,
        head=0,
        digest=GENESIS,
    )
