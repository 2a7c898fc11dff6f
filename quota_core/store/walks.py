"""Statements about one account's entries from the last to the first, and about where all accounts stand."""

from __future__ import annotations

from quota_core.chain import Entry
from quota_core.statements import Row, Work, fetch
from quota_core.store.entries import entry_of

_ENTRY = ", ".join(Entry._fields)


def standing(kind: str, external_id: str) -> Work[Row | None]:
    """Return (id, opened, version, head, digest, kept beginning) of an account, None when there is none."""
    found = yield fetch(
        """
        SELECT a.id, a.created_ms, b.version, b.head, b.digest, a.beginning
        FROM accounts a JOIN balances b ON b.account = a.id WHERE a.kind = $1 AND a.external_id = $2
        """,
        kind,
        external_id,
    )
    return found[0] if found else None


def walk_back(entry_id: int, limit: int) -> Work[list[Entry]]:
    """Return an entry and up to `limit` - 1 before it of the same account, newest first."""
    columns = ", ".join(f"e.{name}" for name in Entry._fields)
    found = yield fetch(
        f"""
        WITH RECURSIVE walk AS (
            SELECT {_ENTRY}, 1 AS step FROM entries WHERE id = $1
            UNION ALL
            SELECT {columns}, w.step + 1 FROM walk w JOIN entries e ON e.id = w.prev WHERE w.step < $2
        )
        SELECT {_ENTRY} FROM walk ORDER BY step
        """,  # noqa: S608 - column names only
        entry_id,
        limit,
    )
    return [entry_of(row) for row in found]


def heads_after(account: int, limit: int) -> Work[list[Row]]:
    """Return (account, version, head, digest) of accounts with entries, in the order of their numbers."""
    return (
        yield fetch(
            """
            SELECT account, version, head, digest FROM balances WHERE account > $1 AND version > 0
            ORDER BY account LIMIT $2
            """,
            account,
            limit,
        )
    )
