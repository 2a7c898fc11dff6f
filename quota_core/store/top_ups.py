"""Statements about what an account bought: the lots of this period, and its orders."""

from __future__ import annotations

from quota_core.accounts import AccountRef
from quota_core.statements import Row, Work, fetch


def lots_that_end(account: AccountRef, now_ms: int) -> Work[list[Row]]:
    """Return metric, units and what is left of the lots that end and have not yet, summed by metric."""
    return (
        yield fetch(
            """
            SELECT m.name, CAST(sum(l.units - l.taken_units) AS BIGINT), CAST(sum(l.left_units) AS BIGINT)
            FROM accounts a JOIN lots l ON l.account = a.id JOIN metrics m ON m.id = l.metric
            WHERE a.kind = $1 AND a.external_id = $2 AND l.expires_ms > $3 AND l.frozen = 0
            GROUP BY m.name
            """,
            *account,
            now_ms,
        )
    )


def orders(account: AccountRef, before_ms: int, before_id: str, limit: int) -> Work[list[Row]]:
    """Return the orders somebody paid or tried to pay for this account, newest first, behind a place."""
    return (
        yield fetch(
            """
            SELECT o.id, o.package, m.name, o.units, o.price_minor, o.tax_minor, o.currency, o.state, o.opened_ms,
                o.paid_ms, l.left_units, l.expires_ms
            FROM accounts a JOIN orders o ON o.account = a.id JOIN metrics m ON m.id = o.metric
                LEFT JOIN lots l ON l.order_id = o.id
            WHERE a.kind = $1 AND a.external_id = $2 AND o.state NOT IN ('open', 'expired')
                AND (o.opened_ms < $3 OR (o.opened_ms = $3 AND o.id < $4))
            ORDER BY o.opened_ms DESC, o.id DESC LIMIT $5
            """,
            *account,
            before_ms,
            before_id,
            limit,
        )
    )
