"""
The hot path: whether an account may spend some units now, and from which pot.

Operations queue while the previous batch commits; each batch is one durable transaction, and answers are
released after its commit, never before. Alone, an operation waits for nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from quota_core import ledger
from quota_core.accounts import AccountRef
from quota_core.answers import Spend
from quota_core.book import Book
from quota_core.catalog import MAX_UNITS
from quota_core.database import Database
from quota_core.decisions import Consume, Decisions, StaleError
from quota_core.errors import (
    AmountError,
    ConstraintError,
    QuotaError,
    UnavailableError,
    UnknownMetricError,
    UnknownSpendError,
)
from quota_core.keys import derived_key, key_bytes
from quota_core.ledger import EntryKind
from quota_core.posting import Posting
from quota_core.statements import Work
from quota_core.store import entries as entry_rows
from quota_core.store import states as state_rows

log = logging.getLogger(__name__)

MAX_BATCH = 512
MAX_QUEUE = 20_000
FLUSHERS = 2
"""One batch is decided and answered while the other one is written."""
WORTH_HALVING = 32


class _Queued(NamedTuple):
    """Operations that one caller gave in together, and where their outcomes go."""

    operations: Sequence[Consume]
    future: asyncio.Future[Sequence[Spend | Exception]]


class Quota:
    """Spend, give back and look, for any account."""

    def __init__(self, database: Database, book: Book, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._book = book
        self._clock = clock
        self._queue: list[_Queued] = []
        self._waiting = 0  # operations in the queue
        self._flushers: set[asyncio.Task[Any] | None] = set()
        self._decisions = Decisions(book, clock=clock)

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
        [outcome] = await self._queued((operation,))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

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
        catalog = self._book.catalog
        metric = catalog.primary_metric if metric is None else metric
        if metric not in catalog.metrics:
            raise UnknownMetricError(metric)
        # An account that is named twice pays once, at its first place.
        others = tuple(dict.fromkeys((account, *payers)))[1:] if payers else ()
        return Consume(account, metric, units, key_bytes(key), others)

    async def consume_many(self, operations: Sequence[Consume]) -> list[Spend | QuotaError]:
        """
        Decide operations in their order, in as few transactions as possible; refusals are returned.

        Raises:
            UnavailableError: the ledger cannot be written just now; what was decided before that stands.

        """
        outcomes: list[Spend | QuotaError] = []
        for start in range(0, len(operations), MAX_BATCH):
            for outcome in await self._queued(operations[start : start + MAX_BATCH]):
                if not isinstance(outcome, Spend | QuotaError) or isinstance(outcome, UnavailableError):
                    raise outcome
                outcomes.append(outcome)
        return outcomes

    def _queued(self, operations: Sequence[Consume]) -> asyncio.Future[Sequence[Spend | Exception]]:
        """Put operations into the queue together and return what will become of them."""
        if self._waiting >= MAX_QUEUE:
            raise UnavailableError("too many operations are waiting", retry_seconds=1)
        future: asyncio.Future[Sequence[Spend | Exception]] = asyncio.get_running_loop().create_future()
        self._queue.append(_Queued(operations, future))
        self._waiting += len(operations)
        if not self._flushers:
            self._start_flusher()
        return future

    async def drain(self) -> None:
        """Wait until everything that was queued has its answer."""
        while self._flushers:
            # Shielded: whoever stops waiting must not take the answers from those who wait.
            await asyncio.shield(asyncio.gather(*[task for task in self._flushers if task is not None]))

    def _take(self) -> list[_Queued]:
        """
        Take the next batch from the queue.

        Half of what waits, while nothing is under way: the other half is decided while this one is written. Few
        operations stay together, since each transaction waits for the disk.
        """
        alone = len(self._flushers) == 1
        wanted = (self._waiting + 1) // 2 if alone and self._waiting >= WORTH_HALVING else self._waiting
        count = taken = 0
        while taken < min(wanted, MAX_BATCH):
            taken += len(self._queue[count].operations)
            count += 1
        batch, self._queue = self._queue[:count], self._queue[count:]
        self._waiting -= taken
        return batch

    async def _flush(self) -> None:
        try:
            while self._queue:
                batch = self._take()
                if self._queue:
                    self._start_flusher()
                outcomes = await self._outcomes([one for queued in batch for one in queued.operations])
                place = 0
                for operations, future in batch:
                    if (
                        not future.done()
                    ):  # else its caller was cancelled; the key tells a repeat what happened
                        future.set_result(outcomes[place : place + len(operations)])
                    place += len(operations)
        finally:
            # At once, and not when the task is seen to be done: who comes in between must start another.
            self._flushers.discard(asyncio.current_task())

    def _start_flusher(self) -> None:
        if len(self._flushers) < FLUSHERS:
            self._flushers.add(asyncio.create_task(self._flush()))

    async def _outcomes(self, operations: list[Consume]) -> Sequence[Spend | Exception]:
        """Commit a batch; what makes it fail belongs to those who wait, and to no other operation than its own."""
        try:
            return await self._commit(operations)
        except UnavailableError as error:
            return [error] * len(operations)
        except Exception as error:
            if len(operations) == 1:
                return [error]
            log.exception("a batch of %d failed; its operations are tried one by one", len(operations))
            return [outcome for one in operations for outcome in await self._outcomes([one])]

    async def _commit(self, operations: Sequence[Consume]) -> list[Spend | QuotaError]:
        if self._database.busy:
            # What others are about to write may change what is decided here; after one wait, take turns with them.
            await self._database.quiet()
        write = None if self._database.busy else self._decisions.at_once(operations)
        if write is not None:
            try:
                return await self._database.append(write)
            except (StaleError, ConstraintError):
                log.info("a batch of %d is decided again: a key in it is older than memory", len(operations))
            except Exception:
                self._book.forget()  # it may not even have been tried
                raise
        return await self._database.write(lambda: self._decisions.batch(operations))

    async def give_back(self, account: AccountRef, *, key: str | int | UUID) -> int:
        """
        Undo the spend that was made under `key`, once, in the windows it was booked on; return its units.

        Raises:
            UnknownSpendError: nothing was spent under this key.

        """
        return await self._database.write(lambda: self._give_back(account, key_bytes(key)))

    def _give_back(self, account: AccountRef, key: bytes) -> Work[int]:
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
            parts = ledger.parts_of(entry.parts)
            yield from self._book.touch(payer.state, metric, parts)
            draft = ledger.give_back(payer.state, metric, entry.units, parts)
            posting.append(draft, derived_key("give_back", entry.key), payer.windows)
        posting.close()
        yield from posting.write()
        return units
