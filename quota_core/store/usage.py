"""Statements about use by day: rows that are added up, and the mark up to which they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from quota_core.chain import Entry
from quota_core.statements import Row, Work, fetch, run, run_all
from quota_core.store.entries import entry_of

MARK = "usage_entry"
_COLUMNS = ", ".join(Entry._fields)
_TYPES = ("bigint", "text", "bigint", "text", "bigint", "bigint", "bigint", "bigint")


class DayRow(NamedTuple):
    """What an account used of a metric by a service on a day; `paid` is the part from its own pots."""

    account: int
    day: str
    metric: int
    service: str
    units: int
    paid: int
    overage: int
    calls: int


def claim(expected: int) -> Work[bool]:
    """Lock the mark until the transaction ends, and tell whether it still is what was expected."""
    yield run("INSERT INTO marks (name, value) VALUES ($1, 0) ON CONFLICT (name) DO NOTHING", MARK)
    rows = yield fetch("SELECT value FROM marks WHERE name = $1 FOR UPDATE", MARK)
    return bool(rows[0][0] == expected)


def entries_between(after: int, upto: int, limit: int) -> Work[list[Entry]]:
    """Return up to `limit` entries with `after` < id <= `upto`, in order."""
    rows = yield fetch(
        f"SELECT {_COLUMNS} FROM entries WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3",  # noqa: S608 - columns
        after,
        upto,
        limit,
    )
    return [entry_of(row) for row in rows]


def add(rows: Sequence[DayRow]) -> Work[None]:
    """Add to the days."""
    if rows:
        yield run_all(
            """
            INSERT INTO usage_days (account, day, metric, service, units, paid, overage, calls) {rows}
            ON CONFLICT (account, day, metric, service) DO UPDATE SET
                units = usage_days.units + excluded.units, paid = usage_days.paid + excluded.paid,
                overage = usage_days.overage + excluded.overage, calls = usage_days.calls + excluded.calls
            """,
            _TYPES,
            rows,
        )


def rows_after(row: DayRow | None, limit: int) -> Work[list[DayRow]]:
    """Return up to `limit` rows behind one, in the order of their keys."""
    account, day, metric, service = (0, "", 0, "") if row is None else row[:4]
    found = yield fetch(
        """
        SELECT account, day, metric, service, units, paid, overage, calls FROM usage_days
        WHERE (account, day, metric, service) > ($1, $2, $3, $4)
        ORDER BY account, day, metric, service LIMIT $5
        """,
        account,
        day,
        metric,
        service,
        limit,
    )
    return [DayRow._make(one) for one in found]


class Looked(NamedTuple):
    """Which rows: from day to day, both included, of a metric (0: any), of a service (`*`: any)."""

    since: str
    until: str
    metric: int
    service: str


def days(account: int, looked: Looked, before: tuple[str, int, str], limit: int) -> Work[list[Row]]:
    """Return day, metric, service, units, paid, overage and calls, last day first, behind a place."""
    return (
        yield fetch(
            """
            SELECT day, metric, service, units, paid, overage, calls FROM usage_days
            WHERE account = $1 AND day >= $2 AND day <= $3 AND (CAST($4 AS BIGINT) = 0 OR metric = $4)
                AND (CAST($5 AS TEXT) = '*' OR service = $5)
                AND (day < $6 OR (day = $6 AND (metric < $7 OR (metric = $7 AND service < $8))))
            ORDER BY day DESC, metric DESC, service DESC LIMIT $9
            """,
            account,
            *looked,
            *before,
            limit,
        )
    )


def account_number(kind: str, external_id: str) -> Work[int]:
    """Return the number of an account, 0 for one that was never opened."""
    rows = yield fetch("SELECT id FROM accounts WHERE kind = $1 AND external_id = $2", kind, external_id)
    return int(rows[0][0]) if rows else 0


def by_day(since: str, until: str, metric: int) -> Work[list[Row]]:
    """Return day, service, units and overage over all accounts, each unit counted once."""
    return (
        yield fetch(
            """
            SELECT day, service, CAST(sum(paid) AS BIGINT), CAST(sum(overage) AS BIGINT) FROM usage_days
            WHERE day >= $1 AND day <= $2 AND metric = $3 GROUP BY day, service ORDER BY day, service
            """,
            since,
            until,
            metric,
        )
    )


def totals(account: int, looked: Looked) -> Work[Row]:
    """Return units, overage and calls of all rows together."""
    rows = yield fetch(
        """
        SELECT CAST(coalesce(sum(units), 0) AS BIGINT), CAST(coalesce(sum(overage), 0) AS BIGINT),
            CAST(coalesce(sum(calls), 0) AS BIGINT)
        FROM usage_days
        WHERE account = $1 AND day >= $2 AND day <= $3 AND (CAST($4 AS BIGINT) = 0 OR metric = $4)
            AND (CAST($5 AS TEXT) = '*' OR service = $5)
        """,
        account,
        *looked,
    )
    return rows[0]
