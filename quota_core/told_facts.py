"""What a message must say, by its kind: the facts that follow from entries, orders, reports and thresholds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from quota_core.accounts import AccountRef
from quota_core.after_sale import units_of
from quota_core.events import ALERT, CHANNELS, CODE, DISABLED, RECEIVED, TEST
from quota_core.ledger import EntryKind
from quota_core.recount import Recount
from quota_core.store.sale_proofs import ORDER_ID_LENGTH, ComparedOrder, Told

STATES_OF_ORDERS: Mapping[str, frozenset[str]] = {
    "purchase": frozenset({"paid"}),
    "payment_pending": frozenset({"pending", "failed", "paid"}),
    "payment_failed": frozenset({"failed", "paid"}),
}
"""What an order of which this was told can be: states only move up. What was told stands with the orders."""
REVERSAL, _DISPUTE, _HELD = "reversal", "dispute_opened", "payment_held"
_ALERT_FACTS = frozenset(
    (
        *("metric", "window", "period", "threshold", "severity", "used", "limit", "resets_ms", "plan"),
        *("overage_policy", "purchased_left"),
    )
)
Crossing = tuple[int, int, str, int]
"""Account, metric, window, percent."""


class Around(NamedTuple):
    """
    What some notices are compared with.

    `reports` are the kinds of what was reported of a payment, by its name there; `givers` how accounts that gave
    units are spelled; `crossed` those thresholds of these notices that were crossed.
    """

    recount: Recount
    names: Mapping[int, str]
    orders: Mapping[str, ComparedOrder]
    reports: Mapping[str, Mapping[str, str]]
    givers: Mapping[int, AccountRef]
    crossed: set[tuple[Any, ...]]


def order_in(notice: Told) -> str:
    """Return the order that a notice tells of, or what is none."""
    if notice.kind in (_DISPUTE, _HELD):
        return str(_facts_in(notice).get("order"))
    return notice.about[:ORDER_ID_LENGTH]


def crossing_in(notice: Told) -> Crossing | None:
    """Return the threshold that a notice tells of."""
    metric, period, percent = (*notice.about.split("/"), "", "")[:3]
    if notice.kind != ALERT or not (metric.isdigit() and percent.isdigit()):
        return None
    return notice.account, int(metric), period, int(percent)


def problems_of(notice: Told, around: Around) -> Iterator[str]:
    """Yield what is wrong with a notice."""
    compare = _COMPARED.get(notice.kind)
    if compare is None:
        yield f"is of no known kind, {notice.kind}"
        return
    if notice.direct != (not notice.target) or not (notice.direct or notice.target.isdigit()):
        yield f"goes by {notice.channel} to {notice.target or 'nobody'}"
    if notice.channel not in CHANNELS:
        yield f"goes by no known way, {notice.channel}"
    if notice.original not in (None, notice.facts):
        yield "is not what its account was told directly"
    yield from compare(notice, around)


def _order(notice: Told, around: Around) -> Iterator[str]:
    order = around.orders.get(notice.about)
    state = "not there" if order is None else order.state
    if order is None or state not in STATES_OF_ORDERS[notice.kind] or not _concerns(notice, order):
        yield f"tells account {notice.account} of order {notice.about} as {notice.kind}, but it is {state}"
    elif notice.original is None and order.buyer not in around.recount.erased:
        yield f"tells of order {notice.about} what its buyer was not told"


def _concerns(notice: Told, order: ComparedOrder) -> bool:
    return notice.account == order.buyer or (not notice.direct and notice.account == order.account)


def _reversal(notice: Told, around: Around) -> Iterator[str]:
    order_id, _, entry = notice.about.partition(":")
    order = around.orders.get(order_id)
    said = around.recount.tellings.reversals.get(int(entry) if entry.isdigit() else 0)
    if order is None or said is None or order.entry != said.bought_by or not _concerns(notice, order):
        yield f"tells account {notice.account} of {notice.about}, which is no refund or dispute of its order"
        return
    facts = _facts_in(notice)
    paid_minor, returned_minor = order.price_minor + order.tax_minor, facts.get("returned_minor")
    if not isinstance(returned_minor, int) or said.taken != units_of(
        order.units, returned_minor=returned_minor, paid_minor=paid_minor
    ):
        yield f"says that {returned_minor} of {paid_minor} went back, for {said.taken} of {order.units} units"
    kinds = set(around.reports.get(order.payment or "", {}).values())
    if not kinds & ({"dispute"} if facts.get("cause") == "dispute" else {"refund", "sum"}):
        yield f"says that it was a {facts.get('cause')}, of which nothing was reported"
    yield from _same(
        notice,
        {
            "order": order.id,
            "package": order.package,
            "metric": order.metric_name,
            "units": said.units,
            "account": order.receiver,
            "change": EntryKind(said.kind).name.lower(),
            "cause": "dispute" if facts.get("cause") == "dispute" else "refund",
            "returned_minor": returned_minor,
            "currency": order.currency,
            "debt": said.debt,
            "after": said.left,
            "entry": int(entry),
        },
    )
    if notice.created_ms != said.at_ms or (notice.direct and notice.locale != order.locale):
        yield "was made at another time, or in another language than its order's"


def _dispute(notice: Told, around: Around) -> Iterator[str]:
    facts = _facts_in(notice)
    order = around.orders.get(order_in(notice))
    units = facts.get("units")
    if (
        order is None
        or not isinstance(units, int)
        or ((order.entry or 0), units, notice.created_ms) not in around.recount.tellings.freezes
    ):
        yield f"tells of a dispute of order {facts.get('order')}, for which nothing was put on hold then"
        return
    if notice.about not in {order.payment, *around.reports.get(order.payment or "", ())}:
        yield f"tells of {notice.about}, of which nothing was reported"
    yield from _same(
        notice,
        {
            "order": order.id,
            "reference": notice.about,
            "price_minor": order.price_minor,
            "currency": order.currency,
            "account": order.receiver,
            "units": units,
            "metric": order.metric_name,
        },
    )


def _received(notice: Told, around: Around) -> Iterator[str]:
    said = around.recount.tellings.arrivals.get(int(notice.about) if notice.about.isdigit() else 0)
    if said is None or (said.account, said.at_ms) != (notice.account, notice.created_ms):
        yield f"tells account {notice.account} of entry {notice.about}, with which nothing came"
        return
    facts = _facts_in(notice)
    giver = str(around.givers.get(said.giver))
    yield from _same(
        notice,
        {
            "metric": around.names.get(said.metric),
            "units": said.units,
            # Of a server that was forgotten the name is gone.
            "server": facts.get("server") if said.giver in around.recount.erased else giver,
            "server_name": facts.get("server_name"),
            "after": said.left,
            "entry": int(notice.about),
        },
    )


def _alert(notice: Told, around: Around) -> Iterator[str]:
    crossing = crossing_in(notice)
    if crossing is None or crossing not in around.crossed:
        yield f"tells account {notice.account} of {notice.about}, which it did not cross"
        return
    _, metric, period, percent = crossing
    facts = _facts_in(notice)
    said = {"metric": around.names.get(metric), "period": period, "threshold": percent}
    yield from _same(notice, {name: said.get(name, facts.get(name)) for name in _ALERT_FACTS})


def _held(notice: Told, _: Around) -> Iterator[str]:
    facts = _facts_in(notice)
    names = ("difference", "event", "order")
    yield from _same(notice, {name: facts.get(name) for name in names} | {"reference": notice.about})


def _of_recipient(notice: Told, _around: Around) -> Iterator[str]:
    recipient, _, made = notice.about.partition("/")
    facts = _facts_in(notice)
    number = int(recipient) if recipient.isdigit() else 0
    if made != str(notice.created_ms) or (not notice.direct and notice.target != recipient):
        yield f"tells of recipient {notice.about}, but was made at {notice.created_ms}"
    said = facts | ({"recipient": number} if "recipient" in facts else {})
    names = {CODE: {"code"}, TEST: {"recipient"}, DISABLED: {"channel", "target"}}[notice.kind]
    if set(facts) - {"recipient"} != names - {"recipient"}:
        yield "tells something else of a recipient"
    yield from _same(notice, said)


def _same(notice: Told, facts: Mapping[str, object]) -> Iterator[str]:
    if notice.facts != json.dumps(facts, sort_keys=True):
        yield f"of {notice.about}, something else was told"


def _facts_in(notice: Told) -> dict[str, Any]:
    try:
        facts = json.loads(notice.facts)
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}


_COMPARED: Mapping[str, Callable[[Told, Around], Iterator[str]]] = {
    **dict.fromkeys(STATES_OF_ORDERS, _order),
    REVERSAL: _reversal,
    _DISPUTE: _dispute,
    RECEIVED: _received,
    ALERT: _alert,
    _HELD: _held,
    **dict.fromkeys((CODE, TEST, DISABLED), _of_recipient),
}
