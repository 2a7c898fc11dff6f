"""Statements about marks: how far recurring work has come."""

from __future__ import annotations

from quota_core.statements import Work, fetch, run


def mark(name: str) -> Work[int]:
    """Return how far a recurring check has come, 0 at first."""
    return (yield from find(name)) or 0


def find(name: str) -> Work[int | None]:
    """Return how far recurring work has come, None before it began."""
    rows = yield fetch("SELECT value FROM marks WHERE name = $1", name)
    return int(rows[0][0]) if rows else None


def set_mark(name: str, value: int) -> Work[None]:
    """Remember how far a recurring check has come."""
    yield run(
        "INSERT INTO marks (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        name,
        value,
    )
