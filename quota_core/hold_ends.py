"""
How holds end: settled, released, or over by their time.

A hold ends once: whatever ends it does so under one key, which is the hold's alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from quota_core import facts, shares
from quota_core.accounts import AccountRef
from quota_core.book import Book
from quota_core.chain import Entry
from quota_core.keys import derived_key
from quota_core.ledger import AccountState, EntryKind
from quota_core.statements import Work
from quota_core.store import entries as entry_rows
from quota_core.store import holds as hold_rows
from quota_core.undoing import take_back


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldEnd:
    """
    How a hold ended: of `units_held`, `units_used` were used and the rest went back to where it was taken.

    `how` is settled, released or expired; `allowance_left` (None is unlimited) and `purchased_left` are the first
    payer's afterwards. A replay carries the numbers of the first answer.
    """

    metric: str
    how: str
    units_held: int
    units_used: int
    allowance_left: int | None
    purchased_left: int
    entry_ids: tuple[int, ...]
    replayed: bool = False

    @property
    def units_back(self) -> int:
        """Units that went back."""
        return self.units_held - self.units_used


def is_due(state: AccountState, now_ms: int) -> bool:
    """Tell whether a hold of this account is over by its time."""
    return any(hold.until_ms <= now_ms for hold in state.holds)


def end_due(book: Book, states: Mapping[AccountRef, AccountState], now_ms: int) -> Work[int]:
    """End the holds of these accounts that are over by their time, and return how many there were."""
    due = [hold.entry for state in states.values() for hold in state.holds if hold.until_ms <= now_ms]
    if not due:
        return 0
    placed = yield from shares.with_others((yield from entry_rows.by_ids(due)))
    for entries in placed.values():
        yield from end(book, entries, EntryKind.RELEASE, 0, now_ms, states)
    return len(placed)


def ended(book: Book, held: Sequence[Entry]) -> Work[HoldEnd | None]:
    """Return how the hold that these entries placed has ended, None when it has not."""
    key = (_end_key(held[0]), held[0].account)
    entries = (yield from shares.known([key])).get(key)
    return None if entries is None else _told(book, held, entries, replayed=True)


def end(  # noqa: PLR0917 - what every end needs
    book: Book,
    held: Sequence[Entry],
    kind: EntryKind,
    used: int,
    now_ms: int,
    states: Mapping[AccountRef, AccountState],
) -> Work[HoldEnd]:
    """End the open hold that these entries placed: `used` units (at most all) stay taken."""
    first = held[0]
    key = _end_key(first)
    back = sum(entry.units for entry in held) - used
    entries = yield from take_back(book, held, kind, back, key=key, now_ms=now_ms, states=states)
    yield from hold_rows.remove(first.account, first.key)
    return _told(book, held, entries, replayed=False)


def _end_key(held: Entry) -> bytes:
    return derived_key("hold_end", held.key)


def _told(book: Book, held: Sequence[Entry], entries: Sequence[Entry], *, replayed: bool) -> HoldEnd:
    until_ms = facts.fact_in(held[0].parts, facts.UNTIL)
    assert until_ms is not None
    first = entries[0]
    settled = first.kind == EntryKind.SETTLE
    return HoldEnd(
        metric=book.metric_names[first.metric],
        how="settled" if settled else "expired" if first.at_ms >= until_ms else "released",
        units_held=sum(entry.units for entry in held),
        units_used=sum(facts.hold_end_in(entry.parts)[1] for entry in entries),
        allowance_left=first.allowance_left,
        purchased_left=first.purchased_left,
        entry_ids=tuple(entry.id for entry in entries),
        replayed=replayed,
    )
