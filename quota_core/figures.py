"""
How much of their allowances accounts have used, added up by plan and metric: what an operator watches.

One walk over the accounts that were active in a window that is still open, in short steps. What it costs decides
how often it is made: see `Figures`.
"""

from __future__ import annotations

import asyncio
import math
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from quota_core.accounts import AccountRef
from quota_core.book import Book
from quota_core.chain import GENESIS
from quota_core.database import Database
from quota_core.deliveries import PAID_TYPES
from quota_core.events import CHANNELS
from quota_core.ledger import AccountState
from quota_core.plan_terms import PlanTerms
from quota_core.store import deliveries as delivery_rows
from quota_core.store import figures as rows
from quota_core.store.states import windows_in

STEP_ACCOUNTS = 2_000
PERCENTS = (10, 25, 50, 75, 80, 90, 95, 100, 150)
TENSION_PERCENT = 80  # where a plan has no threshold that warns
MAX_AGE_SECONDS = 15.0
COST_SHARE = 0.02
"""The walk takes at most this share of the time: where one takes 2 s, it is made every 100 s."""
_YEAR_MS = 366 * 86_400_000
_NOTHING = (0, 0)


@dataclass(slots=True)
class Usage:
    """
    The accounts of a plan that used some of a metric in a window that is open now.

    `counts` says how many lie between two of `PERCENTS` (the share used of the tightest window), the last beyond
    them all; `remaining` and `overage` are units; `tense` crossed a threshold that warns.
    """

    counts: list[int] = field(default_factory=lambda: [0] * (len(PERCENTS) + 1))
    percent_sum: float = 0.0
    remaining: int = 0
    overage: int = 0
    tense: int = 0

    @property
    def accounts(self) -> int:
        """How many there are."""
        return sum(self.counts)


class Snapshot(NamedTuple):
    """
    Usage by (plan, metric) as of a moment, and what the walk cost.

    `notices` says, for each channel, how many are owed and when the oldest of them was caused.
    """

    usage: Mapping[tuple[str, str], Usage]
    at_ms: int
    seconds: float
    notices: Mapping[str, tuple[int, int | None]]
    deliveries_held: int
    oldest_payment_ms: int | None


class _Bound(NamedTuple):
    """A window with an end to it, and from which percentage on it is in tension."""

    metric: str
    place: str
    limit: int
    tense_percent: int


class Figures:
    """
    The latest figures, made when somebody asks and they are old.

    Args:
        database: where the ledger stands.
        book: the catalog, and the numbers of its metrics.
        clock: UTC milliseconds.
        monotonic: seconds.

    """

    def __init__(
        self,
        database: Database,
        book: Book,
        *,
        clock: Callable[[], int],
        monotonic: Callable[[], float],
    ) -> None:
        self._database = database
        self._book = book
        self._clock = clock
        self._monotonic = monotonic
        self._snapshot: Snapshot | None = None
        self._made_seconds = -math.inf
        self._making: asyncio.Task[None] | None = None

    @property
    def last(self) -> Snapshot | None:
        """The figures that were made last, however old."""
        return self._snapshot

    async def latest(self, *, wait_seconds: float) -> Snapshot | None:
        """
        Return the figures, new ones if those that are there are too old and can be made in time.

        Whoever asks waits for at most `wait_seconds` and then gets the old ones, or None before there are any.
        """
        if self._is_old() and (self._making is None or self._making.done()):
            self._making = asyncio.create_task(self._make(), name="figures")
        if self._making is not None and not self._making.done():
            await asyncio.wait({self._making}, timeout=wait_seconds)
        if self._making is not None and self._making.done():
            self._making.result()  # what went wrong belongs to whoever asks
        return self._snapshot

    async def close(self) -> None:
        """End a walk that is under way."""
        if self._making is not None:
            self._making.cancel()
            await asyncio.gather(self._making, return_exceptions=True)

    def _is_old(self) -> bool:
        cost = 0.0 if self._snapshot is None else self._snapshot.seconds
        return self._monotonic() - self._made_seconds >= max(MAX_AGE_SECONDS, cost / COST_SHARE)

    async def _make(self) -> None:
        since = self._monotonic()
        snapshot = await self._walk()
        self._made_seconds = self._monotonic()
        self._snapshot = snapshot._replace(seconds=self._made_seconds - since)

    async def _walk(self) -> Snapshot:
        now_ms = self._clock()
        tally = _Tally(self._book, now_ms)
        last = await self._database.read(rows.last_account)
        for after in range(0, last, STEP_ACCOUNTS):
            until = after + STEP_ACCOUNTS
            for row in await self._database.read(partial(rows.open_windows, after, until, tally.earliest_ms)):
                tally.add(PlanTerms(*row[:5]), row[5], row[6])
            await asyncio.sleep(0)  # what came meanwhile goes first
        owed = {row[0]: (row[1], row[2]) for row in await self._database.read(rows.owed)}
        notices: dict[str, tuple[int, int | None]] = {
            channel: owed.get(channel, (0, None)) for channel in CHANNELS
        }
        held = await self._database.read(rows.held)
        waiting_ms = await self._database.read(lambda: delivery_rows.oldest_waiting(PAID_TYPES))
        return Snapshot(tally.usage, now_ms, 0.0, notices, held, waiting_ms)


