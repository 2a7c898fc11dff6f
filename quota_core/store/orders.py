"""Statements about orders and about what Stripe delivered."""

from __future__ import annotations

from dataclasses import dataclass

from quota_core import witnesses
from quota_core.statements import Row, Work, fetch, run

_COLUMNS = """
    o.id, o.account, o.buyer, o.rail, o.reference, o.package, m.name, o.units, o.price_minor, o.currency,
    o.livemode, o.expires, o.state, o.attempt, o.parameters, o.url, o.token, o.locale, o.payment, o.receipt_url,
    o.opened_ms, o.expires_ms, o.paid_ms, a.kind, a.external_id, b.kind, b.external_id
"""
_FROM = """
    FROM orders o JOIN metrics m ON m.id = o.metric JOIN accounts a ON a.id = o.account
    JOIN accounts b ON b.id = o.buyer
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    """An order as it stands; `account` receives, `buyer` pays; both also by their outer names."""

    id: str
    account: int
    buyer: int
    rail: str
    reference: str | None
    package: str
    metric: str
    units: int
    price_minor: int
    currency: str
    livemode: bool
    expires: str
    state: str
    attempt: int
    parameters: str
    url: str | None
    token: str
    locale: str
    payment: str | None
    receipt_url: str | None
    opened_ms: int
    expires_ms: int
    paid_ms: int | None
    account_ref: tuple[str, str]
    buyer_ref: tuple[str, str]


def _order(row: Row) -> OrderRow:
    names = list(OrderRow.__dataclass_fields__)[:-2]
    facts = dict(zip(names, row, strict=False))
    facts["livemode"] = bool(facts["livemode"])
    return OrderRow(**facts, account_ref=(row[23], row[24]), buyer_ref=(row[25], row[26]))


def id_of(order: OrderRow, metric: int) -> str:
    """Return the id of an order, which follows from what was ordered; `metric` is its number."""
    return witnesses.order_id(
        order.opened_ms,
        (
            *(order.account, order.buyer, order.rail, order.package, metric, order.units, order.price_minor),
            *(
                order.currency,
                int(order.livemode),
                order.expires,
                order.expires_ms,
                order.locale,
                order.token,
            ),
        ),
    )


def by_id(order_id: str) -> Work[OrderRow | None]:
    """Return an order."""
    rows = yield fetch(f"SELECT {_COLUMNS} {_FROM} WHERE o.id = $1", order_id)
    return _order(rows[0]) if rows else None


def locked(order_id: str) -> Work[OrderRow | None]:
    """Return an order that nobody else changes until the transaction ends."""
    rows = yield fetch(f"SELECT {_COLUMNS} {_FROM} WHERE o.id = $1 FOR UPDATE OF o", order_id)
    return _order(rows[0]) if rows else None


def locked_by_payment(payment: str) -> Work[OrderRow | None]:
    """Return the order of a payment, which nobody else changes until the transaction ends."""
    rows = yield fetch(f"SELECT {_COLUMNS} {_FROM} WHERE o.payment = $1 FOR UPDATE OF o", payment)
    return _order(rows[0]) if rows else None


def by_token(token: str) -> Work[OrderRow | None]:
    """Return the order that our own link names."""
    rows = yield fetch(f"SELECT {_COLUMNS} {_FROM} WHERE o.token = $1", token)
    return _order(rows[0]) if rows else None


def by_reference(reference: str) -> Work[OrderRow | None]:
    """Return the order of a Checkout Session."""
    rows = yield fetch(
        f"SELECT {_COLUMNS} {_FROM} WHERE o.rail = 'stripe' AND o.reference = $1",
        reference,
    )
    return _order(rows[0]) if rows else None


def open_order(account: int, buyer: int, package: str, now_ms: int) -> Work[OrderRow | None]:
    """Return the newest order of this package that can still be paid."""
    rows = yield fetch(
        f"""
        SELECT {_COLUMNS} {_FROM}
        WHERE o.account = $1 AND o.buyer = $2 AND o.package = $3 AND o.state = 'open' AND o.expires_ms > $4
        ORDER BY o.opened_ms DESC LIMIT 1
        """,
        account,
        buyer,
        package,
        now_ms,
    )
    return _order(rows[0]) if rows else None


def add(order: OrderRow, metric: int) -> Work[None]:
    """Write a new order."""
    yield run(
        """
        INSERT INTO orders (id, account, buyer, rail, package, metric, units, price_minor, currency, livemode,
            expires, state, parameters, token, locale, opened_ms, expires_ms)
        VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,'open',$12,$13,$14,$15,$16)
        """,
        order.id,
        order.account,
        order.buyer,
        order.rail,
        order.package,
        metric,
        order.units,
        order.price_minor,
        order.currency,
        int(order.livemode),
        order.expires,
        order.parameters,
        order.token,
        order.locale,
        order.opened_ms,
        order.expires_ms,
    )


def bind(order_id: str, reference: str) -> Work[None]:
    """Bind a payment page to its order; an order keeps the first page it was bound to."""
    yield run("UPDATE orders SET reference = $2 WHERE id = $1 AND reference IS NULL", order_id, reference)


def bind_page(order_id: str, reference: str, url: str) -> Work[None]:
    """Bind a payment page with its link, unless a report of another page came first."""
    yield run(
        "UPDATE orders SET reference = $2, url = $3 WHERE id = $1 AND coalesce(reference, $2) = $2",
        order_id,
        reference,
        url,
    )


def next_attempt(order_id: str, attempt: int) -> Work[None]:
    """Count a stored failure, so that the next call uses a new idempotency key."""
    yield run("UPDATE orders SET attempt = $2 + 1 WHERE id = $1 AND attempt = $2", order_id, attempt)


def set_state(order_id: str, state: str, payment: str | None) -> Work[None]:
    """Write a state other than paid."""
    yield run(
        """
        UPDATE orders SET state = $2, payment = coalesce($3, payment),
            after_entry = (SELECT coalesce(max(id), 0) FROM entries)
        WHERE id = $1
        """,
        order_id,
        state,
        payment,
    )


def end(order_id: str) -> Work[None]:
    """Offer an open order no more; a payment of it would still be credited."""
    yield run("UPDATE orders SET state = 'expired' WHERE id = $1 AND state = 'open'", order_id)


def set_paid(order_id: str, *, entry: int, payment: str | None, tax_minor: int, now_ms: int) -> Work[None]:
    """Mark an order paid, with the entry that credited it."""
    yield run(
        """
        UPDATE orders SET state = 'paid', entry = $2, payment = coalesce($3, payment), tax_minor = $4,
            paid_ms = $5
        WHERE id = $1
        """,
        order_id,
        entry,
        payment,
        tax_minor,
        now_ms,
    )


def set_receipt(order_id: str, url: str) -> Work[None]:
    """Keep the link of the receipt."""
    yield run("UPDATE orders SET receipt_url = $2 WHERE id = $1", order_id, url)


def add_view(account: int, screen: str, now_ms: int) -> Work[None]:
    """Record that the account looked at the shop."""
    yield run("INSERT INTO views (account, screen, at_ms) VALUES ($1, $2, $3)", account, screen, now_ms)


def add_delivery(event_id: str, kind: str, object_id: str | None, body: str, now_ms: int) -> Work[None]:
    """Record an event; a repeat counts one attempt more."""
    yield run(
        """
        INSERT INTO deliveries (id, type, object_id, body, received_ms) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (id) DO UPDATE SET attempts = deliveries.attempts + 1
        """,
        event_id,
        kind,
        object_id,
        body,
        now_ms,
    )


def set_outcome(event_id: str, outcome: str, now_ms: int) -> Work[None]:
    """Record what an event led to; a change that it made is not overwritten by what a repeat finds."""
    yield run(
        """
        UPDATE deliveries SET outcome = $2, handled_ms = $3
        WHERE id = $1 AND outcome NOT IN ('credited', 'taken back', 'restored', 'frozen', 'unfrozen')
        """,
        event_id,
        outcome,
        now_ms,
    )
