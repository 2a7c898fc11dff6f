"""Statements about crossings: a threshold that a window passed, once."""

from __future__ import annotations

from collections.abc import Sequence

from quota_core.statements import Row, Work, fetch_all


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
