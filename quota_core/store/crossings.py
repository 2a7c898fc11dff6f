"""Statements about crossings: a threshold that a window passed, once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from quota_core.statements import Row, Work, fetch, fetch_all, run_each


def add(rows: Sequence[tuple[int, int, str, int, int]]) -> Work[list[Row]]:
    """Record crossings (account, metric, window, percent, entry) and return those that are new."""
    if not rows:
        return []
    return (
        yield fetch_all(
            """
            INSERT INTO crossings (account, metric, period, percent, entry) {rows}
            ON CONFLICT (account, metric, period, percent) DO NOTHING
            RETURNING account, metric, period, percent, entry
            """,
            ("bigint", "bigint", "text", "bigint", "bigint"),
            rows,
        )
    )


class Unrouted(NamedTuple):
    """A crossing that was turned into no notice yet; `at_ms` is when it happened."""

    account: int
    metric: int
    period: str
    percent: int
    shown: int
    at_ms: int


def any_unrouted() -> Work[bool]:
    """Tell whether a crossing waits."""
    return bool((yield fetch("SELECT 1 FROM crossings WHERE routed = 0 LIMIT 1")))


def unrouted(limit: int) -> Work[list[Unrouted]]:
    """Return crossings that wait, locked, but those that another process has in hand."""
    rows = yield fetch(
        """
        SELECT c.account, c.metric, c.period, c.percent, c.shown, e.at_ms
        FROM crossings c JOIN entries e ON e.id = c.entry
        WHERE c.routed = 0 ORDER BY c.account, c.metric, c.period, c.percent LIMIT $1 FOR UPDATE OF c SKIP LOCKED
        """,
        limit,
    )
    return [Unrouted._make(row) for row in rows]


def mark_routed(rows: Sequence[Unrouted]) -> Work[None]:
    """Note that these were turned into notices."""
    yield run_each(
        "UPDATE crossings SET routed = 1 WHERE account = $1 AND metric = $2 AND period = $3 AND percent = $4",
        [row[:4] for row in rows],
    )


def mark_shown(account: int, entries: Sequence[int]) -> Work[list[Row]]:
    """Note that its user read of the crossings of these entries; return (metric, window, percent) of each."""
    found: list[Row] = []
    for entry in entries:
        found += yield fetch(
            "UPDATE crossings SET shown = 1 WHERE account = $1 AND entry = $2 RETURNING metric, period, percent",
            account,
            entry,
        )
    return found
