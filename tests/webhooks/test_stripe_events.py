"""Stripe's signature, and what a verified event means: a table each, and any bytes at all."""

import json
from typing import Any

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from webhooks.stripe_events import Event, UntrustedEventError, event_in, read, verify

NOW = 1_800_000_000
SECRET, OTHER = "whsec_one", "whsec_two"
BODY = json.dumps({"id": "evt_1", "object": "event", "type": "customer.created"}).encode()


def header(body: bytes = BODY, *, secret: str = SECRET, at: int = NOW) -> str:
    made: str = stripe.WebhookSignature.generate_signature_header(body.decode(), secret, at)
    return made


def v1(body: bytes = BODY, **options: Any) -> str:
    """Return the signature alone."""
    return header(body, **options).partition(",v1=")[2]


TRUSTED = {
    "plain": header(),
    "the other of two secrets": header(secret=OTHER),
    "several signatures, the last is ours": f"t={NOW},v1={'0' * 64},v1={v1()}",
    "an older scheme beside": f"t={NOW},v0={'1' * 64},v1={v1()}",
    "five minutes old": header(at=NOW - 300),
    "five minutes early": header(at=NOW + 300),
    "unknown parts": f"t={NOW},x=1,v1={v1()},v9=zz",
}
FORGED = {
    "missing": "",
    "empty parts": ",,,",
    "another secret": header(secret="whsec_three"),
    "an empty secret": header(secret=""),
    "only the older scheme": f"t={NOW},v0={v1()}",
    "no signature": f"t={NOW}",
    "no moment": f"v1={v1()}",
    "two moments": f"t={NOW},t={NOW},v1={v1()}",
    "another moment than signed": f"t={NOW - 1},v1={v1()}",
    "a moment of 5,000 digits": f"t={'9' * 5000},v1={v1()}",
    "a moment of 4,000 digits": f"t={'9' * 4000},v1={v1()}",
    "a negative moment": f"t=-{NOW},v1={v1()}",
    "foreign digits": f"t={chr(0x661) * 10},v1={v1()}",
    "an underscore": f"t=1_800_000_000,v1={v1()}",
    "foreign letters in the signature": f"t={NOW},v1=é{v1()[1:]}",
    "bytes that are no text": f"t={NOW},v1=\udce9\udca9",
    "a line break": f"t={NOW},v1={v1()}\n",
    "capital letters": f"t={NOW},v1={v1().upper()}",
    "too old": header(at=NOW - 301),
    "from the future": header(at=NOW + 301),
    "from tomorrow": header(at=NOW + 86_400),
    "of another body": header(b"{}"),
}


@pytest.mark.parametrize("signature", TRUSTED.values(), ids=TRUSTED)
def test_a_signature_of_ours_is_trusted(signature: str) -> None:
    """One match is enough, within the tolerance to both sides."""
    event = read(BODY, signature, secrets=(SECRET, OTHER), now_seconds=NOW)

    assert event == Event(
        id="evt_1", type="customer.created", object_id=None, kept=event.kept, payment=None, reversal=None
    )


@pytest.mark.parametrize("signature", FORGED.values(), ids=FORGED)
def test_any_other_signature_is_refused_as_untrusted(signature: str) -> None:
    """One error for all of it, whatever the library raises."""
    with pytest.raises(UntrustedEventError):
        read(BODY, signature, secrets=(SECRET, OTHER), now_seconds=NOW)


@pytest.mark.parametrize("secrets", [(), ("",), (" ",)])
def test_without_a_secret_nothing_is_trusted(secrets: tuple[str, ...]) -> None:
    """An empty key is one that anybody can sign with."""
    with pytest.raises(UntrustedEventError):
        verify(BODY, header(secret="".join(secrets)), secrets=secrets, now_seconds=NOW)


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"[]", b"null", b"1", b'"event"', b"{}", b"{", b'{"id": "evt_1"}', b"\xef\xbb\xbf{}"),
        *(b'{"id": 1, "type": "a"}', b'{"id": "\\ud800", "type": "a"}', b'{"id": "evt_1", "type": ""}'),
        *(b"[" * 100_000, b'{"id": ' + b"9" * 5000 + b"}"),
    ],
    ids=lambda body: body[:20].decode(errors="replace"),
)
def test_a_signed_body_that_is_no_event_is_refused(body: bytes) -> None:
    """Even with a valid signature nothing raises anything else."""
    signature = "t=1,v1=0" if body.startswith(b"\xef") else header(body)

    with pytest.raises(UntrustedEventError):
        read(body, signature, secrets=(SECRET,), now_seconds=NOW)


def test_a_body_that_is_not_text_is_refused() -> None:
    """The library decodes before it compares."""
    with pytest.raises(UntrustedEventError):
        read(b"\xff\xfe", header(), secrets=(SECRET,), now_seconds=NOW)


def test_a_body_written_anew_is_refused() -> None:
    """The same JSON with other blanks has another signature."""
    anew = json.dumps(json.loads(BODY), indent=2).encode()

    with pytest.raises(UntrustedEventError):
        read(anew, header(), secrets=(SECRET,), now_seconds=NOW)


PARTS = st.sampled_from(["t=", ",", "v1=", "v0=", str(NOW), "é", "\udcff", v1(), "=", " ", "0"])


