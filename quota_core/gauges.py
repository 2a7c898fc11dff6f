"""
Levels: what a gauge stands at, as somebody measured it.

A measurement is a fact: it is recorded though it lies beyond the limit, and for an account that is blocked. Only
who asks before acting (`enforce`) is refused. Consuming a gauge adds to its level, giving back takes from it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from quota_core import answers
from quota_core.accounts import AccountRef
from quota_core.answers import Crossing
from quota_core.book import Book
from quota_core.catalog import MAX_UNITS
from quota_core.chain import Entry
from quota_core.database import Database
from quota_core.errors import (
    AccountBlockedError,
    AmountError,
    ConflictingReplayError,
    MetricKindError,
    NotInPlanError,
    QuotaError,
)
from quota_core.ledger import Draft, EntryKind, Payer, Shortage
from quota_core.parts import parts_of
from quota_core.periods import LEVEL
from quota_core.posting import Posting
from quota_core.statements import Work
from quota_core.store import entries as entry_rows


class PaidByParentError(QuotaError):
    """A level of an account whose limits are those of `parent`: it is measured there, for all that it pays for."""

    def __init__(self, parent: str) -> None:
        self.parent = parent
        super().__init__(f"set the level of {parent}, which pays for this account")


class Level(NamedTuple):
    """
    A gauge's level before and after it was set; `limit` None is unlimited, 0 that the plan gives none.

    A replay carries the levels of the first answer and no crossing.
    """

    metric: str
    before: int
    after: int
    limit: int | None
    entry_id: int
    replayed: bool = False
    crossings: tuple[Crossing, ...] = ()

    @property
    def beyond(self) -> int:
        """How far the level is beyond its limit."""
        return 0 if self.limit is None else max(0, self.after - self.limit)


class Setting(NamedTuple):
    """A measurement: the level of a gauge of the catalog, 0..2^53-1, under a key of the account."""

    account: AccountRef
    metric: str
    level: int
    key: bytes
    enforce: bool


class Gauges:
    """Set the levels of gauges."""

    def __init__(self, database: Database, book: Book, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._book = book
        self._clock = clock

    async def set_level(self, setting: Setting) -> Level:
        """
        Record a measurement, once per key: also one beyond the limit, unless it is enforced.

        Raises:
            UnknownMetricError, MetricKindError, AmountError, ConflictingReplayError: nothing was changed.
            PaidByParentError: the account has a parent, whose level it is; nothing was changed.
            OutOfQuotaError, NotInPlanError, AccountBlockedError: enforced, and it may not be reached.

        """
        if self._book.catalog.metric(setting.metric).kind != "gauge":
            raise MetricKindError(setting.metric, "counter")
        if not 0 <= setting.level <= MAX_UNITS:
            raise AmountError(setting.level, minimum=0, maximum=MAX_UNITS)
        outcome = await self._database.write(lambda: _set_level(self._book, setting, self._clock()))
        if isinstance(outcome, QuotaError):
            raise outcome
        return outcome


def _set_level(book: Book, setting: Setting, now_ms: int) -> Work[Level | QuotaError]:
    metric = setting.metric
    states = yield from book.states_of([setting.account], now_ms=now_ms, create=True)
    state = states[setting.account]
    found = yield from entry_rows.by_keys([(setting.key, state.id)])
    place = f"{metric}/{LEVEL.key}"
    payers = yield from book.payers([(state, metric)], now_ms)
    payer = payers[state.id, metric]
    if place not in state.used:  # a plan that gives none of it
        yield from book.read_windows([(state, place)])
    limit = payer.windows[0].limit if payer.windows else 0
    if found:
        return _replayed(book, setting, found[0], limit)
    if state.parent is not None:
        return PaidByParentError(str(state.parent))
    before = state.used[place][0]
    refusal = _refusal(book, setting, payer, before, now_ms) if setting.enforce else None
    if refusal is not None:
        return refusal
    posting = Posting(book, now_ms)
    yield from posting.begin()
    draft = Draft(
        state=state,
        kind=EntryKind.SET,
        metric=metric,
        units=setting.level,
        parts=((LEVEL.key, setting.level - before),),
    )
    entry = posting.append(draft, setting.key, payer.windows)
    posting.close()
    new = yield from posting.write()
    crossings = tuple(answers.crossing_of(crossed) for crossed in new)
    return Level(metric, before, setting.level, limit, entry.id, crossings=crossings)


def _replayed(book: Book, setting: Setting, entry: Entry, limit: int | None) -> Level | QuotaError:
    said = (entry.kind, book.metric_names[entry.metric], entry.units)
    if said != (EntryKind.SET, setting.metric, setting.level):
        return ConflictingReplayError("this key was used before, with other content")
    before = entry.units - sum(delta for _, delta in parts_of(entry.parts))
    return Level(setting.metric, before, entry.units, limit, entry.id, replayed=True)


def _refusal(book: Book, setting: Setting, payer: Payer, before: int, now_ms: int) -> QuotaError | None:
    """Return why a level must not be reached; one that falls is never refused."""
    metric, more = setting.metric, setting.level - before
    plan = book.plan_id(payer.state, now_ms)
    if payer.state.blocked:
        return AccountBlockedError(str(payer.state.ref))
    if more <= 0:
        return None
    if not payer.windows:
        feature, plans = book.catalog.metrics[metric].feature, book.catalog.plans_with(None, metric)
        return NotInPlanError(metric, metric=metric, feature=feature, plan=plan, plans=plans)
    limit = payer.windows[0].limit
    if limit is None or setting.level <= limit:
        return None
    shortage = Shortage(max(0, limit - before))
    return answers.refusal(payer, metric, more, plan=plan, shortage=shortage, now_ms=now_ms)
