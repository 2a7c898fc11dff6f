"""
The entries of one transaction.

Appended in memory by the rules, then written together with the states they changed: there is no tail to
replay after a crash.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from quota_core.applying import apply
from quota_core.book import Book, metric_of
from quota_core.chain import Entry, seal
from quota_core.crash_points import crash_point
from quota_core.ledger import (
    MAX_COUNT,
    AccountState,
    Draft,
    EntryKind,
    Payer,
    Window,
    allowance_left,
    spendable,
)
from quota_core.lot_changes import LotChanges
from quota_core.parts import NO_WINDOW, parts_text
from quota_core.periods import level_period
from quota_core.statements import Row, Work
from quota_core.store import crossings as crossing_rows
from quota_core.store import entries as entry_rows
from quota_core.store import states as state_rows
from quota_core.store.states import BalanceRow

_SPEND = int(EntryKind.SPEND)
_RISING = frozenset((EntryKind.SPEND, EntryKind.HOLD, EntryKind.SET))
"""Kinds of entries that may cross a threshold."""
_new_entry = tuple.__new__


class Crossed(NamedTuple):
    """A threshold that an entry crossed; `metric` is its number, `period` the window's key (level@2026-11)."""

    account: int
    metric: int
    period: str
    percent: int
    entry: int
    used: int  # at that moment; told, and not kept
    window: Window  # the same


class UnreadError(Exception):
    """Something must be read before it can be decided."""


