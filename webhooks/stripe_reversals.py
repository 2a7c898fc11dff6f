"""
What Stripe's events say of refunds and disputes. No I/O.

An event of a dispute carries the dispute as it was; what it did with the money is its newest movement. An unknown
status changes nothing: https://docs.stripe.com/api/disputes/object#dispute_object-status
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from quota_core.after_sale import DISPUTED, REFUND_FAILED, REFUND_STANDS, Kind, Movement, Reversal, moved
from webhooks.stripe_fields import amount_of, id_of, id_or_expanded, text_of

TYPES = (
    *("refund.created", "refund.updated", "refund.failed", "charge.refund.updated", "charge.refunded"),
    *("charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed"),
    *("charge.dispute.funds_withdrawn", "charge.dispute.funds_reinstated"),
)
_REFUNDS: Mapping[str, int] = {
    "pending": REFUND_STANDS,
    "requires_action": REFUND_STANDS,
    "succeeded": REFUND_STANDS,
    "failed": REFUND_FAILED,
    "canceled": REFUND_FAILED,
}
_MOVING_TYPES: Mapping[str, Movement] = {
    "charge.dispute.funds_withdrawn": Movement.WITHDRAWN,
    "charge.dispute.funds_reinstated": Movement.REINSTATED,
}
_MOVING_STATUSES: Mapping[str, Movement] = {"lost": Movement.LOST, "won": Movement.WON}
_OPEN_STATUSES = frozenset({"needs_response", "under_review"})
MAX_SECONDS = 2**40


def reversal_in(
    event_id: str, kind: str, subject: Mapping[str, Any], *, created_seconds: int, livemode: bool
) -> Reversal | None:
    """
    Return the refund or dispute that an event reports, None when it says nothing about one.

    Args:
        event_id, kind: the event's id and type.
        subject: the event's object, whatever is in it.
        created_seconds: when the event happened.
        livemode: of the event; a refund itself has none.

    """
    if kind not in TYPES:
        return None
    payment, currency = id_or_expanded(subject.get("payment_intent")), text_of(subject.get("currency"))
    reported = _reported(kind, subject, min(max(0, created_seconds), MAX_SECONDS))
    if reported is None or payment is None or currency is None:
        return None
    name, field, standing = reported
    reference = payment if name == "sum" else id_of(subject.get("id"))
    amount_minor = amount_of(subject.get(field))
    if reference is None or amount_minor is None or amount_minor < 0:
        return None
    return Reversal(
        event_id=event_id,
        kind=name,
        reference=reference,
        payment=payment,
        amount_minor=amount_minor,
        currency=currency,
        standing=standing,
        livemode=livemode,
    )


def _reported(kind: str, subject: Mapping[str, Any], at_seconds: int) -> tuple[Kind, str, int] | None:
    """Return what is reported, where its amount stands, and its standing."""
    status = subject.get("status")
    if kind == "charge.refunded":
        return "sum", "amount_refunded", 0
    if not isinstance(status, str):
        return None
    if not kind.startswith("charge.dispute."):
        refund = _REFUNDS.get(status)
        return None if refund is None else ("refund", "amount", refund)
    movement = _MOVING_TYPES.get(kind) or _MOVING_STATUSES.get(status)
    if movement is not None:
        return "dispute", "amount", moved(at_seconds, movement)
    return ("dispute", "amount", DISPUTED) if status in _OPEN_STATUSES else None
