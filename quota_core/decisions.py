"""
What a batch of operations leads to: entries and answers, in their order.

Two ways to the same decisions. `batch` runs inside a transaction: it locks and reads everything first. `at_once`
runs before its transaction, when this process owns the database and everything needed is resident: then the
transaction only writes, and the next batch is decided while it does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from quota_core import answers, facts, hold_ends, ledger, shares
from quota_core.answers import Spend
from quota_core.book import Book
from quota_core.chain import Entry
from quota_core.consumes import Consume
from quota_core.errors import (
    AccountBlockedError,
    ConflictingReplayError,
    QuotaError,
)
from quota_core.ledger import AccountState, EntryKind, Payer, Window
from quota_core.not_in_plan import lacking, outside
from quota_core.paid_units import paid_in
from quota_core.parts import parts_text
from quota_core.paying import add_parents, paying, told
from quota_core.plain_spends import decide_plainly
from quota_core.pool_caps import read_drawn, with_caps
from quota_core.posting import Crossed, Posting, UnreadError
from quota_core.statements import Work
from quota_core.store import entries as entry_rows

REMEMBERED_KEYS = 200_000
_new_spend = tuple.__new__
Outcomes = list[Spend | QuotaError]


class AtOnce(NamedTuple):
    """
    A batch as far as memory could decide it: an outcome for each operation, None for those that need a look.

    `write` is the transaction's work and returns new crossings; StaleError: memory was ahead of the truth.
    """

    outcomes: list[Spend | QuotaError | None]
    write: Callable[[], Work[list[Crossed]]]


class StaleError(Exception):
    """What was decided in memory does not fit the database: nothing was written, decide again."""


class Decisions:
    """Decide batches of operations."""

    def __init__(self, book: Book, *, clock: Callable[[], int]) -> None:
        self._book = book
        self._clock = clock
        self._keys: set[bytes] = set()
        self._older_keys: set[bytes] = set()

    def batch(self, operations: Sequence[Consume]) -> Work[Outcomes]:
        """Read what the operations need, decide and write."""
        now_ms = self._clock()
        # Looked for behind the lock: of two copies of a request one sees the other's entry.
        refs = {ref for operation in operations for ref in operation.payers}
        most = sum([1 + len(operation.others) for operation in operations])
        keys = [operation.key for operation in operations]
        questions = entry_rows.keys_and_ids(keys, most, accounts=len(refs))
        states, answered = yield from self._book.states_with(refs, questions, now_ms=now_ms)
        asked = len(states)
        yield from add_parents(self._book, states, now_ms)
        ended = yield from hold_ends.end_due(self._book, states, now_ms)
        payers_of = [paying(operation.payers, states) for operation in operations]
        needed = sum([len(all_) for all_ in payers_of])
        if ended or len(states) > asked or needed > most:
            answered = (
                None  # ids grow along a chain: these were drawn before others were locked, or are too few
            )
        posting = Posting(self._book, now_ms)
        before = yield from posting.begin_with(
            [(op.key, states[op.account].id) for op in operations], needed, answered
        )
        known = yield from shares.with_others(before)
        yield from self._book.prepare(
            [(one, op.metric) for op, all_ in zip(operations, payers_of, strict=True) for one in all_], now_ms
        )
        for operation, who in zip(operations, payers_of, strict=True):
            if operation.draw is not None:
                yield from read_drawn(self._book, operation.metric, operation.draw, who, now_ms)
        outcomes: Outcomes = []
        for operation, who in zip(operations, payers_of, strict=True):
            first = who[0]
            place = (operation.key, first.id)
            payers = [Payer(one, posting.windows_of(one, operation.metric)) for one in who]
            if operation.draw is not None:
                payers = with_caps(self._book, operation.metric, operation.draw, payers, now_ms)
            if place in known:
                outcomes.append(self.replay(operation, payers, known[place]))
                continue
            count = len(posting.entries)
            alone = None if len(who) > 1 else self._decide_alone(operation, first, payers[0].windows, posting)
            outcomes.append(self.decide(operation, payers, posting) if alone is None else alone)
            if len(posting.entries) > count:
                known[place] = posting.entries[count:]
        posting.close()
        new = yield from posting.write()
        if self._book.resident:
            self._remember([operation.key for operation in operations])
        return answers.with_crossings(outcomes, new)

    def at_once(self, operations: Sequence[Consume]) -> AtOnce | None:
        """
        Decide in memory what can be decided there; None when that is nothing.

        Keys that were seen lately need a look. Others are left to the unique index, or looked up when they were
        refused: a refusal writes nothing that the index could object to.
        """
        book, now_ms = self._book, self._clock()
        if book.last_id is None:
            return None
        epoch = book.epoch
        posting = Posting(book, now_ms)
        posting.begin_at_once()
        remembered = (self._keys, self._older_keys)
        outcomes = decide_plainly(
            operations, posting, book.states, remembered=remembered, otherwise=self._in_memory
        )
        refused = []
        if len(posting.entries) < len(operations):
            refused = [
                (operation.key, state.id)
                for operation, outcome in zip(operations, outcomes, strict=True)
                if outcome is not None
                and type(outcome) is not Spend
                and (state := book.states.get(operation.account)) is not None  # else all of this is stale
            ]
        if not posting.entries and not refused:
            return None
        posting.close()
        self._remember([])

        def write() -> Work[list[Crossed]]:
            if book.epoch != epoch or (refused and (yield from entry_rows.by_keys(refused))):
                raise StaleError
            return (yield from posting.write(may_be_late=True))

        return AtOnce(outcomes, write)

    def _in_memory(self, operation: Consume, posting: Posting) -> Spend | QuotaError | None:
        """Decide if the account is resident and the key was not seen lately; else None."""
        account, metric, _, key, others, _, _, _, _ = operation
        state = self._book.states.get(account)
        if state is None or others or key in self._keys or key in self._older_keys:
            return None
        if state.parent is not None or (state.holds and hold_ends.is_due(state, posting.now_ms)):
            return None
        try:
            windows = posting.windows_of(state, metric)
        except UnreadError:
            return None
        outcome = self._decide_alone(operation, state, windows, posting)
        if type(outcome) is Spend:
            self._keys.add(key)
        return outcome

    def _decide_alone(
        self, operation: Consume, state: AccountState, windows: tuple[Window, ...], posting: Posting
    ) -> Spend | QuotaError | None:
        """Decide for one payer; None when what a window has used is not known yet."""
        _, metric, units, key, _, service, _, _, _ = operation
        try:
            if not state.blocked:
                if service:
                    if lacking(self._book, metric, service, (state,), posting.now_ms) is not None:
                        return self.decide(operation, [Payer(state, windows)], posting)
                    calls = parts_text(operation.parts)
                    entry = posting.spend_allowance(state, windows, metric, units, key, calls)
                else:
                    entry = posting.spend_allowance(state, windows, metric, units, key)
                if entry is not None:
                    # In the order of its fields: all from the allowance, what is left, the entry, no replay.
                    return _new_spend(
                        Spend, (metric, units, units, 0, 0, entry[10], entry[11], (entry[0],), False, ())
                    )
            if not all(window.place in state.used for window in windows):
                return None
        except KeyError:
            return None
        return self.decide(operation, [Payer(state, windows)], posting)

    def _remember(self, keys: Sequence[bytes]) -> None:
        """Note keys as seen; of the oldest, half are forgotten at a time."""
        self._keys.update(keys)
        if len(self._keys) > REMEMBERED_KEYS // 2:
            self._keys, self._older_keys = set(), self._keys

    def decide(
        self,
        operation: Consume,
        payers: Sequence[Payer],
        posting: Posting,
        *,
        until_ms: int | None = None,
    ) -> Spend | QuotaError:
        """Spend, or refuse; with `until_ms` the units are held until then, and not spent yet."""
        first, metric, units = payers[told(payers)], operation.metric, operation.units
        for payer in payers:
            if payer.state.blocked:
                return AccountBlockedError(str(payer.state.ref))
        states = [payer.state for payer in payers]
        refusal = lacking(self._book, metric, operation.service, states, posting.now_ms)
        if refusal is not None:
            return refusal
        drafts = ledger.spend(payers, metric, units, posting.now_ms, operation.parts)
        if isinstance(drafts, ledger.Shortage):
            refusal = outside(self._book, metric, operation.service, payers, posting.now_ms)
            if refusal is not None:
                return refusal
            plan = self._book.plan_id(first.state, posting.now_ms)
            return answers.refusal(
                first, metric, units, plan=plan, shortage=drafts, now_ms=posting.now_ms, payers=payers
            )
        if operation.free_only:
            paid = paid_in(drafts[0], payers[0], posting.now_ms)
            if paid is not None:
                return paid
        if until_ms is not None:
            drafts = [replace(draft, kind=EntryKind.HOLD) for draft in drafts]
            drafts[0] = replace(drafts[0], parts=(*drafts[0].parts, facts.fact(facts.UNTIL, until_ms)))
        windows = {payer.state.id: payer.windows for payer in payers}
        # The key is the first payer's; another one's account may have its own operation under the same key.
        entries = [posting.append(drafts[0], operation.key, windows[drafts[0].state.id])]
        for draft in drafts[1:]:
            key = shares.payer_key(drafts[0].state.id, operation.key)
            entries.append(posting.append(draft, key, windows[draft.state.id]))
        return answers.spend_of(metric, entries, replayed=False, told=told(payers))

    def replay(
        self,
        operation: Consume,
        payers: Sequence[Payer],
        before: list[Entry],
        *,
        kind: EntryKind = EntryKind.SPEND,
    ) -> Spend | QuotaError:
        """Return the first answer, if the entries that are under the key are of this operation."""
        same = (
            {entry.account for entry in before} <= {payer.state.id for payer in payers}
            and all(entry.kind == kind for entry in before)
            and shares.service_in(before[0]) == operation.parts
        )
        if not operation.service:  # else how often it was called is the content: it may have cost less then
            same = (
                same
                and {entry.metric for entry in before} == {self._book.metric_ids[operation.metric]}
                and sum(entry.units for entry in before) == operation.units
            )
        if not same:
            return ConflictingReplayError("this key was used before, with other content")
        return answers.spend_of(
            self._book.metric_names[before[0].metric], before, replayed=True, told=told(payers)
        )
