"""Undo a spend, in the windows and lots that it was booked on, as a transaction's work."""

from __future__ import annotations

from collections.abc import Callable

from quota_core import ledger
from quota_core.accounts import AccountRef
from quota_core.book import Book
from quota_core.decisions import Decisions
from quota_core.errors import UnknownSpendError
from quota_core.keys import derived_key
from quota_core.ledger import EntryKind
from quota_core.parts import parts_of
from quota_core.posting import Posting
from quota_core.statements import Work
from quota_core.store import entries as entry_rows
from quota_core.store import states as state_rows


class Undoing:
    """Give back what was spent; `clock` gives UTC milliseconds."""

    def __init__(self, book: Book, decisions: Decisions, *, clock: Callable[[], int]) -> None:
        self._book = book
        self._decisions = decisions
        self._clock = clock

    def give_back(self, account: AccountRef, key: bytes) -> Work[int]:
        """Undo the spend of this key, once; UnknownSpendError when there is none."""
        now_ms = self._clock()
        states = yield from self._book.states_of([account], now_ms=now_ms, create=False)
        state = states[account]
        spent = (yield from self._decisions.known([(key, state.id)])).get((key, state.id), [])
        if not spent or spent[0].kind != EntryKind.SPEND:
            raise UnknownSpendError("nothing was spent under this key")
        units = sum(entry.units for entry in spent)
        if (yield from entry_rows.by_keys([(derived_key("give_back", key), state.id)])):
            return units
        refs = yield from state_rows.refs([entry.account for entry in spent])
        states = yield from self._book.states_of(refs.values(), now_ms=now_ms, create=False)
        metric = self._book.metric_names[spent[0].metric]
        payers = yield from self._book.payers([(one, metric) for one in states.values()], now_ms)
        posting = Posting(self._book, now_ms)
        yield from posting.begin(len(spent))
        for entry in spent:
            payer = payers[entry.account, metric]
            parts = parts_of(entry.parts)
            yield from self._book.touch(payer.state, metric, parts)
            draft = ledger.give_back(payer.state, metric, entry.units, parts)
            posting.append(draft, derived_key("give_back", entry.key), payer.windows)
        posting.close()
        yield from posting.write()
        return units
