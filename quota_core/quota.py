"""
The hot path: whether an account may spend some units now, and from which pot.

Operations queue while the previous batch commits; each batch is one durable transaction, and answers are
released after its commit, never before. Alone, an operation waits for nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple
from uuid import UUID

from quota_core import answers, ledger
from quota_core.accounts import AccountRef
from quota_core.answers import Spend
from quota_core.book import Book
from quota_core.catalog import MAX_UNITS
from quota_core.chain import Entry
from quota_core.database import Database, Work
from quota_core.errors import (
    AccountBlockedError,
    AmountError,
    ConflictingReplayError,
    QuotaError,
    UnavailableError,
    UnknownSpendError,
)
from quota_core.keys import derived_key, key_bytes
from quota_core.ledger import EntryKind, Payer
from quota_core.posting import Posting
from quota_core.store import entries as entry_rows

MAX_BATCH = 1000
MAX_QUEUE = 20_000


class Consume(NamedTuple):
    """
    One operation: `units` (at least 1) of `metric`, paid by `payers` in their order.

    The key is unique for ever per account; the same key with the same content gets the first answer.
    """

    payers: tuple[AccountRef, ...]
    metric: str
    units: int
    key: bytes


class Quota:
    """Spend, give back and look, for any account."""

    def __init__(self, database: Database, book: Book, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._book = book
        self._clock = clock
        self._queue: list[tuple[Consume, asyncio.Future[Spend]]] = []
        self._flusher: asyncio.Task[None] | None = None

    @property
    def book(self) -> Book:
        """The states of accounts, and with them the catalog."""
        return self._book

    async def consume(
        self,
        account: AccountRef,
        units: int = 1,
        *,
        key: str | int | UUID,
        metric: str | None = None,
        payers: Sequence[AccountRef] = (),
    ) -> Spend:
        """
        Take `units` of `metric` (the primary one unless given), once per `key`; durable when it returns.

        Args:
            account: pays first; its own pots come before those of `payers`.
            units: 1..2^53-1.
            key: made by the caller, 1..200 characters; unique for ever per account.
            metric: an id of the catalog.
            payers: further accounts, in order.

        Raises:
            OutOfQuotaError: all together have less; nothing was written, the same key may succeed later.
            AccountBlockedError, UnknownMetricError, AmountError: refused for that reason.
            ConflictingReplayError: the key was used for something else.
            UnavailableError: the ledger cannot be written just now; send the same key again.

        """
        operation = self.operation(account, units, key=key, metric=metric, payers=payers)
        if len(self._queue) >= MAX_QUEUE:
            raise UnavailableError("too many operations are waiting", retry_seconds=1)
        future: asyncio.Future[Spend] = asyncio.get_running_loop().create_future()
        self._queue.append((operation, future))
        if self._flusher is None:
            self._flusher = asyncio.create_task(self._flush())
        return await future

    def operation(
        self,
        account: AccountRef,
        units: int = 1,
        *,
        key: str | int | UUID,
        metric: str | None = None,
        payers: Sequence[AccountRef] = (),
    ) -> Consume:
        """Check the arguments of `consume` and return the operation they make."""
        if not 1 <= units <= MAX_UNITS:
            raise AmountError(units, minimum=1, maximum=MAX_UNITS)
        metric = self._book.catalog.primary_metric if metric is None else metric
        self._book.catalog.metric(metric)
        # An account that is named twice pays once, at its first place.
        return Consume(tuple(dict.fromkeys((account, *payers))), metric, units, key_bytes(key))

    async def consume_many(self, operations: Sequence[Consume]) -> list[Spend | QuotaError]:
        """Decide operations in their order, in as few transactions as possible; refusals are returned."""
        outcomes: list[Spend | QuotaError] = []
        for start in range(0, len(operations), MAX_BATCH):
            outcomes += await self._commit(operations[start : start + MAX_BATCH])
        return outcomes

    async def drain(self) -> None:
        """Wait until everything that was queued has its answer."""
        if self._flusher is not None:
            await self._flusher

    async def _flush(self) -> None:
        try:
            while self._queue:
                batch, self._queue = self._queue[:MAX_BATCH], self._queue[MAX_BATCH:]
                try:
                    outcomes: Sequence[Spend | Exception] = await self._commit([op for op, _ in batch])
                except Exception as error:  # noqa: BLE001 - it belongs to those who wait, not to this task
                    outcomes = [error] * len(batch)
                for (_, future), outcome in zip(batch, outcomes, strict=True):
                    if future.done():
                        continue  # its caller was cancelled; the key tells a repeat what happened
                    if isinstance(outcome, Exception):
                        future.set_exception(outcome)
                    else:
                        future.set_result(outcome)
        finally:
            self._flusher = None

    async def _commit(self, operations: Sequence[Consume]) -> list[Spend | QuotaError]:
        self._book.make_room()
        return await self._database.write(lambda: self._batch(operations))

    def _batch(self, operations: Sequence[Consume]) -> Work[list[Spend | QuotaError]]:
        now_ms = self._clock()
        posting = Posting(self._book, now_ms)
        yield from posting.begin()
        states = yield from self._book.states_of(
            {ref for operation in operations for ref in operation.payers}, now_ms=now_ms, create=True
        )
        # Look only now: the rows are locked, so of two copies of a request one sees the other's entry.
        found = yield from entry_rows.by_keys(
            [(op.key, states[ref].id) for op in operations for ref in op.payers if states[ref].head]
        )
        known = {(entry.key, entry.account): entry for entry in found}
        payers = yield from self._book.payers(
            [(states[ref], op.metric) for op in operations for ref in op.payers], now_ms
        )
        outcomes: list[Spend | QuotaError] = []
        for operation in operations:
            accounts = [states[ref] for ref in operation.payers]
            before = [known[key] for s in accounts if (key := (operation.key, s.id)) in known]
            if before:
                outcomes.append(self._replay(operation, before))
                continue
            outcome = self._decide(operation, [payers[s.id, operation.metric] for s in accounts], posting)
            outcomes.append(outcome)
            if isinstance(outcome, Spend):
                for entry in posting.entries[-len(outcome.entry_ids) :]:
                    known[entry.key, entry.account] = entry
        new = yield from posting.write()
        return (
            answers.with_crossings([op.metric for op in operations], outcomes, payers, new)
            if new
            else outcomes
        )

    def _decide(self, operation: Consume, payers: list[Payer], posting: Posting) -> Spend | QuotaError:
        now_ms = posting.now_ms
        for payer in payers:
            if payer.state.blocked:
                return AccountBlockedError(str(payer.state.ref))
        drafts = ledger.spend(payers, operation.metric, operation.units, now_ms)
        if isinstance(drafts, ledger.Shortage):
            plan = self._book.plan_id(payers[0].state, now_ms)
            return answers.refusal(payers[0], operation.metric, operation.units, plan, drafts)
        windows = {payer.state.id: payer.windows for payer in payers}
        entries = [posting.append(draft, operation.key, windows[draft.state.id]) for draft in drafts]
        return answers.spend_of(operation.metric, entries, replayed=False)

    def _replay(self, operation: Consume, before: list[Entry]) -> Spend | QuotaError:
        same = (
            all(entry.kind == EntryKind.SPEND for entry in before)
            and {entry.metric for entry in before} == {self._book.metric_ids[operation.metric]}
            and sum(entry.units for entry in before) == operation.units
        )
        if not same:
            return ConflictingReplayError("this key was used before, with other content")
        return answers.spend_of(operation.metric, before, replayed=True)

    async def give_back(self, account: AccountRef, *, key: str | int | UUID) -> int:
        """
        Undo the spend that was made under `key`, once, in the windows it was booked on; return its units.

        Raises:
            UnknownSpendError: nothing was spent under this key.

        """
        return await self._database.write(lambda: self._give_back(account, key_bytes(key)))

    def _give_back(self, account: AccountRef, key: bytes) -> Work[int]:
        now_ms = self._clock()
        posting = Posting(self._book, now_ms)
        yield from posting.begin()
        states = yield from self._book.states_of([account], now_ms=now_ms, create=False)
        state = states[account]
        back_key = derived_key("give_back", key)
        found = yield from entry_rows.by_keys([(key, state.id), (back_key, state.id)])
        by_key = {entry.key: entry for entry in found}
        if back_key in by_key:
            return by_key[back_key].units
        entry = by_key.get(key)
        if entry is None or entry.kind != EntryKind.SPEND:
            raise UnknownSpendError("nothing was spent under this key")
        metric = self._book.metric_names[entry.metric]
        parts = ledger.parts_of(entry.parts)
        yield from self._book.touch(state, metric, parts)
        draft = ledger.give_back(state, metric, entry.units, parts)
        payers = yield from self._book.payers([(state, metric)], now_ms)
        posting.append(draft, back_key, payers[state.id, metric].windows)
        yield from posting.write()
        return entry.units
