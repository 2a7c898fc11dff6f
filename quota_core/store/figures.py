"""Statements about all accounts and all messages together, for whoever watches the program."""

from __future__ import annotations

from quota_core.statements import Row, Work, fetch


def last_account() -> Work[int]:
    """Return the highest account id, 0 when there is none."""
    rows = yield fetch("SELECT coalesce(max(account), 0) FROM balances")
    number: int = rows[0][0]
    return number


def open_windows(after: int, until: int, active_ms: int) -> Work[list[Row]]:
    """
    Return plan, its end, birth and open windows of the accounts `after` < id <= `until` that were active since.

    By the primary key in steps, since nothing else is decided on SQLite while the database reads.
    """
    return (
        yield fetch(
            """
            SELECT a.plan, a.plan_until_ms, a.plan_since_ms, a.next_plan, a.next_until_ms, a.created_ms, b.windows
            FROM balances b JOIN accounts a ON a.id = b.account
            WHERE b.account > $1 AND b.account <= $2 AND b.active_ms >= $3 AND b.windows <> ''
            """,
            after,
            until,
            active_ms,
        )
    )


def owed() -> Work[list[Row]]:
    """Return each channel with how many notices are owed by it, and when the oldest of them was caused."""
    return (
        yield fetch(
            "SELECT channel, count(*), min(created_ms) FROM notices WHERE state = 'owed' GROUP BY channel"
        )
    )


def held() -> Work[int]:
    """Return how many deliveries were held for an operator."""
    rows = yield fetch("SELECT count(*) FROM deliveries WHERE outcome LIKE 'mismatch%'")
    number: int = rows[0][0]
    return number


def last_delivery() -> Work[int | None]:
    """Return when the payment provider last delivered; it reads the whole table, so for a person who asks."""
    rows = yield fetch("SELECT max(received_ms) FROM deliveries")
    moment: int | None = rows[0][0]
    return moment
