"""Statements about everything that is kept of one person, table by table."""

from __future__ import annotations

from typing import NamedTuple

from quota_core.statements import Row, Work, fetch

MAX_ROWS = 5_000


class Kept(NamedTuple):
    """Rows of a table that are about an account: `of` are the columns that name it, `columns` those to hand out."""

    of: tuple[str, ...]
    columns: tuple[str, ...]


TABLES: dict[str, Kept] = {
    "accounts": Kept(
        ("id",),
        (
            *(
                "kind",
                "external_id",
                "plan",
                "plan_until_ms",
                "plan_since_ms",
                "next_plan",
                "next_until_ms",
                "status",
                "locale",
                "dm_channel_id",
            ),
            "created_ms",
        ),
    ),
    "balances": Kept(("account",), ("version", "active_ms", "windows")),
    "allowances": Kept(("account",), ("metric", "period", "used", "overage")),
    "lots": Kept(
        ("account",),
        (
            *("metric", "source", "order_id", "units", "left_units", "taken_units", "expired_units"),
            *("expires_ms", "frozen", "created_ms"),
        ),
    ),
    "debts": Kept(("account",), ("metric", "units")),
    "holds": Kept(("account",), ("metric", "units", "settled_units", "state", "expires_ms")),
    "payers": Kept(("account",), ("position", "cap_units")),
    "orders": Kept(
        ("account", "buyer"),
        (
            *(
                "id",
                "rail",
                "reference",
                "package",
                "metric",
                "units",
                "price_minor",
                "tax_minor",
                "currency",
            ),
            *(
                "state",
                "parameters",
                "locale",
                "payment",
                "receipt_url",
                "opened_ms",
                "expires_ms",
                "paid_ms",
            ),
        ),
    ),
    "crossings": Kept(("account",), ("metric", "period", "percent")),
    "notices": Kept(
        ("account",),
        ("kind", "about", "channel", "facts", "locale", "state", "attempts", "created_ms", "sent_ms"),
    ),
    "recipients": Kept(("account",), ("channel", "target", "kinds", "locale", "disabled_ms", "created_ms")),
    "preferences": Kept(("account",), ("dm", "muted", "quiet_from", "quiet_until", "zone")),
    "consents": Kept(("account",), ("metric", "period", "at_ms")),
    "usage_days": Kept(("account",), ("day", "metric", "service", "units", "paid", "overage", "calls")),
    "views": Kept(("account",), ("screen", "at_ms")),
}
"""Entries are beside these: the signed statement holds them."""


def rows_about(table: str, account: int) -> Work[list[Row]]:
    """Return the columns of the newest rows about an account, 5 000 at most."""
    kept = TABLES[table]
    which = " OR ".join(f"{column} = $1" for column in kept.of)
    return (
        yield fetch(
            f"SELECT {', '.join(kept.columns)} FROM {table} WHERE {which} LIMIT {MAX_ROWS}",  # noqa: S608 - names of ours
            account,
        )
    )


def keys_about(spelled: str) -> Work[list[Row]]:
    """Return (id, name, scopes, creation, end, revocation) of API keys that are bound to an account."""
    return (
        yield fetch(
            """
            SELECT id, name, scopes, created_ms, expires_ms, revoked_ms FROM api_keys WHERE account = $1
            ORDER BY created_ms
            """,
            spelled,
        )
    )


def deeds_about(account: int) -> Work[list[Row]]:
    """Return (action, reason, time) of what operators did to an account by hand; who did it is their own data."""
    return (
        yield fetch(
            f"""
            SELECT u.action, u.reason, u.at_ms FROM audit u JOIN entries e ON e.id = u.entry
            WHERE e.account = $1 AND e.kind > 2 ORDER BY u.id DESC LIMIT {MAX_ROWS}
            """,  # noqa: S608 - a number of ours
            account,
        )
    )


def deliveries_about(account: int) -> Work[list[Row]]:
    """Return (id, type, body, time) of what the payment provider said of an account's payments."""
    return (
        yield fetch(
            f"""
            SELECT d.id, d.type, d.body, d.received_ms FROM deliveries d
            WHERE d.object_id IN (SELECT reference FROM orders WHERE buyer = $1 OR account = $1)
            ORDER BY d.received_ms LIMIT {MAX_ROWS}
            """,  # noqa: S608 - a number of ours
            account,
        )
    )
