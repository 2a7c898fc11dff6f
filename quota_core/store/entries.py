"""Statements about the entries: the append-only history."""

from __future__ import annotations

from collections.abc import Sequence

from quota_core.chain import Entry
from quota_core.statements import Work, fetch, fetch_each, run, run_each

_COLUMNS = ", ".join(Entry._fields)


def last_id() -> Work[int]:
    """Return the id of the last entry, 0 when there is none."""
    rows = yield fetch("SELECT coalesce(max(id), 0) FROM entries")
    number: int = rows[0][0]
    return number


def add(entries: Sequence[Entry]) -> Work[None]:
    """Append entries."""
    yield run_each(
        f"INSERT INTO entries ({_COLUMNS}) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13)",  # noqa: S608 - column names only
        entries,
    )


def by_keys(keys: Sequence[tuple[bytes, int]]) -> Work[list[Entry]]:
    """Return the entries that carry one of these (key, account)."""
    rows = yield fetch_each(
        f"SELECT {_COLUMNS} FROM entries WHERE key = $1 AND account = $2",  # noqa: S608 - column names only
        keys,
    )
    return [Entry._make(row) for row in rows]


def after(entry_id: int, limit: int) -> Work[list[Entry]]:
    """Return up to `limit` entries behind this id, in order."""
    rows = yield fetch(
        f"SELECT {_COLUMNS} FROM entries WHERE id > $1 ORDER BY id LIMIT $2",  # noqa: S608 - column names only
        entry_id,
        limit,
    )
    return [Entry._make(row) for row in rows]


def add_audit(entry_id: int, *, actor: str, action: str, reason: str, now_ms: int) -> Work[None]:
    """Record who made an entry by hand, and why."""
    yield run(
        "INSERT INTO audit (entry, actor, action, reason, at_ms) VALUES ($1, $2, $3, $4, $5)",
        entry_id,
        actor,
        action,
        reason,
        now_ms,
    )
