"""Whose pots an operation may use: its payers in their order, and behind each that has one its parent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from quota_core.accounts import AccountRef
from quota_core.book import Book
from quota_core.ledger import AccountState, Payer
from quota_core.statements import Work

States = dict[AccountRef, AccountState]


def add_parents(book: Book, states: States, now_ms: int) -> Work[None]:
    """Lock the accounts that pay for some of these, and put them beside these."""
    parents = {state.parent for state in states.values() if state.parent is not None} - states.keys()
    if parents:
        states |= yield from book.states_of(parents, now_ms=now_ms, create=False)


def paying(refs: Iterable[AccountRef], states: States) -> list[AccountState]:
    """Return who pays, in order; nobody twice."""
    found: dict[AccountRef, AccountState] = {}
    for ref in refs:
        found[ref] = state = states[ref]
        if state.parent is not None:
            found.setdefault(state.parent, states[state.parent])
    return list(found.values())


def told(payers: Sequence[Payer]) -> int:
    """Return the place of the payer whose numbers the first one is told: its parent's, or its own."""
    return 1 if payers[0].state.parent is not None else 0