class _Tally:
    """Adds accounts up."""

    def __init__(self, book: Book, now_ms: int) -> None:
        self._book = book
        self._now_ms = now_ms
        self._bounds: dict[str, tuple[_Bound, ...]] = {}
        self.usage: dict[tuple[str, str], Usage] = {}
        self.earliest_ms = now_ms
        for plan_id, plan in book.catalog.plans.items():
            probe = _account_of(plan_id, now_ms, since_ms=None, used={})
            for metric in dict.fromkeys(allowance.metric for allowance in plan.allowances):
                self.usage[plan_id, metric] = Usage()
                terms = book.terms(probe, metric, now_ms)
                starts = [window.period.start_ms for window in terms.windows]
                # A window of the account's own began within the last year; which day, only the account knows.
                self.earliest_ms = min([self.earliest_ms, *starts]) - (_YEAR_MS if terms.own else 0)

    def add(self, terms: PlanTerms, created_ms: int, windows: str) -> None:
        """Add an account to what its plan and metrics have used."""
        plan_id = self._book.catalog.plan_id(terms.plan_at(self._now_ms))
        used = windows_in(windows)
        worst: dict[str, tuple[float, int, int, bool]] = {}
        known = self._bounds.get(plan_id)
        for bound in self._bounds_of(plan_id, terms, created_ms, used) if known is None else known:
            count, overage = used.get(bound.place, _NOTHING)
            if not count:
                continue
            percent = 100 * count / bound.limit if bound.limit else 100.0
            left = max(0, bound.limit - count + overage)
            most, least, beyond, tense = worst.get(bound.metric, (0.0, left, 0, False))
            worst[bound.metric] = (
                max(most, percent),
                min(least, left),
                max(beyond, overage),
                tense or percent >= bound.tense_percent,
            )
        for metric, (percent, left, overage, tense) in worst.items():
            usage = self.usage[plan_id, metric]
            usage.counts[bisect_left(PERCENTS, percent)] += 1
            usage.percent_sum += percent
            usage.remaining += left
            usage.overage += overage
            usage.tense += tense

    def _bounds_of(
        self, plan_id: str, terms: PlanTerms, created_ms: int, used: dict[str, tuple[int, int]]
    ) -> tuple[_Bound, ...]:
        """Return the bounds of an account on a plan; they are kept where they are those of everybody on it."""
        since_ms = terms.since_at(self._now_ms)
        probe = _account_of(plan_id, created_ms, since_ms=since_ms, used=used)
        plan, own = self._book.catalog.plans[plan_id], False
        bounds = []
        for metric in dict.fromkeys(allowance.metric for allowance in plan.allowances):
            in_force = self._book.terms(probe, metric, self._now_ms)
            own = own or in_force.own
            warns = [
                one.at
                for allowance in plan.allowances_of(metric)
                for one in allowance.thresholds
                if one.severity != "info"
            ]
            tense_percent = min(warns, default=TENSION_PERCENT)
            bounds += [
                _Bound(metric, window.place, window.limit, tense_percent)
                for window in in_force.windows
                if window.limit is not None
            ]
        if not own:
            self._bounds[plan_id] = tuple(bounds)
        return tuple(bounds)


def _account_of(
    plan_id: str, created_ms: int, *, since_ms: int | None, used: dict[str, tuple[int, int]]
) -> AccountState:
    """Return an account that is nobody's, to ask for the windows of a plan."""
    return AccountState(
        id=0,
        ref=AccountRef("external", plan_id),
        plan=plan_id,
        plan_until_ms=None,
        blocked=False,
        locale=None,
        created_ms=created_ms,
        version=0,
        head=0,
        digest=GENESIS,
        used=used,
        plan_since_ms=since_ms,
    )
