"""
Bytes that Stripe signed, turned into meaning. No I/O, and nothing here is trusted before it is verified.

Events of any API version are read alike: what is used of a Checkout Session has kept its name and shape.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import stripe

from quota_core.after_sale import Reversal
from quota_core.settlement import Payment
from webhooks.stripe_fields import amount_of, id_of, id_or_expanded, object_of, text_of
from webhooks.stripe_kept import kept_event
from webhooks.stripe_reversals import reversal_in

TOLERANCE_SECONDS = 300
PURCHASE_TYPE = "quota_purchase"  # metadata `type` of every session that this program opens
_HEADER = re.compile(r"[\x21-\x7e]{1,4096}")
_TIMESTAMP = re.compile(r"[0-9]{1,12}")

Status = Literal["paid", "pending", "failed", "expired"]

# https://docs.stripe.com/checkout/fulfillment#delayed-notification: `completed` says that the buyer is done, not
# that the money came. Nothing is due after a full discount; such a report is read as paid, and then differs
# from the order by its discount.
_COMPLETED: Mapping[str, Status] = {"paid": "paid", "no_payment_required": "paid", "unpaid": "pending"}
_OTHERS: Mapping[str, Status] = {
    "checkout.session.async_payment_succeeded": "paid",
    "checkout.session.async_payment_failed": "failed",
    "checkout.session.expired": "expired",
}
NEEDED_EVENTS = ("checkout.session.completed", *_OTHERS)
"""What the webhook endpoint must be sent."""
PAYMENT_TYPES = ("checkout.session.completed", *_OTHERS)


class UntrustedEventError(Exception):
    """Not proved to be an event from Stripe; nothing of it may be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """
    A verified event; `payment` is None when it says nothing about a payment page, `reversal` about a refund.

    `kept` is what is stored of it.
    """

    id: str
    type: str
    object_id: str | None
    kept: str
    payment: Payment | None
    reversal: Reversal | None


def read(raw: bytes, signature: str, *, secrets: Sequence[str], now_seconds: int) -> Event:
    """
    Verify the raw body and return the event in it.

    Args:
        raw: the body as it came, since a body written anew has another signature.
        signature: the `Stripe-Signature` header, empty when there is none.
        secrets: of the endpoint; several while one is being replaced.
        now_seconds: UTC; the signature may be 300 seconds older or younger.

    Raises:
        UntrustedEventError: whatever is wrong with it.

    """
    try:
        verify(raw, signature, secrets=secrets, now_seconds=now_seconds)
        return event_in(json.loads(raw))
    except UntrustedEventError:
        raise
    # The verifier compares text, so that foreign bytes make it raise TypeError and UnicodeDecodeError; deep or
    # long bodies add RecursionError and ValueError. A stranger must not choose our status.
    except Exception as error:
        raise UntrustedEventError(f"cannot be read: {type(error).__name__}") from error


def verify(raw: bytes, signature: str, *, secrets: Sequence[str], now_seconds: int) -> None:
    """Raise UntrustedEventError unless one of the secrets signed `raw` within the tolerance."""
    if not secrets:
        raise UntrustedEventError("no signing secret is set, so nothing can be verified")
    if _HEADER.fullmatch(signature) is None:
        raise UntrustedEventError("no signature" if not signature else "a malformed signature")
    moments = [part[2:] for part in signature.split(",") if part.startswith("t=")]
    if len(moments) != 1 or _TIMESTAMP.fullmatch(moments[0]) is None:
        raise UntrustedEventError("a signature without one moment")
    if not any(_is_signed(raw, signature, secret) for secret in secrets):
        raise UntrustedEventError("signed with none of our secrets")
    # The library looks only at the past: a signature dated tomorrow could be replayed until then.
    if abs(now_seconds - int(moments[0])) > TOLERANCE_SECONDS:
        raise UntrustedEventError(f"signed at {moments[0]}, which is not now; is the clock right?")


def _is_signed(raw: bytes, signature: str, secret: str) -> bool:
    try:
        stripe.WebhookSignature.verify_header(raw, signature, secret)
    except stripe.SignatureVerificationError:
        return False
    return True


def event_in(content: Any) -> Event:
    """
    Return the event that verified JSON is.

    Raises:
        UntrustedEventError: it is no event at all; a strange event is an event without a payment.

    """
    event = object_of(content)
    event_id, kind = id_of(event.get("id")), id_of(event.get("type"))
    if event_id is None or kind is None:
        raise UntrustedEventError("no event: it has no id or no type")
    subject = object_of(object_of(event.get("data")).get("object"))
    livemode = event.get("livemode") is True
    return Event(
        id=event_id,
        type=kind,
        object_id=id_of(subject.get("id")),
        kept=kept_event(event),
        payment=_payment(event_id, kind, subject, livemode=livemode),
        reversal=reversal_in(
            event_id,
            kind,
            subject,
            created_seconds=amount_of(event.get("created")) or 0,
            livemode=livemode,
        ),
    )


def payment_in_session(session: Mapping[str, Any]) -> Payment | None:
    """Return the payment that a completed payment page shows by itself, None unless it was paid."""
    name = f"session:{id_of(session.get('id'))}"
    payment = _payment(name, "checkout.session.completed", session, livemode=False)
    return payment if payment is not None and payment.status == "paid" else None


def _payment(event_id: str, kind: str, session: Mapping[str, Any], *, livemode: bool) -> Payment | None:
    status, reference = _status(kind, session), id_of(session.get("id"))
    if status is None or reference is None:
        return None
    totals = object_of(session.get("total_details"))
    own_mode = session.get("livemode")
    return Payment(
        event_id=event_id,
        status=status,
        order_id=text_of(session.get("client_reference_id")),
        reference=reference,
        amount_subtotal_minor=amount_of(session.get("amount_subtotal")),
        # A discount that cannot be read is no absence of one: -1 differs from every order.
        discount_minor=-1 if (discount := amount_of(totals.get("amount_discount", 0))) is None else discount,
        tax_minor=max(0, amount_of(totals.get("amount_tax")) or 0),
        currency=text_of(session.get("currency")),
        mode=text_of(session.get("mode")),
        livemode=own_mode if isinstance(own_mode, bool) else livemode,
        payment=id_or_expanded(session.get("payment_intent")),
        ours=object_of(session.get("metadata")).get("type") == PURCHASE_TYPE,
    )


def _status(kind: str, session: Mapping[str, Any]) -> Status | None:
    if kind == "checkout.session.completed":
        payment_status = session.get("payment_status")
        return _COMPLETED.get(payment_status) if isinstance(payment_status, str) else None
    return _OTHERS.get(kind)
