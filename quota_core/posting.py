"""
The entries of one transaction: appended in memory by the rules, then written together with the states
they changed, in the same transaction. There is no tail to replay after a crash.
"""

from __future__ import annotations

from quota_core.book import Book
from quota_core.chain import Entry, digest_of
from quota_core.database import Work
from quota_core.ledger import (
    AccountState,
    Draft,
    EntryKind,
    Payer,
    Window,
    allowance_left,
    apply,
    crossed,
    parts_text,
    spendable,
)
from quota_core.store import entries as entry_rows
from quota_core.store import states as state_rows

Crossed = tuple[int, int, str, int]
"""A threshold crossed: account, metric number, window key, percent."""


class Posting:
    """The entries of one transaction: appended in memory, then written together."""

    def __init__(self, book: Book, now_ms: int) -> None:
        self._book = book
        self._now_ms = now_ms
        self._next_id = 0
        self.entries: list[Entry] = []
        self._accounts: dict[int, AccountState] = {}
        self._windows: set[tuple[int, str, str]] = set()
        self._lots: dict[int, list[int]] = {}
        self._debts: set[tuple[int, str]] = set()
        self._crossed: list[tuple[int, int, str, int, int]] = []

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
            at_ms=self._now_ms,
            key=key,
            allowance_left=allowance_left(payer, metric),
            purchased_left=sum(lot.left for lot in spendable(state.lots.get(metric, ()), self._now_ms)),
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
            counted = max((delta for pot, delta in draft.parts if pot[0] not in "#!+"), default=0)
            self._crossed += [
                (state.id, entry.metric, window.period.key, percent, entry.id)
                for window, percent in crossed(payer, draft.metric, counted)
                if counted
            ]
        return entry

    def _take_id(self) -> int:
        assert self._next_id, "begin() comes first"
        self._next_id += 1
        return self._next_id - 1

    def _note_changes(self, state: AccountState, draft: Draft) -> None:
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
            else:
                self._windows.add((state.id, draft.metric, pot.removeprefix("+")))

    def begin(self) -> Work[None]:
        """Learn where the next entry stands."""
        self._next_id = 1 + (yield from entry_rows.last_id())

    def write(self) -> Work[set[Crossed]]:
        """Write entries and changed states; return the crossings that are new."""
        if not self.entries:
            return set()
        states, numbers = self._accounts, self._book.metric_ids
        yield from entry_rows.add(self.entries)
        yield from state_rows.set_heads(
            [(s.id, s.version, s.head, s.digest, self._now_ms) for s in states.values()]
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
        return (yield from state_rows.add_crossings(self._crossed))
