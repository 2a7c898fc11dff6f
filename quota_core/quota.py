"""
The hot path: whether an account may spend some units now, and from which pot.

Operations queue while the previous batch commits; each batch is one durable transaction, and answers are
released after its commit, never before. Alone, an operation waits for nothing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from quota_core import answers
from quota_core.accounts import AccountRef
from quota_core.advice import Advisor
from quota_core.answers import Spend
from quota_core.book import Book
from quota_core.catalog import MAX_UNITS
from quota_core.consumes import Consume, call_of, plain_consumes
from quota_core.crash_points import crash_point
from quota_core.database import Database
from quota_core.decisions import Decisions, StaleError
from quota_core.errors import AmountError, ConstraintError, QuotaError, UnavailableError, UnknownMetricError
from quota_core.gauges import Gauges, Level, Setting
from quota_core.hold_ends import HoldEnd
from quota_core.holds import DEFAULT_TTL_SECONDS, Held, Holds
from quota_core.keys import key_bytes
from quota_core.meter import UNMETERED, Meter
from quota_core.request_ids import NOBODYS
from quota_core.severities import report_crossings
from quota_core.undoing import give_back
from quota_core.waiting import Together, Waiter, decided, release, whole

log = logging.getLogger(__name__)

MAX_BATCH = 512
MAX_QUEUE = 20_000
FLUSHERS = 2
"""One batch is decided and answered while the other one is written..."""
WORTH_ANOTHER = 128
"""... once so many operations wait: a few do better together, since each transaction waits for the disk."""


class Quota:
    """
    Spend, give back and look, for any account.

    Args:
        database: where the ledger stands.
        book: the states of accounts, and with them the catalog.
        clock: UTC milliseconds.
        meter: is told of each batch, in seconds of `monotonic`.

    """

    def __init__(
        self,
        database: Database,
        book: Book,
        *,
        clock: Callable[[], int],
        meter: Meter = UNMETERED,
        monotonic: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._database, self._book, self._clock = database, book, clock
        self._meter, self._monotonic = meter, monotonic
        self._since = 0.0  # when the oldest that waits came
        self._operations: list[Consume] = []
        self._waiting: list[Waiter | Together] = []
        self._flushers: set[asyncio.Task[Any] | None] = set()
        self._decisions = Decisions(book, clock=clock)
        self.advisor = Advisor(database, book, self._decisions, clock=clock)
        self._gauges = Gauges(database, book, clock=clock)
        self.holds = Holds(database, book, self._decisions, clock=clock)

    @property
    def book(self) -> Book:
        """The states of accounts, and with them the catalog."""
        return self._book

    def consume(
        self,
        account: AccountRef,
        units: int = 1,
        *,
        key: str | int | UUID,
        metric: str | None = None,
        payers: Sequence[AccountRef] = (),
        service: str | None = None,
    ) -> asyncio.Future[Spend]:
        """
        Take `units` of `metric` (the primary one unless given), once per `key`; durable when it returns.

        Args:
            account: pays first; its own pots come before those of `payers`.
            units: 1..2^53-1.
            key: made by the caller, 1..200 characters; unique for ever per account.
            metric: an id of the catalog.
            payers: further accounts, in order.
            service: an id of the catalog, in place of a metric: then `units` are calls of it, at its cost each.

        Raises:
            OutOfQuotaError: all together have less; nothing was written, the same key may succeed later.
            NotInPlanError: no payer's plan has the service or the metric, and none of it was bought.
            AccountBlockedError, UnknownMetricError, UnknownServiceError, AmountError: refused for that reason.
            ConflictingReplayError: the key was used for something else.
            UnavailableError: the ledger cannot be written just now; send the same key again.

        """
        operation = self.operation(account, units, key=key, metric=metric, payers=payers, service=service)
        future: asyncio.Future[Spend] = asyncio.get_running_loop().create_future()
        self.begin(operation, future)
        return future

    def begin(self, operation: Consume, waiter: Waiter) -> None:
        """Begin what `operation` returned; `waiter` gets what `consume` returns or raises."""
        if not self._operations:
            self._since = self._monotonic()
        self._operations.append(operation)
        self._waiting.append(waiter)
        self._start_flusher()

    def operation(
        self,
        account: AccountRef,
        units: int = 1,
        *,
        key: str | int | UUID,
        metric: str | None = None,
        payers: Sequence[AccountRef] = (),
        service: str | None = None,
    ) -> Consume:
        """Check the arguments of `consume` and return the operation they make."""
        if len(self._operations) >= MAX_QUEUE:
            raise UnavailableError("too many operations are waiting", retry_seconds=1)
        if not 1 <= units <= MAX_UNITS:
            raise AmountError(units, minimum=1, maximum=MAX_UNITS)
        # An account that is named twice pays once, at its first place.
        others = tuple(dict.fromkeys((account, *payers)))[1:] if payers else ()
        catalog = self._book.catalog
        if service is not None:
            return call_of(catalog, account, service, units, key_bytes(key), others)
        metric = catalog.primary_metric if metric is None else metric
        if metric not in catalog.metrics:
            raise UnknownMetricError(metric)
        return Consume(account, metric, units, key_bytes(key), others)

    def operations(
        self, accounts: Sequence[AccountRef], units: Sequence[int], keys: Sequence[str], metric: str | None
    ) -> list[Consume] | None:
        """Return what `operation` would for each; None where one is refused. Their units are in bounds."""
        full = len(self._operations) >= MAX_QUEUE
        return None if full else plain_consumes(self._book.catalog, accounts, units, keys, metric)

    async def consume_many(self, operations: Sequence[Consume]) -> list[Spend | QuotaError]:
        """
        Decide operations in their order, in as few transactions as possible; refusals are returned.

        Raises:
            UnavailableError: the ledger cannot be written just now; what was decided before that stands.

        """
        outcomes: list[Spend | QuotaError] = []
        for start in range(0, len(operations), MAX_BATCH):
            together = operations[start : start + MAX_BATCH]
            future: asyncio.Future[Sequence[Spend | Exception]] = asyncio.get_running_loop().create_future()
            if not self._operations:
                self._since = self._monotonic()
            self._operations += together
            self._waiting.append(Together(future, len(together)))
            self._start_flusher()
            outcomes += decided(await future)
        return outcomes

    async def drain(self) -> None:
        """Wait until everything that was queued has its answer."""
        while self._flushers:
            # Shielded: whoever stops waiting must not take the answers from those who wait.
            await asyncio.shield(asyncio.gather(*[task for task in self._flushers if task is not None]))

    def _take(self) -> tuple[list[Consume], list[Waiter | Together]]:
        """Take the next batch from the queue: operations, and who waits for them."""
        count, waiters = whole(self._waiting, len(self._operations), MAX_BATCH)
        waiting, self._waiting = self._waiting[:waiters], self._waiting[waiters:]
        operations, self._operations = self._operations[:count], self._operations[count:]
        return operations, waiting

    async def _flush(self) -> None:
        try:
            while self._operations:
                since = self._since
                operations, waiting = self._take()
                self._start_flusher()
                outcomes = await self._outcomes(operations)
                crash_point("consume.45.committed")
                release(waiting, outcomes)
                self._meter.decided(len(operations), self._monotonic() - since)
        finally:
            # At once, and not when the task is seen to be done: who comes in between must start another.
            self._flushers.discard(asyncio.current_task())

    def _start_flusher(self) -> None:
        """Start what works the queue off, unless it is enough to wait for what is under way."""
        under_way = len(self._flushers)
        if under_way < FLUSHERS and len(self._operations) >= (WORTH_ANOTHER if under_way else 1):
            self._flushers.add(asyncio.create_task(self._flush(), context=NOBODYS))

    async def _outcomes(self, operations: list[Consume]) -> Sequence[Spend | Exception]:
        """Commit a batch; what makes it fail belongs to those who wait, and to no other operation than its own."""
        since = self._monotonic()
        try:
            outcomes = await self._commit(operations)
        except UnavailableError as error:
            return [error] * len(operations)
        except Exception as error:
            if len(operations) == 1:
                return [error]
            log.exception("a batch of %d failed; its operations are tried one by one", len(operations))
            return [outcome for one in operations for outcome in await self._outcomes([one])]
        self._meter.committed(len(operations), self._monotonic() - since)
        return outcomes

    async def _commit(self, operations: Sequence[Consume]) -> list[Spend | QuotaError]:
        if self._database.busy:
            # What others are about to write may change what is decided here; after one wait, take turns with them.
            await self._database.quiet()
        try:
            decided = None if self._database.busy else self._decisions.at_once(operations)
            crash_point("consume.44.decided")
            crossed = [] if decided is None else await self._database.append(decided.write)
        except (StaleError, ConstraintError):
            log.info("a batch of %d is decided again: a key in it is older than memory", len(operations))
            decided = None
        except Exception:
            self._book.forget()  # decided by half, or not even tried: memory may be ahead
            raise
        if decided is None:
            return await self._batch(operations)
        outcomes = answers.with_crossings(decided.outcomes, crossed)
        if crossed:
            report_crossings(self._meter, self._book, outcomes)
        if None not in outcomes:
            return outcomes  # type: ignore[return-value]  # see above
        rest = [one for one, outcome in zip(operations, outcomes, strict=True) if outcome is None]
        later = iter(await self._batch(rest))
        return [next(later) if outcome is None else outcome for outcome in outcomes]

    async def _batch(self, operations: Sequence[Consume]) -> list[Spend | QuotaError]:
        outcomes = await self._database.write(lambda: self._decisions.batch(operations))
        report_crossings(self._meter, self._book, outcomes)
        return outcomes

    async def set_level(
        self, account: AccountRef, level: int, *, metric: str, key: str | int | UUID, enforce: bool = False
    ) -> Level:
        """Record what a gauge stands at; see `Gauges.set_level`."""
        level_set = await self._gauges.set_level(Setting(account, metric, level, key_bytes(key), enforce))
        report_crossings(self._meter, self._book, [level_set])
        return level_set

    async def give_back(self, account: AccountRef, *, key: str | int | UUID) -> int:
        """
        Undo the spend that was made under `key`, once, in the windows it was booked on; return its units.

        Raises:
            UnknownSpendError: nothing was spent under this key.

        """
        return await self._database.write(
            lambda: give_back(self._book, account, key_bytes(key), self._clock())
        )

    async def hold(
        self,
        account: AccountRef,
        units: int = 1,
        *,
        key: str | int | UUID,
        metric: str | None = None,
        ttl_seconds: int = DEFAULT_TTL_SECONDS,
        payers: Sequence[AccountRef] = (),
        service: str | None = None,
    ) -> Held:
        """Take units as `consume` does, until the hold is ended or `ttl_seconds` are over; see `Holds.hold`."""
        operation = self.operation(account, units, key=key, metric=metric, payers=payers, service=service)
        held = await self.holds.hold(operation, ttl_seconds)
        report_crossings(self._meter, self._book, [held.spend])
        return held

    async def settle(self, account: AccountRef, *, key: str | int | UUID, units: int) -> HoldEnd:
        """End the hold under `key` of which `units` were used; see `Holds.settle`."""
        return await self.holds.settle(account, key_bytes(key), units)

    async def release(self, account: AccountRef, *, key: str | int | UUID) -> HoldEnd:
        """End the hold under `key` of which nothing was used; see `Holds.release`."""
        return await self.holds.release(account, key_bytes(key))