@given(
    st.lists(PARTS, max_size=8).map("".join) | st.text(max_size=40), st.binary(max_size=40) | st.just(BODY)
)
def test_no_header_and_no_body_raises_anything_but_untrusted(signature: str, body: bytes) -> None:
    """Whatever a stranger sends ends in one error, or is truly signed."""
    try:
        read(body, signature, secrets=(SECRET,), now_seconds=NOW)
    except UntrustedEventError:
        return

    assert body == BODY
    assert v1() in signature


SESSION: dict[str, Any] = {
    "id": "cs_test_1",
    "object": "checkout.session",
    "amount_subtotal": 1499,
    "client_reference_id": "ord_1",
    "currency": "eur",
    "livemode": False,
    "metadata": {"type": "quota_purchase", "order": "ord_1"},
    "mode": "payment",
    "payment_intent": "pi_1",
    "payment_status": "paid",
    "total_details": {"amount_discount": 0, "amount_tax": 300},
}


def understood(kind: str = "checkout.session.completed", **changes: Any) -> Any:
    """Return the payment in an event; `...` leaves a field out."""
    session = {name: value for name, value in (SESSION | changes).items() if value is not ...}
    event = {"id": "evt_1", "type": kind, "livemode": False, "data": {"object": session}}
    return event_in(json.loads(json.dumps(event))).payment


@pytest.mark.parametrize(
    ("kind", "payment_status", "status"),
    [
        ("completed", "paid", "paid"),
        ("completed", "unpaid", "pending"),
        ("completed", "no_payment_required", "paid"),
        ("completed", "invented_tomorrow", None),
        ("completed", None, None),
        ("completed", 1, None),
        ("completed", ["paid"], None),
        ("async_payment_succeeded", "paid", "paid"),
        ("async_payment_failed", "unpaid", "failed"),
        ("expired", "unpaid", "expired"),
        ("invented_tomorrow", "paid", None),
    ],
)
def test_what_each_type_of_event_means(kind: str, payment_status: Any, status: str | None) -> None:
    """A completed checkout is not a paid one."""
    payment = understood(f"checkout.session.{kind}", payment_status=payment_status)

    assert (payment.status if payment else None) == status


def test_every_fact_is_read_from_the_session() -> None:
    """And the tax beside the subtotal."""
    payment = understood()

    assert (payment.order_id, payment.reference, payment.payment) == ("ord_1", "cs_test_1", "pi_1")
    assert (payment.amount_subtotal_minor, payment.tax_minor, payment.discount_minor) == (1499, 300, 0)
    assert (payment.currency, payment.mode, payment.livemode, payment.ours) == ("eur", "payment", False, True)


@pytest.mark.parametrize(
    ("changes", "fact", "value"),
    [
        ({"client_reference_id": None}, "order_id", None),
        ({"client_reference_id": ...}, "order_id", None),
        ({"client_reference_id": 7}, "order_id", None),
        ({"client_reference_id": "\ud800"}, "order_id", None),
        ({"client_reference_id": "x" * 5000}, "order_id", None),
        ({"amount_subtotal": None}, "amount_subtotal_minor", None),
        ({"amount_subtotal": 1499.0}, "amount_subtotal_minor", None),
        ({"amount_subtotal": True}, "amount_subtotal_minor", None),
        ({"amount_subtotal": "1499"}, "amount_subtotal_minor", None),
        ({"amount_subtotal": 10**30}, "amount_subtotal_minor", None),
        ({"total_details": None}, "discount_minor", 0),
        ({"total_details": ...}, "tax_minor", 0),
        ({"total_details": {"amount_discount": None}}, "discount_minor", -1),
        ({"total_details": {"amount_discount": "0"}}, "discount_minor", -1),
        ({"total_details": {"amount_discount": 5}}, "discount_minor", 5),
        ({"total_details": {"amount_tax": -5}}, "tax_minor", 0),
        ({"total_details": {"amount_tax": 2**70}}, "tax_minor", 0),
        ({"currency": None}, "currency", None),
        ({"mode": "\ud800"}, "mode", None),
        ({"livemode": ...}, "livemode", False),
        ({"livemode": True}, "livemode", True),
        ({"livemode": "true"}, "livemode", False),
        ({"payment_intent": None}, "payment", None),
        ({"payment_intent": {"id": "pi_2", "object": "payment_intent"}}, "payment", "pi_2"),
        ({"payment_intent": {"id": 2}}, "payment", None),
        ({"metadata": None}, "ours", False),
        ({"metadata": ["quota_purchase"]}, "ours", False),
        ({"metadata": {"type": "another_product"}}, "ours", False),
    ],
    ids=str,
)
def test_strange_fields_are_read_as_what_is_not_there(changes: dict[str, Any], fact: str, value: Any) -> None:
    """And never as something that would match an order."""
    payment = understood(**changes)

    assert getattr(payment, fact) == value


@pytest.mark.parametrize(
    "data", [..., None, [], {}, {"object": None}, {"object": []}, {"object": {}}], ids=str
)
def test_an_event_about_nothing_is_an_event_without_a_payment(data: Any) -> None:
    """Kept and answered, never an error."""
    event: dict[str, Any] = {"id": "evt_1", "type": "checkout.session.completed"}
    if data is not ...:
        event["data"] = data

    assert event_in(event).payment is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["paid", "eur"]),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.sampled_from([*SESSION]), children),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*SESSION]), JSON))
def test_any_session_is_understood_or_passed_over(changes: dict[str, Any]) -> None:
    """Types are Stripe's to change; our answer stays an event."""
    event = {"id": "evt_1", "type": "checkout.session.completed", "data": {"object": SESSION | changes}}

    assert event_in(event).id == "evt_1"
