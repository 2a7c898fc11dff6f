"""Windows in every zone: they contain now, tile the time line, and are never named alike."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from quota_core.periods import Anchor, Period, PeriodKind, period_at

ZONES = sorted(available_timezones() - {"localtime", "Factory"})
PARIS = ZoneInfo("Europe/Paris")
# Zones that turned their clocks back across midnight (St John's, until 2010) would give a day two beginnings.
FIRST_MS = int(datetime(2012, 1, 1, tzinfo=UTC).timestamp()) * 1000
LAST_MS = int(datetime(2099, 1, 1, tzinfo=UTC).timestamp()) * 1000
MOMENTS = st.integers(FIRST_MS, LAST_MS)


def at(text: str, zone: str = "UTC") -> int:
    """Return the UTC milliseconds of a local time; the first of two that are spelled alike."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


TURNING = [kind for kind in PeriodKind if kind is not PeriodKind.LEVEL]


@given(
    st.sampled_from(ZONES),
    st.sampled_from(TURNING),
    st.sampled_from(Anchor),
    MOMENTS,
    st.integers(0, 5 * 366 * 86_400_000),
)
@example("Pacific/Apia", PeriodKind.DAY, Anchor.CALENDAR, at("2011-12-31T09:00"), 0)
@example("America/Havana", PeriodKind.DAY, Anchor.CALENDAR, at("2026-11-01T04:30"), 0)
@example("Africa/Cairo", PeriodKind.DAY, Anchor.CALENDAR, at("2026-10-29T21:30"), 0)
@example("Europe/Paris", PeriodKind.YEAR, Anchor.ACCOUNT, at("2031-03-01T00:00"), 5 * 366 * 86_400_000)
def test_windows_contain_now_and_tile_the_time_line(
    zone_name: str, kind: PeriodKind, anchor: Anchor, now_ms: int, age_ms: int
) -> None:
    """Each window begins where the one before ended, with another key, and every moment in it agrees."""
    zone, start_ms = ZoneInfo(zone_name), now_ms - age_ms

    def window(moment_ms: int) -> Period:
        return period_at(kind, moment_ms, zone=zone, anchor=anchor, account_start_ms=start_ms)

    here = window(now_ms)
    following = window(here.end_ms)

    assert here.start_ms <= now_ms < here.end_ms
    assert window(max(here.start_ms, start_ms)) == here
    assert window(here.end_ms - 1) == here
    assert following.start_ms == here.end_ms
    assert following.key != here.key


@given(
    st.sampled_from(ZONES),
    st.sampled_from(TURNING),
    st.sampled_from(Anchor),
    st.lists(MOMENTS, min_size=2, max_size=12),
)
def test_a_key_names_one_window_for_ever(
    zone_name: str, kind: PeriodKind, anchor: Anchor, moments: list[int]
) -> None:
    """L13: a clock that goes back finds the same row; two windows never share one."""
    zone, start_ms = ZoneInfo(zone_name), min(moments)
    windows = {
        period_at(kind, moment, zone=zone, anchor=anchor, account_start_ms=start_ms) for moment in moments
    }

    assert len({window.key for window in windows}) == len(windows)
    assert all(len(window.key) <= 20 for window in windows)
    assert not any(set(window.key) & set(" =#!+") for window in windows)


@pytest.mark.parametrize(
    ("day", "hours"),
    [("2026-03-29", 23), ("2026-10-25", 25), ("2026-11-20", 24)],
)
def test_a_day_may_have_23_or_25_hours(day: str, hours: int) -> None:
    """The day of a clock change ends at its own midnight."""
    window = period_at(PeriodKind.DAY, at(f"{day}T12:00", "Europe/Paris"), zone=PARIS)

    assert window.key == day
    assert window.end_ms - window.start_ms == hours * 3_600_000


def test_the_repeated_hour_is_two_windows() -> None:
    """An hour is an hour of UTC: nobody pays twice for the hour that a clock shows twice."""
    first_ms = at("2026-10-25T00:30")
    windows = [period_at(PeriodKind.HOUR, first_ms + step * 3_600_000, zone=PARIS) for step in range(3)]

    assert [window.key for window in windows] == ["2026-10-25T00Z", "2026-10-25T01Z", "2026-10-25T02Z"]


@pytest.mark.parametrize(
    ("kind", "moment", "key", "end"),
    [
        (PeriodKind.DAY, "2028-02-29T23:59:59.999", "2028-02-29", "2028-03-01T00:00"),
        (PeriodKind.MONTH, "2028-02-29T12:00", "2028-02", "2028-03-01T00:00"),
        (PeriodKind.MONTH, "2026-12-31T23:59", "2026-12", "2027-01-01T00:00"),
        (PeriodKind.YEAR, "2026-12-31T23:59", "2026", "2027-01-01T00:00"),
        (PeriodKind.WEEK, "2027-01-01T00:00", "2026-W53", "2027-01-04T00:00"),
        (PeriodKind.WEEK, "2024-12-30T00:00", "2025-W01", "2025-01-06T00:00"),
    ],
)
def test_leap_days_and_years_end_where_they_should(kind: PeriodKind, moment: str, key: str, end: str) -> None:
    """29 February, the last second of a year, and weeks that belong to the year of their Thursday."""
    window = period_at(kind, at(moment), zone=ZoneInfo("UTC"))

    assert (window.key, window.end_ms) == (key, at(end))


def test_a_month_counted_from_the_31st_ends_on_the_last_day_of_shorter_ones() -> None:
    """31 January, 28 February, 31 March, 30 April: the day comes back as soon as a month has it."""
    start_ms = at("2026-01-31T15:00")
    firsts, now_ms = [], start_ms
    for _ in range(5):
        window = period_at(
            PeriodKind.MONTH, now_ms, zone=ZoneInfo("UTC"), anchor=Anchor.ACCOUNT, account_start_ms=start_ms
        )
        firsts.append(window.key)
        now_ms = window.end_ms

    assert firsts == [f"month@2026-{day}" for day in ("01-31", "02-28", "03-31", "04-30", "05-31")]


def test_a_year_counted_from_a_leap_day_turns_on_28_february() -> None:
    """And on the 29th again when there is one."""
    start_ms, keys = at("2028-02-29T00:00"), []
    for year in (2028, 2029, 2032):
        moment = datetime.combine(date(year, 6, 1), datetime.min.time(), UTC) + timedelta(hours=1)
        window = period_at(
            PeriodKind.YEAR,
            int(moment.timestamp() * 1000),
            zone=ZoneInfo("UTC"),
            anchor=Anchor.ACCOUNT,
            account_start_ms=start_ms,
        )
        keys.append(window.key)

    assert keys == ["year@2028-02-29", "year@2029-02-28", "year@2032-02-29"]


def test_a_clock_before_the_accounts_beginning_finds_its_first_window() -> None:
    """A clock that goes back behind the account's start opens no window of its own."""
    start_ms = at("2026-11-20T10:00")
    window = period_at(
        PeriodKind.MONTH,
        start_ms - 40 * 86_400_000,
        zone=ZoneInfo("UTC"),
        anchor=Anchor.ACCOUNT,
        account_start_ms=start_ms,
    )

    assert window.key == "month@2026-11-20"


def test_a_level_never_turns() -> None:
    """One window for all times, whatever the anchor."""
    zone = ZoneInfo("Europe/Paris")
    windows = {
        period_at(PeriodKind.LEVEL, now_ms, zone=zone) for now_ms in (0, at("2026-11-20T12:00"), 2**62)
    }

    assert [(window.key, window.turns_ms) for window in windows] == [("level", None)]
