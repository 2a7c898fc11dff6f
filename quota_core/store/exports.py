"""Statements that read entries with the names that the outside knows."""

from __future__ import annotations

from quota_core.accounts import AccountRef
from quota_core.chain import Entry
from quota_core.statements import Row, Work, fetch

_COLUMNS = ", ".join(f"e.{name}" for name in Entry._fields)


def entries_between(after: int, upto: int, account: int, since_ms: int, until_ms: int) -> Work[list[Row]]:
    """
    Return (columns of an entry…, account's kind, its outer id, metric's name), in order.

    Ids are `after` < id <= `upto`, times `since_ms` <= time < `until_ms`; account 0 means every account.
    """
    return (
        yield fetch(
            f"""
            SELECT {_COLUMNS}, a.kind, a.external_id, m.name
            FROM entries e LEFT JOIN accounts a ON a.id = e.account LEFT JOIN metrics m ON m.id = e.metric
            WHERE e.id > $1 AND e.id <= $2 AND (CAST($3 AS BIGINT) = 0 OR e.account = $3)
                AND e.at_ms >= $4 AND e.at_ms < $5
            ORDER BY e.id
            """,  # noqa: S608 - column names only
            after,
            upto,
            account,
            since_ms,
            until_ms,
        )
    )


def account_id(ref: AccountRef) -> Work[int | None]:
    """Return the inner id of an account, None when there is no such account."""
    rows = yield fetch("SELECT id FROM accounts WHERE kind = $1 AND external_id = $2", *ref)
    return int(rows[0][0]) if rows else None


def account_ref(account: int) -> Work[AccountRef | None]:
    """Return how the outside spells an account."""
    rows = yield fetch("SELECT kind, external_id FROM accounts WHERE id = $1", account)
    return AccountRef(*rows[0]) if rows else None
