"""Statements about refunds and disputes, and about the lots of the purchases that they concern."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from quota_core.after_sale import Reported, Reversal
from quota_core.statements import Row, Work, fetch, fetch_any, run, run_each


class Sale(NamedTuple):
    """A paid order's tax, its lot, and what refunds and disputes took of that so far, in units."""

    tax_minor: int
    lot: int
    reversed_units: int
    reversed_lot_units: int


def keep(reversal: Reversal, now_ms: int) -> Work[None]:
    """Keep what was reported; amounts and standings only grow, whatever comes in which order."""
    yield run(
        """
        INSERT INTO reversals (id, payment, kind, amount_minor, currency, standing, reported_ms)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (id) DO UPDATE SET
            amount_minor = CASE WHEN excluded.amount_minor > reversals.amount_minor
                THEN excluded.amount_minor ELSE reversals.amount_minor END,
            standing = CASE WHEN excluded.standing > reversals.standing
                THEN excluded.standing ELSE reversals.standing END
        """,
        reversal.reference,
        reversal.payment,
        reversal.kind,
        reversal.amount_minor,
        reversal.currency.upper(),
        reversal.standing,
        now_ms,
    )


def reported(payment: str) -> Work[list[Reported]]:
    """Return what was reported of a payment."""
    rows = yield fetch(
        "SELECT kind, amount_minor, currency, standing FROM reversals WHERE payment = $1 ORDER BY id", payment
    )
    return [Reported._make(row) for row in rows]


def sale(order_id: str) -> Work[Sale]:
    """Return what a paid order brought, once its account is locked."""
    rows = yield fetch(
        """
        SELECT o.tax_minor, l.id, l.reversed_units, l.reversed_lot_units
        FROM orders o JOIN lots l ON l.order_id = o.id WHERE o.id = $1
        """,
        order_id,
    )
    return Sale._make(rows[0])


def debt_payers(account: int, metric: int) -> Work[list[tuple[int, int]]]:
    """Return (lot, units) of lots that paid debts when they came, oldest first."""
    rows = yield fetch(
        """
        SELECT id, debt_paid_units FROM lots
        WHERE account = $1 AND metric = $2 AND debt_paid_units > 0 ORDER BY id
        """,
        account,
        metric,
    )
    return [(row[0], row[1]) for row in rows]


def change_lots(rows: Sequence[tuple[int, ...]]) -> Work[None]:
    """Change (lot, units taken back, of them from the lot, units that paid debts)."""
    if rows:
        yield run_each(
            """
            UPDATE lots SET reversed_units = reversed_units + $2, reversed_lot_units = reversed_lot_units + $3,
                debt_paid_units = debt_paid_units + $4
            WHERE id = $1
            """,
            rows,
        )


def set_frozen(rows: Sequence[tuple[int, int]]) -> Work[None]:
    """Put lots on hold (1) or let them go (0)."""
    if rows:
        yield run_each("UPDATE lots SET frozen = $2 WHERE id = $1", rows)


def payments_after(payment: str, limit: int) -> Work[list[str]]:
    """Return payments of which something was reported, in order, for proofs."""
    rows = yield fetch(
        "SELECT DISTINCT payment FROM reversals WHERE payment > $1 ORDER BY payment LIMIT $2", payment, limit
    )
    return [row[0] for row in rows]


def reported_of(payments: Sequence[str]) -> Work[list[Row]]:
    """Return (payment, kind, amount, currency, standing) of payments, for proofs."""
    return (
        yield fetch_any(
            "SELECT payment, kind, amount_minor, currency, standing FROM reversals WHERE payment = ANY($1)",
            payments,
        )
    )


def names_of(payments: Sequence[str]) -> Work[list[Row]]:
    """Return (payment, name, kind) of what was reported of payments, for proofs."""
    return (yield fetch_any("SELECT payment, id, kind FROM reversals WHERE payment = ANY($1)", payments))


def sales_of(payments: Sequence[str]) -> Work[list[Row]]:
    """Return (payment, lot, units, price, tax, currency, units taken back, frozen) of paid orders, for proofs."""
    return (
        yield fetch_any(
            """
            SELECT o.payment, l.id, o.units, o.price_minor, o.tax_minor, o.currency, l.reversed_units, l.frozen
            FROM orders o JOIN lots l ON l.order_id = o.id WHERE o.payment = ANY($1)
            """,
            payments,
        )
    )


def unreported() -> Work[list[Row]]:
    """Return lots that were taken back or put on hold, although nothing was reported of their payment."""
    return (
        yield fetch(
            """
            SELECT l.id FROM lots l LEFT JOIN orders o ON o.id = l.order_id
            WHERE (l.reversed_units > 0 OR l.frozen > 0)
                AND NOT EXISTS (SELECT 1 FROM reversals r WHERE r.payment = o.payment)
            ORDER BY l.id LIMIT 20
            """
        )
    )


def refund_attempts(order_id: str) -> Work[int]:
    """Return how many refunds of an order met a failure that the provider keeps."""
    rows = yield fetch("SELECT refund_failures FROM orders WHERE id = $1", order_id)
    return int(rows[0][0])


def add_refund_attempt(order_id: str) -> Work[None]:
    """Count such a failure."""
    yield run("UPDATE orders SET refund_failures = refund_failures + 1 WHERE id = $1", order_id)
