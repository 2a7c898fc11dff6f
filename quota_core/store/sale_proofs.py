"""Statements that read orders and what was told of them in steps, for proofs, as those of `proofs` do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from quota_core.accounts import AccountRef
from quota_core.statements import Row, Work, fetch, fetch_all, fetch_any
from quota_core.store.proofs import LEAST_ID

ORDER_ID_LENGTH = 36


class ComparedOrder(NamedTuple):
    """What an order says, with the name of its metric and of who receives it, None where there is no such row."""

    id: str
    account: int
    buyer: int
    rail: str
    reference: str | None
    package: str
    metric: int
    units: int
    price_minor: int
    tax_minor: int
    currency: str
    livemode: int
    expires: str
    state: str
    parameters: str
    token: str
    locale: str
    payment: str | None
    entry: int | None
    opened_ms: int
    expires_ms: int
    paid_ms: int | None
    metric_name: str | None
    account_kind: str | None
    account_name: str | None

    @property
    def receiver(self) -> str:
        """Who receives, as messages spell it."""
        return str(AccountRef(self.account_kind or "", self.account_name or ""))


_ORDER = ", ".join(f"o.{name}" for name in ComparedOrder._fields[:-3])


_ORDERS = f"""
    SELECT {_ORDER}, m.name, a.kind, a.external_id
    FROM orders o LEFT JOIN metrics m ON m.id = o.metric LEFT JOIN accounts a ON a.id = o.account
    """  # noqa: S608 - column names only


def orders_after(order_id: str, limit: int) -> Work[list[ComparedOrder]]:
    """Return orders behind this id; behind the empty one, all of them."""
    behind = ">" if order_id else ">="  # an id that somebody emptied is none that is passed over
    found = yield fetch(f"{_ORDERS} WHERE o.id {behind} $1 ORDER BY o.id LIMIT $2", order_id, limit)
    return [ComparedOrder._make(row) for row in found]


def orders_of(order_ids: Sequence[str]) -> Work[dict[str, ComparedOrder]]:
    """Return orders by id."""
    found = yield fetch_any(f"{_ORDERS} WHERE o.id = ANY($1)", order_ids)
    return {row[0]: ComparedOrder._make(row) for row in found}


def notices_about(order_ids: Sequence[str]) -> Work[list[Row]]:
    """Return (about, kind, account, facts, language, made) of the direct messages about these orders."""
    return (
        yield fetch_any(
            """
            SELECT n.about, n.kind, n.account, n.facts, n.locale, n.created_ms
            FROM orders o JOIN notices n ON n.account = o.buyer AND n.about = o.id
                AND n.kind IN ('purchase', 'payment_pending', 'payment_failed')
                AND n.channel = 'dm' AND n.target = ''
            WHERE o.id = ANY($1)
            """,
            order_ids,
        )
    )


def paid_by_entry(entry_ids: Sequence[int]) -> Work[list[Row]]:
    """Return those of these entries that a paid order names."""
    return (yield fetch_any("SELECT entry FROM orders WHERE entry = ANY($1) AND state = 'paid'", entry_ids))


def buyers_by_entry(entry_ids: Sequence[int]) -> Work[list[Row]]:
    """Return (entry, order, buyer) of paid orders that these entries credit."""
    return (yield fetch_any("SELECT entry, id, buyer FROM orders WHERE entry = ANY($1)", entry_ids))


class Told(NamedTuple):
    """A notice; `original` are the facts of the direct message of the same thing, None where there is none."""

    id: int
    account: int
    kind: str
    about: str
    channel: str
    target: str
    facts: str
    locale: str
    created_ms: int
    original: str | None

    @property
    def direct(self) -> bool:
        """Whether it is for the account itself, and not for one who hears of it too."""
        return self.channel == "dm"


# What is told of a purchase to others than who paid goes beside the buyer's message; it begins with the order's id.
_TOLD = f"""
    SELECT n.id, n.account, n.kind, n.about, n.channel, n.target, n.facts, n.locale, n.created_ms, d.facts
    FROM notices n LEFT JOIN orders o ON o.id = substr(n.about, 1, {ORDER_ID_LENGTH})
        LEFT JOIN notices d ON d.account = coalesce(o.buyer, n.account) AND d.kind = n.kind AND d.about = n.about
            AND d.channel = 'dm' AND d.target = ''
    """  # noqa: S608 - a constant


def notices_after(after: Told | None, limit: int) -> Work[list[Told]]:
    """Return notices behind this one."""
    found = yield fetch(
        f"{_TOLD} WHERE n.id > $1 ORDER BY n.id LIMIT $2", after[0] if after else LEAST_ID, limit
    )
    return [Told._make(row) for row in found]


def told(messages: Sequence[tuple[int, str, str]]) -> Work[list[Told]]:
    """Return the direct messages of these (account, kind, about) that are there."""
    found = yield fetch_all(
        f"""
        WITH wanted (account, kind, about) AS ({{rows}})
        {_TOLD} JOIN wanted w ON w.account = n.account AND w.kind = n.kind AND w.about = n.about
        WHERE n.channel = 'dm' AND n.target = ''
        """,
        ("bigint", "text", "text"),
        messages,
    )
    return [Told._make(row) for row in found]


def crossed(thresholds: Sequence[tuple[int, int, str, int]]) -> Work[set[Row]]:
    """Return those of these (account, metric, window, percent) that were crossed."""
    found = yield fetch_all(
        """
        WITH wanted (account, metric, period, percent) AS ({rows})
        SELECT c.account, c.metric, c.period, c.percent FROM wanted w JOIN crossings c ON c.account = w.account
            AND c.metric = w.metric AND c.period = w.period AND c.percent = w.percent
        """,
        ("bigint", "bigint", "text", "bigint"),
        thresholds,
    )
    return set(found)
