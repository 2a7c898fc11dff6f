"""
The windows in which an allowance counts: hours, days, weeks, months and years; a gauge's one window never turns.

A window turns in the catalog's time zone, on the calendar or counted from the account's start. Its key
names it for ever (`2026-11-20`, `2026-W47`, `2026-11`), so a clock that goes back re-opens the row
that was already used, and nothing has to be reset.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones


class PeriodKind(StrEnum):
    """How long a window is."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"
    LEVEL = "level"


class Anchor(StrEnum):
    """Where a window begins: on the calendar, or on the day the account began."""

    CALENDAR = "calendar"
    ACCOUNT = "account"


END_OF_TIME_MS = 2**63 - 1
LAST_MOMENT_MS = 253_402_214_400_000
"""The latest moment that anybody may name: 9999-12-31 in UTC, which is a date in every zone."""


class Period(NamedTuple):
    """One window: `start_ms` is inside, `end_ms` is not (UTC milliseconds)."""

    key: str
    start_ms: int
    end_ms: int

    @property
    def turns_ms(self) -> int | None:
        """When the next one begins, None for a level."""
        return None if self.end_ms == END_OF_TIME_MS else self.end_ms


LEVEL = Period("level", 0, END_OF_TIME_MS)


def level_period(now_ms: int) -> str:
    """Return under which period a level's thresholds are crossed: once a month (of UTC), though it never turns."""
    return f"{LEVEL.key}@{datetime.fromtimestamp(now_ms / 1000, UTC).strftime('%Y-%m')}"


_HOUR_MS = 3_600_000


def period_at(
    kind: PeriodKind,
    now_ms: int,
    *,
    zone: ZoneInfo,
    anchor: Anchor = Anchor.CALENDAR,
    account_start_ms: int = 0,
) -> Period:
    """
    Return the window that contains `now_ms`.

    An hour is an hour of UTC, so that the repeated hour of a 25-hour day is two windows. A day may
    have 23 or 25 hours. A month counted from the 31st ends on the last day of a shorter month.
    """
    if kind is PeriodKind.LEVEL:
        return LEVEL
    if kind is PeriodKind.HOUR:
        start_ms = now_ms - now_ms % _HOUR_MS
        key = datetime.fromtimestamp(start_ms / 1000, UTC).strftime("%Y-%m-%dT%HZ")
        return Period(key, start_ms, start_ms + _HOUR_MS)
    today = datetime.fromtimestamp(now_ms / 1000, zone).date()
    if anchor is Anchor.ACCOUNT:
        origin = datetime.fromtimestamp(account_start_ms / 1000, zone).date()
        first, after = _counted_from(origin, kind, max(today, origin))
        key = f"{kind}@{first.isoformat()}"
    else:
        first, after = _on_calendar(kind, today)
        key = _calendar_key(kind, first)
    return Period(key, _midnight_ms(first, zone), _midnight_ms(after, zone))


def _calendar_key(kind: PeriodKind, first: date) -> str:
    if kind is PeriodKind.DAY:
        return first.isoformat()
    if kind is PeriodKind.WEEK:
        year, week, _ = first.isocalendar()
        return f"{year}-W{week:02}"
    return first.strftime("%Y-%m") if kind is PeriodKind.MONTH else first.strftime("%Y")


def _on_calendar(kind: PeriodKind, today: date) -> tuple[date, date]:
    if kind is PeriodKind.DAY:
        return today, today + timedelta(days=1)
    if kind is PeriodKind.WEEK:
        first = today - timedelta(days=today.weekday())
        return first, first + timedelta(days=7)
    if kind is PeriodKind.MONTH:
        first = today.replace(day=1)
        return first, _months_after(first, 1)
    return date(today.year, 1, 1), date(today.year + 1, 1, 1)


def _counted_from(origin: date, kind: PeriodKind, today: date) -> tuple[date, date]:
    if kind in (PeriodKind.DAY, PeriodKind.WEEK):
        length_days = 1 if kind is PeriodKind.DAY else 7
        number = (today - origin).days // length_days
        first = origin + timedelta(days=number * length_days)
        return first, first + timedelta(days=length_days)
    step = 1 if kind is PeriodKind.MONTH else 12
    number = ((today.year - origin.year) * 12 + today.month - origin.month) // step
    while _months_after(origin, number * step) > today:
        number -= 1
    while _months_after(origin, (number + 1) * step) <= today:
        number += 1
    return _months_after(origin, number * step), _months_after(origin, (number + 1) * step)


def _months_after(origin: date, months: int) -> date:
    year, month = divmod(origin.year * 12 + origin.month - 1 + months, 12)
    return date(year, month + 1, min(origin.day, monthrange(year, month + 1)[1]))


def _midnight_ms(day: date, zone: ZoneInfo) -> int:
    # Where a day begins with a gap (a clock change at midnight), fold 0 gives the first moment that exists.
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()) * 1000


def is_zone(name: str) -> bool:
    """Tell whether there is a time zone of this IANA name."""
    return name in available_timezones()
