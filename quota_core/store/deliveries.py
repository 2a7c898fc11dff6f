"""Statements about what the payment provider reported, and how far asking for it has come."""

from __future__ import annotations

from collections.abc import Sequence

from quota_core.statements import Work, fetch, fetch_any


def handled(event_ids: Sequence[str]) -> Work[set[str]]:
    """Return those of these reports that were handled."""
    rows = yield fetch_any(
        "SELECT id FROM deliveries WHERE id = ANY($1) AND handled_ms IS NOT NULL", list(event_ids)
    )
    return {row[0] for row in rows}


def oldest_waiting(types: Sequence[str]) -> Work[int | None]:
    """Return when the oldest report of these types was made that is not handled, None when there is none."""
    rows = yield fetch("SELECT type, received_ms FROM deliveries WHERE handled_ms IS NULL")
    return min((row[1] for row in rows if row[0] in types), default=None)