class Posting:
    """The entries of one transaction: appended in memory, then written together."""

    def __init__(self, book: Book, now_ms: int) -> None:
        self._book = book
        self.metric_ids = book.metric_ids
        self.now_ms = now_ms
        self.next_id = 0
        self.shared_windows: dict[tuple[str | None, str], tuple[Window, ...]] = {}
        self.entries: list[Entry] = []
        self.accounts: dict[int, AccountState] = {}
        self._lots = LotChanges()
        self._debts: set[tuple[int, str]] = set()
        self._crossed: list[Crossed] = []
        self._closed: list[tuple[int, int, str, int, int]] = []
        self._whole: set[int] = set()  # accounts whose rows say more than plain spends do
        self._balances: list[BalanceRow] = []
        self._owed: list[tuple[int, int, int]] = []

    def begin(self, count: int = 1) -> Work[None]:
        """Learn where the next entries stand, `count` at most."""
        if not self._book.resident:
            self.next_id = yield from entry_rows.take_ids(count)
            return
        if self._book.last_id is None:
            self._book.last_id = yield from entry_rows.last_id()
        self.begin_at_once()

    def begin_with(
        self, keys: Sequence[tuple[bytes, int]], count: int, answers: Sequence[Sequence[Row]] | None
    ) -> Work[list[Entry]]:
        """Do the same, and return the entries that carry one of these (key, account), as `answers` may tell."""
        if answers is None:
            yield from self.begin(count)
            return (yield from entry_rows.by_keys(keys))
        found, self.next_id = entry_rows.found_and_first(keys, answers)
        return found

    def begin_at_once(self) -> None:
        """Go on behind the last entry that this process knows of."""
        assert self._book.last_id is not None
        self.next_id = self._book.last_id + 1

    def rehearse(self) -> None:
        """Let entries be made that are thrown away: on copies of states, and never written."""
        self.next_id = 1

    def windows_of(self, state: AccountState, metric: str) -> tuple[Window, ...]:
        """
        Return the windows that the account's plan has on the metric at this posting's moment.

        UnreadError: what a window rolls over from is not known yet.
        """
        place = (state.plan, metric)
        shared = state.plan_until_ms is None and state.parent is None
        windows = self.shared_windows.get(place) if shared else None
        if windows is None:
            terms = self._book.terms(state, metric, self.now_ms)
            windows = terms.windows
            if shared and not terms.own:
                self.shared_windows[place] = windows
            elif not all(window.before is None or window.before in state.used for window in windows):
                raise UnreadError
        return windows

    def append(self, draft: Draft, key: bytes, windows: tuple[Window, ...]) -> Entry:
        """Apply a draft and make it an entry; `windows` are those in force, for what is left afterwards."""
        state, metric = draft.state, draft.metric
        apply(draft)
        payer = Payer(state, windows)
        facts = (
            state.id,
            state.version + 1,
            state.head,
            int(draft.kind),
            self.metric_ids[metric],
            draft.units,
            parts_text(draft.parts),
            self.now_ms,
            key,
            allowance_left(payer),
            self.purchased_left(state, metric),
        )
        entry = Entry(self.next_id, *facts, seal(state.digest, *facts))
        self._chain(state, entry)
        self._whole.add(state.id)
        self._note_changes(state, draft)
        if draft.kind in _RISING:
            counted = max((delta for pot, delta in draft.parts if pot[0] not in NO_WINDOW), default=0)
            if counted > 0:
                self._note_crossings(state, windows, counted, entry)
        return entry

    def spend_allowance(  # noqa: PLR0917 - by place, as the one caller does it ten thousand times a second
        self,
        state: AccountState,
        windows: tuple[Window, ...],
        metric: str,
        units: int,
        key: bytes,
        calls: str = "",
    ) -> Entry | None:
        """
        Make the entry of a spend that the account's windows cover; None when the rule must look further.

        Nearly every operation is this one. It does what `ledger.spend` and `append` would do, without the drafts
        that these need for several pots; a test holds the two against each other. `calls` is the stored part of a
        service.
        """
        used = state.used
        left, parts, marked = MAX_COUNT, "", False
        for place, pot, _, _, limit, _, _, first_mark, _, _ in windows:
            count, overage = used[place]
            free = MAX_COUNT - count if limit is None else limit - count + overage
            if free < units:
                return None
            if limit is not None and free < left:
                left = free
            if count + units >= first_mark:
                marked = True
            parts = f"{parts} {pot}={units}" if parts else f"{pot}={units}"
        if not parts:
            return None
        if calls:
            parts = f"{parts} {calls}"
        for window in windows:
            count, overage = used[window.place]
            used[window.place] = (count + units, overage)
        entry_id, account, version = self.next_id, state.id, state.version + 1
        facts = (
            account,
            version,
            state.head,
            _SPEND,
            self.metric_ids[metric],
            units,
            parts,
            self.now_ms,
            key,
            left - units if left < MAX_COUNT else None,
            self.purchased_left(state, metric) if state.lots else 0,
        )
        digest = seal(state.digest, *facts)
        entry: Entry = _new_entry(Entry, (entry_id, *facts, digest))
        # As `_chain` does: a call for each of these would cost more than what it does.
        self.next_id = entry_id + 1
        state.version, state.head, state.digest = version, entry_id, digest
        self.entries.append(entry)
        self.accounts[account] = state
        if marked:
            self._note_crossings(state, windows, units, entry)
        return entry

    def purchased_left(self, state: AccountState, metric: str) -> int:
        """Return what the account may spend from its lots of the metric at this posting's moment."""
        return sum([lot.left for lot in spendable(state.lots.get(metric, ()), self.now_ms)])

    def _chain(self, state: AccountState, entry: Entry) -> None:
        """Make the entry the account's last."""
        assert state.id, "only an account that exists has entries"
        assert self.next_id, "begin() comes first"
        self.next_id += 1
        state.version, state.head, state.digest = entry.version, entry.id, entry.digest
        self.entries.append(entry)
        self.accounts[state.id] = state

    def _note_changes(self, state: AccountState, draft: Draft) -> None:
        if draft.kind is EntryKind.PLAN:
            return
        self._lots.note(draft)
        if any(pot[0] == "!" for pot, _ in draft.parts):
            self._debts.add((state.id, draft.metric))

    def _note_crossings(
        self, state: AccountState, windows: tuple[Window, ...], units: int, entry: Entry
    ) -> None:
        """Remember the thresholds that the last `units` crossed."""
        for window in windows:
            if window.limit and window.percents:
                used, _ = state.used[window.place]
                before = (used - units) * 100
                period = window.pot
                if window.period.turns_ms is None:
                    # Else a level would warn once for ever, however often it went down meanwhile.
                    period = level_period(self.now_ms)
                self._crossed += [
                    Crossed(entry.account, entry.metric, period, percent, entry.id, used, window)
                    for percent in window.percents
                    if before < percent * window.limit <= used * 100
                ]

    def close(self) -> None:
        """Settle what is to be written: later decisions may already stand in the same states."""
        numbers, now_ms = self.metric_ids, self.now_ms
        if self._book.resident:
            self._book.last_id = self.next_id - 1
        for s in self.accounts.values():
            if s.closed:
                self._closed += [
                    (s.id, numbers[metric_of(place)], place.partition("/")[2], *s.used.pop(place))
                    for place in s.closed
                ]
                s.closed = frozenset()
                self._whole.add(s.id)
        self._balances = [
            (s.id, s.version, s.head, s.digest, now_ms, state_rows.windows_text(s.used))
            for s in self.accounts.values()
        ]
        self._owed = [
            (account, numbers[metric], self.accounts[account].debt[metric]) for account, metric in self._debts
        ]

    def write(self, *, may_be_late: bool = False) -> Work[list[Crossed]]:
        """
        Write entries and changed states; return the crossings that are new.

        Where balances `may_be_late`, those that the entries alone can tell are left for later.
        """
        if not self.entries:
            return []
        yield from entry_rows.add(self.entries)
        crash_point("write.07.entry_row")
        yield from state_rows.close_windows(self._closed)
        yield from self._write_balances(may_be_late=may_be_late)
        crash_point("write.08.balance_row")
        yield from self._lots.write()
        yield from state_rows.set_debts(self._owed)
        if self._owed:
            crash_point("refund.52.debt_row")
        new = {tuple(row) for row in (yield from crossing_rows.add([c[:5] for c in self._crossed]))}
        return [one for one in self._crossed if one[:5] in new]

    def _write_balances(self, *, may_be_late: bool) -> Work[None]:
        later = self._book.late
        if later is None:
            yield from state_rows.set_balances(self._balances)
            return
        late = [row for row in self._balances if may_be_late and row[0] not in self._whole]
        written = [row for row in self._balances if row[0] in self._whole] if late else self._balances
        yield from state_rows.set_balances(written)
        yield from later.note(late, written, len(self.entries))
