"""Statements about units that are held: a row for each hold that has not ended."""

from __future__ import annotations

from collections.abc import Sequence

from quota_core.accounts import AccountRef
from quota_core.statements import Row, Work, fetch, fetch_any, run


def add(account: int, metric: int, key: bytes, *, units: int, entry: int, until_ms: int) -> Work[None]:
    """Write that an entry holds units, until a moment."""
    yield run(
        """
        INSERT INTO holds (account, metric, key, units, state, entry, expires_ms)
        VALUES ($1, $2, $3, $4, 'held', $5, $6)
        """,
        account,
        metric,
        key,
        units,
        entry,
        until_ms,
    )


def remove(account: int, key: bytes) -> Work[None]:
    """Forget a hold that has ended: its entries say all of it."""
    yield run("DELETE FROM holds WHERE account = $1 AND key = $2", account, key)


def due(now_ms: int, limit: int) -> Work[list[AccountRef]]:
    """Return accounts with a hold whose time is over, the longest over first."""
    rows = yield fetch(
        """
        SELECT a.kind, a.external_id FROM holds h JOIN accounts a ON a.id = h.account
        WHERE h.expires_ms <= $1 ORDER BY h.expires_ms LIMIT $2
        """,
        now_ms,
        limit,
    )
    return list(dict.fromkeys(AccountRef._make(row) for row in rows))


def next_end() -> Work[int | None]:
    """Return when the next hold ends by itself, None when nothing is held."""
    rows = yield fetch("SELECT min(expires_ms) FROM holds")
    moment: int | None = rows[0][0]
    return moment


def by_entries(entry_ids: Sequence[int]) -> Work[list[Row]]:
    """Return the entries among these that a hold is open of."""
    return (yield fetch_any("SELECT entry FROM holds WHERE entry = ANY($1)", entry_ids))
