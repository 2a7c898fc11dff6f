"""What orders and the messages to their buyers say, held against the recount and against each other."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from quota_core import witnesses
from quota_core.counted import Noted
from quota_core.keys import key_bytes
from quota_core.recount import Recount
from quota_core.statements import Row, Work
from quota_core.store import sale_proofs as rows
from quota_core.store.erasures import ERASED
from quota_core.store.sale_proofs import ComparedOrder
from quota_core.verdict import Verdict


class OrdersTable:
    """Orders: what was ordered, and for paid ones what was credited and told."""

    def __init__(self, count: Recount, verdict: Verdict) -> None:
        self._count = count
        self._verdict = verdict
        verdict.count("orders", 0)

    def look(self, mark: str | None, limit: int) -> Work[str | None]:
        """Compare the next orders."""
        found = yield from rows.orders_after(mark or "", limit)
        self._verdict.count("orders", len(found))
        told = {row[:2]: row[2:] for row in (yield from rows.notices_about([order.id for order in found]))}
        for order in found:
            self._verdict.note(_ordered(order))
            if order.state == "paid":
                self._verdict.note(self._credited(order, told))
            else:
                self._verdict.note(_unpaid(order, None if order.buyer in self._count.erased else told))
        if len(found) == limit:
            return found[-1].id
        # A row that came behind the reading point while steps were made is looked up by itself.
        unseen = list(self._count.purchases)
        there = {row[0] for row in (yield from rows.paid_by_entry(unseen))}
        self._verdict.note(
            f"entry {entry}: credits a purchase that no paid order names"
            for entry in unseen
            if entry not in there
        )
        return None

    def _credited(self, order: ComparedOrder, told: Mapping[Row, Row]) -> Iterator[str]:
        credit = self._count.purchases.pop(order.entry or 0, None)
        if credit is None or self._facts_of(order) != (
            *(credit.account, credit.metric, credit.units, credit.at_ms),
            *(credit.key, credit.witness),
        ):
            yield f"order {order.id}: is paid, but entry {order.entry} does not credit it"
        elif order.buyer not in self._count.erased:
            yield from _told(order, "purchase", _balances_after(credit), told)

    def _facts_of(self, order: ComparedOrder) -> tuple[object, ...]:
        """Return what the entry of a paid order must say; of a forgotten person's, the digest stands there."""
        if {order.account, order.buyer} & self._count.erased and order.parameters.startswith(ERASED):
            witness = order.parameters.removeprefix(ERASED)
        else:
            witness, _ = witnesses.paid(
                order.id, order.reference, order.payment, order.tax_minor, order.parameters
            )
        key = key_bytes(f"{order.rail}:{order.reference}")
        return order.account, order.metric, order.units, order.paid_ms, key, witness


def _ordered(order: ComparedOrder) -> Iterator[str]:
    said = witnesses.order_id(
        order.opened_ms,
        (
            *(
                order.account,
                order.buyer,
                order.rail,
                order.package,
                order.metric,
                order.units,
                order.price_minor,
            ),
            *(order.currency, order.livemode, order.expires, order.expires_ms, order.locale, order.token),
        ),
    )
    if said != order.id:
        yield f"order {order.id}: is not what was ordered under this id"


def _unpaid(order: ComparedOrder, told: Mapping[Row, Row] | None) -> Iterator[str]:
    if order.state not in ("open", "expired", "pending", "failed"):
        yield f"order {order.id}: is in no known state, {order.state}"
    if (order.entry, order.paid_ms, order.tax_minor) != (None, None, 0):
        yield f"order {order.id}: is {order.state}, but says what was paid"
    if told is not None and order.state in ("pending", "failed"):
        yield from _told(order, f"payment_{order.state}", {}, told)


def _balances_after(credit: Noted) -> dict[str, int | None]:
    """Return what a buyer is told beside the order."""
    left = credit.purchased_left
    return {
        "before": left - credit.into_lot,
        "after": left,
        "total": None if credit.allowance_left is None else credit.allowance_left + left,
        "entry": credit.entry,
    }


def _told(
    order: ComparedOrder, kind: str, facts: Mapping[str, int | None], told: Mapping[Row, Row]
) -> Iterator[str]:
    about = {
        "order": order.id,
        "package": order.package,
        "metric": order.metric_name,
        "units": order.units,
        "price_minor": order.price_minor,
        "currency": order.currency,
        "account": order.receiver,
        **facts,
    }
    notice = told.get((order.id, kind))
    if notice is None:
        yield f"order {order.id}: is {order.state}, but its buyer was not told"
    elif notice[1:3] != (json.dumps(about, sort_keys=True), order.locale) or (
        order.paid_ms is not None and kind == "purchase" and notice[3] != order.paid_ms
    ):
        yield f"order {order.id}: its buyer was told something else"
