"""Statements that read every row in steps, for proofs; `after` is the last row of the step before."""

from __future__ import annotations

from collections.abc import Sequence

from quota_core.chain import Entry
from quota_core.statements import Row, Work, fetch, fetch_any, run


def accounts_after(after: Row | None, limit: int) -> Work[list[Row]]:
    """Return (id, version, head, digest, plan, plan end, open windows)."""
    return (
        yield fetch(
            """
            SELECT a.id, b.version, b.head, b.digest, a.plan, a.plan_until_ms, b.windows
            FROM accounts a JOIN balances b ON b.account = a.id WHERE a.id > $1 ORDER BY a.id LIMIT $2
            """,
            after[0] if after else 0,
            limit,
        )
    )


def windows_after(after: Row | None, limit: int) -> Work[list[Row]]:
    """Return (account, metric, window, used, overage)."""
    return (
        yield fetch(
            """
            SELECT account, metric, period, used, overage FROM allowances
            WHERE (account, metric, period) > ($1, $2, $3) ORDER BY account, metric, period LIMIT $4
            """,
            *(after[:3] if after else (0, 0, "")),
            limit,
        )
    )


def lots_after(after: Row | None, limit: int) -> Work[list[Row]]:
    """Return (id, account, metric, source, units, left, taken back, expired)."""
    return (
        yield fetch(
            """
            SELECT id, account, metric, source, units, left_units, taken_units, expired_units FROM lots
            WHERE id > $1 ORDER BY id LIMIT $2
            """,
            after[0] if after else 0,
            limit,
        )
    )


def debts_after(after: Row | None, limit: int) -> Work[list[Row]]:
    """Return (account, metric, units)."""
    return (
        yield fetch(
            """
            SELECT account, metric, units FROM debts
            WHERE (account, metric) > ($1, $2) ORDER BY account, metric LIMIT $3
            """,
            *(after[:2] if after else (0, 0)),
            limit,
        )
    )


def orders_after(after: Row | None, limit: int) -> Work[list[Row]]:
    """Return (id, state, account, metric, units, entry, units of its lot)."""
    return (
        yield fetch(
            """
            SELECT o.id, o.state, o.account, o.metric, o.units, o.entry, l.units
            FROM orders o LEFT JOIN lots l ON l.order_id = o.id
            WHERE o.id > $1 ORDER BY o.id LIMIT $2
            """,
            after[0] if after else "",
            limit,
        )
    )


def audit_after(after: Row | None, limit: int) -> Work[list[Row]]:
    """Return (id, entry)."""
    return (
        yield fetch(
            "SELECT id, entry FROM audit WHERE id > $1 ORDER BY id LIMIT $2", after[0] if after else 0, limit
        )
    )


def entries(entry_ids: Sequence[int]) -> Work[list[Entry]]:
    """Return entries by id."""
    columns = ", ".join(Entry._fields)
    rows = yield fetch_any(
        f"SELECT {columns} FROM entries WHERE id = ANY($1)",  # noqa: S608 - column names only
        entry_ids,
    )
    return [Entry._make(row) for row in rows]


def heads(account_ids: Sequence[int]) -> Work[list[Row]]:
    """Return (account, version, head, digest)."""
    return (
        yield fetch_any(
            "SELECT account, version, head, digest FROM balances WHERE account = ANY($1)", account_ids
        )
    )


def paid_by_entry(entry_ids: Sequence[int]) -> Work[list[Row]]:
    """Return those of these entries that a paid order names."""
    return (yield fetch_any("SELECT entry FROM orders WHERE entry = ANY($1) AND state = 'paid'", entry_ids))


def audited(entry_ids: Sequence[int]) -> Work[list[Row]]:
    """Return those of these entries that have an audit row."""
    return (yield fetch_any("SELECT entry FROM audit WHERE entry = ANY($1)", entry_ids))


def mark(name: str) -> Work[int]:
    """Return how far a recurring check has come, 0 at first."""
    rows = yield fetch("SELECT value FROM marks WHERE name = $1", name)
    return int(rows[0][0]) if rows else 0


def set_mark(name: str, value: int) -> Work[None]:
    """Remember how far a recurring check has come."""
    yield run(
        "INSERT INTO marks (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        name,
        value,
    )
