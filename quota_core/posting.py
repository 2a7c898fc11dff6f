"""
The entries of one transaction.

Appended in memory by the rules, then written together with the states they changed: there is no tail to
replay after a crash.
"""

from __future__ import annotations

from typing import NamedTuple

from quota_core.book import Book
from quota_core.chain import Entry, digest_of
from quota_core.ledger import (
    AccountState,
    Draft,
    EntryKind,
    Payer,
    Window,
    allowance_left,
    apply,
    parts_text,
    spendable,
)
from quota_core.statements import Work
from quota_core.store import entries as entry_rows
from quota_core.store import states as state_rows


class Crossed(NamedTuple):
    """A threshold that an entry crossed; `metric` is its number, `period` the window's key."""

    account: int
    metric: int
    period: str
    percent: int
    entry: int
    used: int = 0  # at that moment; told, and not kept


class Posting:
    """The entries of one transaction: appended in memory, then written together."""

    def __init__(self, book: Book, now_ms: int) -> None:
        self._book = book
        self.now_ms = now_ms
        self._next_id = 0
        self.entries: list[Entry] = []
        self._accounts: dict[int, AccountState] = {}
        self._windows: set[tuple[int, str, str]] = set()
        self._lots: dict[int, list[int]] = {}
        self._debts: set[tuple[int, str]] = set()
        self._crossed: list[Crossed] = []

    def append(self, draft: Draft, key: bytes, windows: tuple[Window, ...]) -> Entry:
        """Apply a draft and make it an entry; `windows` are those in force, for what is left afterwards."""
        state, metric = draft.state, draft.metric
        assert state.id, "only an account that exists has entries"
        apply(draft)
        payer = Payer(state, windows)
        entry = Entry(
            id=0,
            account=state.id,
            version=state.version + 1,
            prev=state.head,
            kind=draft.kind,
            metric=self._book.metric_ids[metric],
            units=draft.units,
            parts=parts_text(draft.parts),
            at_ms=self.now_ms,
            key=key,
            allowance_left=allowance_left(payer, metric),
            purchased_left=sum(lot.left for lot in spendable(state.lots.get(metric, ()), self.now_ms)),
            digest=b"",
        )
        return self._chain(entry, state, draft, payer)

    def _chain(self, entry: Entry, state: AccountState, draft: Draft, payer: Payer) -> Entry:
        entry = entry._replace(id=self._take_id(), digest=digest_of(entry, state.digest))
        state.version, state.head, state.digest = entry.version, entry.id, entry.digest
        self.entries.append(entry)
        self._accounts[state.id] = state
        self._note_changes(state, draft)
        if draft.kind is EntryKind.SPEND:
            counted = max((delta for pot, delta in draft.parts if pot[0] not in "#!+^"), default=0)
            self._crossed += [
                Crossed(
                    state.id,
                    entry.metric,
                    window.period.key,
                    percent,
                    entry.id,
                    state.used[draft.metric, window.period.key][0],
                )
                for window, percent in _crossings(payer, draft.metric, counted)
                if counted
            ]
        return entry

    def _take_id(self) -> int:
        assert self._next_id, "begin() comes first"
        self._next_id += 1
        return self._next_id - 1

    def _note_changes(self, state: AccountState, draft: Draft) -> None:
        if draft.kind is EntryKind.PLAN:
            return
        for pot, delta in draft.parts:
            if pot[0] == "#":
                change = self._lots.setdefault(int(pot[1:]), [0, 0, 0])
                change[0] += delta
                if draft.kind is EntryKind.REMOVE:
                    change[1] -= delta
                elif draft.kind is EntryKind.EXPIRE:
                    change[2] -= delta
            elif pot[0] == "!":
                self._debts.add((state.id, draft.metric))
                # Units that pay a debt never reach the lot that brought them: they count as taken back.
                lot_pot = draft.parts[0][0]
                self._lots.setdefault(int(lot_pot[1:]), [0, 0, 0])[1] -= delta
            elif pot[0] != "^":
                self._windows.add((state.id, draft.metric, pot.removeprefix("+")))

    def begin(self) -> Work[None]:
        """Learn where the next entry stands."""
        self._next_id = 1 + (yield from entry_rows.last_id())

    def write(self) -> Work[list[Crossed]]:
        """Write entries and changed states; return the crossings that are new."""
        if not self.entries:
            return []
        states, numbers = self._accounts, self._book.metric_ids
        yield from entry_rows.add(self.entries)
        yield from state_rows.set_heads(
            [(s.id, s.version, s.head, s.digest, self.now_ms) for s in states.values()]
        )
        yield from state_rows.set_windows(
            [
                (account, numbers[metric], period, *states[account].used[metric, period])
                for account, metric, period in self._windows
            ]
        )
        yield from state_rows.change_lots([(lot_id, *change) for lot_id, change in self._lots.items()])
        yield from state_rows.set_debts(
            [(account, numbers[metric], states[account].debt[metric]) for account, metric in self._debts]
        )
        new = {tuple(row) for row in (yield from state_rows.add_crossings([c[:5] for c in self._crossed]))}
        return [one for one in self._crossed if one[:5] in new]


def _crossings(payer: Payer, metric: str, units: int) -> list[tuple[Window, int]]:
    """Return the windows and thresholds (in percent) that the last `units` crossed; call after `apply`."""
    found = []
    for window in payer.windows:
        if window.limit and window.percents:
            used, _ = payer.state.used[metric, window.period.key]
            before = (used - units) * 100
            found += [
                (window, percent)
                for percent in window.percents
                if before < percent * window.limit <= used * 100
            ]
    return found
