"""
Holds: units that are taken now for work whose cost is known afterwards.

A hold takes as a spend does, from the pots in force then. Settling it gives back what was not used, releasing it
gives back all; one that nobody ended is released when its time is over, once, by whichever process comes first.
Each is one transaction of its own, and not an operation of the queue of `quota`: a hold writes a row beside its
entries and looks before it writes, and whoever holds units has work to do that takes longer than a commit.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, TypeVar

from quota_core import answers, facts, hold_ends, shares
from quota_core.accounts import AccountRef
from quota_core.answers import Spend
from quota_core.book import Book
from quota_core.chain import Entry
from quota_core.consumes import Consume
from quota_core.crash_points import crash_point
from quota_core.database import Database
from quota_core.decisions import Decisions
from quota_core.errors import (
    AmountError,
    ConflictingReplayError,
    HoldEndedError,
    MetricKindError,
    QuotaError,
    UnavailableError,
    UnknownHoldError,
)
from quota_core.hold_ends import HoldEnd
from quota_core.ledger import EntryKind, Payer
from quota_core.paying import add_parents, paying
from quota_core.pool_caps import read_drawn, with_caps
from quota_core.posting import Posting
from quota_core.returns import OpenHold
from quota_core.statements import Work
from quota_core.store import holds as hold_rows

log = logging.getLogger(__name__)

T = TypeVar("T")
DEFAULT_TTL_SECONDS = 300
MAX_TTL_SECONDS = 86_400
LOOK_SECONDS = 60.0
"""How long the clock is trusted: it may be set, and other processes hold units that they may not live to end."""
_STEP = 100


class Held(NamedTuple):
    """Units that are held: `spend` says where they were taken; they go back at `expires_ms` unless settled."""

    spend: Spend
    expires_ms: int


class Holds:
    """Place and end holds, for any account."""

    def __init__(
        self, database: Database, book: Book, decisions: Decisions, *, clock: Callable[[], int]
    ) -> None:
        self._database = database
        self._book = book
        self._decisions = decisions
        self._clock = clock
        self._sooner = asyncio.Event()

    async def hold(self, operation: Consume, ttl_seconds: int) -> Held:
        """
        Take what the operation costs, for `ttl_seconds` (1..86400); the same call again gets the same answer.

        Raises:
            OutOfQuotaError, AccountBlockedError, AmountError, MetricKindError: refused; nothing is held.
            ConflictingReplayError: the key was used for something else.

        """
        if self._book.catalog.is_gauge(operation.metric):
            raise MetricKindError(operation.metric, "gauge")
        if not 1 <= ttl_seconds <= MAX_TTL_SECONDS:
            raise AmountError(ttl_seconds, minimum=1, maximum=MAX_TTL_SECONDS)
        held = _answered(await self._database.write(partial(self._hold, operation, ttl_seconds * 1000)))
        crash_point("consume.40.hold_placed")
        self._sooner.set()
        return held

    async def settle(self, account: AccountRef, key: bytes, units: int) -> HoldEnd:
        """
        End a hold of which `units` were used, and give back the rest.

        Raises:
            UnknownHoldError: nothing was held under this key.
            AmountError: more was used than was held, or less than nothing; it is held still.
            ConflictingReplayError: it was settled with another number of units.
            HoldEndedError: it was released, or its time is over.

        """
        crash_point("consume.41.work_done")
        end = _answered(await self._database.write(partial(self._end, account, key, units)))
        crash_point("consume.42.hold_settled")
        return end

    async def release(self, account: AccountRef, key: bytes) -> HoldEnd:
        """
        End a hold of which nothing was used.

        Raises:
            UnknownHoldError: nothing was held under this key.
            HoldEndedError: it was settled, or its time is over.

        """
        return _answered(await self._database.write(partial(self._end, account, key, None)))

    async def end_in_time(self) -> None:
        """End holds when their time is over, until cancelled."""
        while True:
            self._sooner.clear()
            try:
                seconds = await self.end_due()
            except UnavailableError as error:
                log.warning("holds that are over could not be ended: %s", error)
                seconds = LOOK_SECONDS
            except Exception:  # what nobody foresaw must not be the last time
                log.exception("holds that are over could not be ended")
                seconds = LOOK_SECONDS
            try:
                async with asyncio.timeout(min(seconds, LOOK_SECONDS)):
                    await self._sooner.wait()
            except TimeoutError:
                pass

    async def end_due(self) -> float:
        """
        End the holds whose time is over, and return in how many seconds that of the next one is.

        What breaks with one account keeps nobody else's units: it is tried again later.
        """
        broken: set[AccountRef] = set()
        while due := [one for one in await self._database.read(self._due) if one not in broken]:
            for account in due:
                try:
                    ended = await self._database.write(partial(self._end_due, account))
                except UnavailableError:
                    raise
                except Exception:
                    log.exception("holds of %s could not be ended", account)
                    broken.add(account)
                    continue
                crash_point("consume.43.hold_expired")
                if ended:
                    log.info("%d holds of %s were over and are released", ended, account)
        next_ms = None if broken else await self._database.read(hold_rows.next_end)
        return LOOK_SECONDS if next_ms is None else max(0, next_ms - self._clock()) / 1000

    def _due(self) -> Work[list[AccountRef]]:
        return (yield from hold_rows.due(self._clock(), _STEP))

    def _end_due(self, account: AccountRef) -> Work[int]:
        now_ms = self._clock()
        states = yield from self._book.states_of([account], now_ms=now_ms, create=False)
        return (yield from hold_ends.end_due(self._book, states, now_ms))

    def _hold(self, operation: Consume, ttl_ms: int) -> Work[Held | QuotaError]:
        book, now_ms, metric = self._book, self._clock(), operation.metric
        states = yield from book.states_of(operation.payers, now_ms=now_ms, create=True)
        yield from add_parents(book, states, now_ms)
        first, *others = paying(operation.payers, states)
        yield from hold_ends.end_due(book, states, now_ms)
        # Look only now, as a batch does: of two copies of a call one sees the other's entry.
        place = (operation.key, first.id)
        before = (yield from shares.known([place])).get(place)
        yield from book.prepare([(one, metric) for one in (first, *others)], now_ms)
        posting = Posting(book, now_ms)
        payers = [Payer(one, posting.windows_of(one, metric)) for one in (first, *others)]
        if operation.draw is not None:
            yield from read_drawn(book, metric, operation.draw, (first, *others), now_ms)
            payers = with_caps(book, metric, operation.draw, payers, now_ms)
        if before is not None:
            return self._replay(operation, payers, before, ttl_ms)
        yield from posting.begin(len(payers))
        until_ms = now_ms + ttl_ms
        spend = self._decisions.decide(operation, payers, posting, until_ms=until_ms)
        if not isinstance(spend, Spend):
            return spend
        posting.close()
        new = yield from posting.write()
        first.holds += (OpenHold(posting.entries[0].id, metric, spend.units, until_ms),)
        yield from hold_rows.add(
            first.id,
            book.metric_ids[metric],
            operation.key,
            units=spend.units,
            entry=posting.entries[0].id,
            until_ms=until_ms,
        )
        return Held(answers.with_crossings([spend], new)[0], until_ms)

    def _replay(
        self, operation: Consume, payers: list[Payer], before: list[Entry], ttl_ms: int
    ) -> Held | QuotaError:
        spend = self._decisions.replay(operation, payers, before, kind=EntryKind.HOLD)
        if not isinstance(spend, Spend):
            return spend
        until_ms = facts.fact_in(before[0].parts, facts.UNTIL)
        if until_ms != before[0].at_ms + ttl_ms:
            return ConflictingReplayError("this key was used before, with another time to live")
        return Held(spend, until_ms)

    def _end(self, account: AccountRef, key: bytes, used: int | None) -> Work[HoldEnd | QuotaError]:
        """Settle with `used` units, or release when it is None."""
        book, now_ms = self._book, self._clock()
        states = yield from book.states_of([account], now_ms=now_ms, create=False)
        state = states[account]
        held = (yield from shares.known([(key, state.id)])).get((key, state.id))
        if held is None or facts.fact_in(held[0].parts, facts.UNTIL) is None:
            return UnknownHoldError("nothing was held under this key")
        units = sum(entry.units for entry in held)
        if used is not None and not 0 <= used <= units:
            return AmountError(used, minimum=0, maximum=units)
        yield from hold_ends.end_due(book, states, now_ms)
        ended = yield from hold_ends.ended(book, held)
        if ended is None:
            kind = EntryKind.RELEASE if used is None else EntryKind.SETTLE
            return (yield from hold_ends.end(book, held, kind, used or 0, now_ms, states))
        if ended.how != ("released" if used is None else "settled"):
            return HoldEndedError(ended.how, units_used=ended.units_used)
        if used is not None and used != ended.units_used:
            return ConflictingReplayError("this hold was settled before, with other units")
        return ended


def _answered(outcome: T | QuotaError) -> T:
    """Return an answer, or raise the refusal: after the transaction, which a refusal does not undo."""
    if isinstance(outcome, QuotaError):
        raise outcome
    return outcome
