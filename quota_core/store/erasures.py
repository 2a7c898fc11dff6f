"""Statements that forget a person: the name and what leads to it go, rows that the ledger counts on stay."""

from __future__ import annotations

from quota_core.statements import Row, Work, fetch, run

ERASED = "erased:"
"""Begins the outer id of an account whose person was forgotten, and what stands for an order's parameters."""

ABOUT_THE_PERSON_ALONE = ("notices", "recipients", "preferences", "consents", "views", "erasures")
"""Whose rows the ledger does not count on."""


def plan(account: int, asked_ms: int, due_ms: int) -> Work[int]:
    """Note that an account is to be forgotten, and return when; a plan that exists stays as it is."""
    yield run(
        "INSERT INTO erasures (account, asked_ms, due_ms) VALUES ($1, $2, $3) ON CONFLICT (account) DO NOTHING",
        account,
        asked_ms,
        due_ms,
    )
    rows = yield fetch("SELECT due_ms FROM erasures WHERE account = $1", account)
    planned_ms: int = rows[0][0]
    return planned_ms


def planned(kind: str, external_id: str) -> Work[int | None]:
    """Return when an account is to be forgotten, None when nobody asked."""
    rows = yield fetch(
        """
        SELECT e.due_ms FROM erasures e JOIN accounts a ON a.id = e.account
        WHERE a.kind = $1 AND a.external_id = $2
        """,
        kind,
        external_id,
    )
    return rows[0][0] if rows else None


def cancel(account: int) -> Work[None]:
    """Forget that an account was to be forgotten."""
    yield run("DELETE FROM erasures WHERE account = $1", account)


def due(now_ms: int, *, think_over_ms: int, after: int) -> Work[list[Row]]:
    """Return (id, kind, outer id) of a hundred accounts behind an id that are due and got no units lately."""
    return (
        yield fetch(
            """
            SELECT a.id, a.kind, a.external_id FROM erasures e JOIN accounts a ON a.id = e.account
            WHERE e.due_ms <= $1 AND a.id > $3 AND NOT EXISTS (
                SELECT 1 FROM lots l WHERE l.account = e.account AND l.left_units > 0
                    AND l.created_ms > e.asked_ms AND l.created_ms > $1 - $2
                    AND (l.expires_ms IS NULL OR l.expires_ms > $1))
            ORDER BY a.id LIMIT 100
            """,
            now_ms,
            think_over_ms,
            after,
        )
    )


def accounts_after(after: int) -> Work[list[Row]]:
    """Return (id, kind, outer id, opened) of a thousand accounts that have a name, behind this id."""
    return (
        yield fetch(
            """
            SELECT id, kind, external_id, created_ms FROM accounts WHERE id > $1 AND beginning IS NULL
            ORDER BY id LIMIT 1000
            """,
            after,
        )
    )


def open_business(account: int) -> Work[list[Row]]:
    """Return (what) for each thing that must end first: a payment under way, a hold."""
    return (
        yield fetch(
            """
            SELECT 'payment' FROM orders WHERE (account = $1 OR buyer = $1) AND state = 'pending'
            UNION SELECT 'hold' FROM holds WHERE account = $1 AND state = 'held'
            """,
            account,
        )
    )


def pages_end(account: int, now_ms: int) -> Work[int | None]:
    """Return when the last payment page that an account can still pay on ends, None when there is none."""
    rows = yield fetch(
        """
        SELECT max(expires_ms) FROM orders
        WHERE (account = $1 OR buyer = $1) AND state = 'open' AND expires_ms > $2
        """,
        account,
        now_ms,
    )
    ends_ms: int | None = rows[0][0]
    return ends_ms


def witnessed_orders(account: int) -> Work[list[Row]]:
    """Return (id, reference, payment, tax, parameters) of an account's orders, as buyer or as receiver."""
    return (
        yield fetch(
            """
            SELECT id, reference, payment, tax_minor, parameters FROM orders WHERE account = $1 OR buyer = $1
            """,
            account,
        )
    )


def forget_order(order_id: str, reference: str | None, stands_for: str) -> Work[None]:
    """Drop what an order was opened with and what was posted about its page; an open one is offered no more."""
    yield run(
        """
        UPDATE orders SET parameters = $2, url = NULL, receipt_url = NULL,
            state = CASE state WHEN 'open' THEN 'expired' ELSE state END
        WHERE id = $1
        """,
        order_id,
        stands_for,
    )
    yield run("UPDATE deliveries SET body = '{}' WHERE object_id = $1", reference)


def notices_about(order_id: str) -> Work[list[Row]]:
    """Return (id, facts) of what anybody was told of an order, of its refunds and of its disputes."""
    return (yield fetch("SELECT id, facts FROM notices WHERE facts LIKE $1", f'%"{order_id}"%'))


def set_facts(notice: int, facts: str) -> Work[None]:
    """Write anew what a notice tells."""
    yield run("UPDATE notices SET facts = $2 WHERE id = $1", notice, facts)


def forget_person(account: int, spelled: str, beginning: bytes, now_ms: int) -> Work[None]:
    """Take the name off an account, and drop everything that is about the person alone."""
    erased = f"{ERASED}{account}"
    yield run(
        """
        UPDATE accounts SET kind = 'external', external_id = $2, locale = NULL, dm_channel_id = NULL, beginning = $3
        WHERE id = $1
        """,
        account,
        erased,
        beginning,
    )
    for table in ABOUT_THE_PERSON_ALONE:
        yield run(f"DELETE FROM {table} WHERE account = $1", account)  # noqa: S608 - names of ours
    yield run(
        """
        UPDATE api_keys SET account = $2, name = '', revoked_ms = coalesce(revoked_ms, $3) WHERE account = $1
        """,
        spelled,
        erased,
        now_ms,
    )
