"""
Use by day and service, added up from the entries behind a mark, and caught up before each answer.

The mark never passes a place where an entry may still appear (see `settled`), and only who moves it adds anything:
two processes that catch up at once add each entry once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from quota_core.accounts import AccountRef
from quota_core.book import Book
from quota_core.database import Database
from quota_core.errors import UnavailableError
from quota_core.settled import settled_id
from quota_core.statements import Work
from quota_core.store import marks
from quota_core.store import usage as rows
from quota_core.used_days import Days, added_up

log = logging.getLogger(__name__)

STEP_ENTRIES = 2_000
INTERVAL_SECONDS = 60.0
PATIENCE_SECONDS = 10.0
ANY_SERVICE = "*"
_LAST_PLACE = ("9999-99-99", 2**62, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedDay:
    """What was used of a metric by a service ("" for none) on a day; `paid` is the part from the own pots."""

    day: str
    metric: str
    service: str
    units: int
    paid: int
    overage: int
    calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageFilter:
    """Which days (both included), which metric and which service; None is any."""

    since: str = "0001-01-01"
    until: str = "9999-12-31"
    metric: str | None = None
    service: str | None = None


class UsagePage(NamedTuple):
    """Days, the last first; sums over all that the filter lets through; where the next page begins, if any."""

    days: tuple[UsedDay, ...]
    units: int
    overage: int
    calls: int
    next_place: tuple[str, int, str] | None


class Usage:
    """Add up and look; `clock` gives UTC milliseconds."""

    def __init__(self, database: Database, book: Book, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._book = book
        self._clock = clock
        self._days = Days(book.catalog.zone)
        self._turn = asyncio.Lock()

    async def catch_up(self, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        """
        Add up all entries that are there now.

        Raises:
            UnavailableError: there are too many for one answer, or somebody writes for too long; ask again.

        """
        try:
            async with asyncio.timeout(patience_seconds), self._turn:
                upto = await settled_id(self._database)
                if upto is None:
                    raise UnavailableError(
                        "somebody writes for too long, so that the last entry is not certain"
                    )
                while await self._step(upto):
                    pass
        except TimeoutError as error:
            raise UnavailableError("use by day is still being added up", retry_seconds=10) from error

    async def keep_up(self, *, interval_seconds: float = INTERVAL_SECONDS) -> None:
        """Catch up every now and then, until cancelled, so that nobody who asks waits for long."""
        while True:
            try:
                await self.catch_up(patience_seconds=interval_seconds)
            except UnavailableError as error:
                log.info("use by day is behind: %s", error)
            except Exception:  # what nobody foresaw must not be the last time
                log.exception("use by day is behind")
            await asyncio.sleep(interval_seconds)

    async def _step(self, upto: int) -> bool:
        """Add up some entries, and tell whether there are more."""
        mark = await self._database.read(partial(marks.mark, rows.MARK))
        found = await self._database.read(partial(rows.entries_between, mark, upto, STEP_ENTRIES))
        if not found:
            return False
        sums = added_up(found, self._days)
        await self._database.write(partial(self._add, mark, found[-1].id, sums))
        return len(found) == STEP_ENTRIES or found[-1].id < upto

    def _add(self, mark: int, last_id: int, sums: list[rows.DayRow]) -> Work[None]:
        # Who comes second finds another mark, and reads on from there.
        if (yield from rows.claim(mark)):
            yield from rows.add(sums)
            yield from marks.set_mark(rows.MARK, last_id)

    async def of(
        self, account: AccountRef, wanted: UsageFilter, place: tuple[str, int, str] | None, limit: int
    ) -> UsagePage:
        """
        Return a page of what an account used, true at the moment of asking.

        Raises:
            UnavailableError: see `catch_up`.

        """
        await self.catch_up()
        return await self._database.read(lambda: self._of(account, wanted, place or _LAST_PLACE, limit))

    def _of(
        self, account: AccountRef, wanted: UsageFilter, place: tuple[str, int, str], limit: int
    ) -> Work[UsagePage]:
        number = yield from rows.account_number(*account)
        metric = 0 if wanted.metric is None else self._book.metric_ids[wanted.metric]
        service = ANY_SERVICE if wanted.service is None else wanted.service
        looked = rows.Looked(wanted.since, wanted.until, metric, service)
        found = yield from rows.days(number, looked, place, limit + 1)
        units, overage, calls = yield from rows.totals(number, looked)
        shown = found[:limit]
        return UsagePage(
            days=tuple(
                UsedDay(
                    day=row[0],
                    metric=self._book.metric_names.get(row[1], f"#{row[1]}"),
                    service=row[2],
                    units=row[3],
                    paid=row[4],
                    overage=row[5],
                    calls=row[6],
                )
                for row in shown
            ),
            units=units,
            overage=overage,
            calls=calls,
            next_place=tuple(shown[-1][:3]) if len(found) > limit else None,
        )

    async def over_all(self, since: str, until: str, metric: str) -> list[tuple[str, str, int, int]]:
        """Return day, service, units and overage over all accounts; what one paid for another counts once."""
        await self.catch_up()
        number = self._book.metric_ids[metric]
        found = await self._database.read(lambda: rows.by_day(since, until, number))
        return [(row[0], row[1], row[2], row[3]) for row in found]

    def today(self) -> str:
        """Return the day that it is in the catalog's time zone."""
        return self._days.of(self._clock())
