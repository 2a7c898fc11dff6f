"""Payments of checkouts, the events they make, and the control routes that play the buyer and the bank."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import stripe

from tests.sandbox.stripe_fixture import Shop, open_shop, params, price_data

PAID_IN_ORDER = ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with open_shop() as running:
        yield running


async def happened(shop: Shop) -> list[str]:
    """Return the types of all events, oldest first, without those of creation by price data."""
    events = await shop.client.v1.events.list_async({"limit": 100})
    return [str(event.type) for event in events.data][::-1]


async def test_a_paid_checkout_is_complete_and_all_its_events_arrive(shop: Shop) -> None:
    """What Stripe sends for a card, with the order's data on the intent and the charge."""
    session = await shop.checkout()
    answer = await shop.control("pay", checkout=session.id, outcome="paid")
    event = await shop.receiver.event("checkout.session.completed")
    types = await happened(shop)
    after: Any = await shop.client.v1.checkout.sessions.retrieve_async(
        session.id, {"expand": ["payment_intent.latest_charge"]}
    )

    assert types == [*PAID_IN_ORDER, "checkout.session.completed"]
    assert event.data.object.payment_status == "paid"
    assert event.data.object.client_reference_id == "order-1"
    assert event.api_version == stripe.api_version
    assert (answer["status"], answer["payment_status"]) == ("complete", "paid")
    assert (after.status, after.url) == ("complete", None)
    assert after.customer_details.email == "buyer@example.com"
    assert after.payment_intent.metadata["order"] == "order-1"
    assert after.payment_intent.latest_charge.paid is True
    assert after.payment_intent.latest_charge.metadata["order"] == "order-1"


async def test_a_declined_card_leaves_the_checkout_open(shop: Shop) -> None:
    """The buyer tries again on the same intent."""
    session = await shop.checkout()
    declined = await shop.control("pay", checkout=session.id, outcome="declined")
    paid = await shop.control("pay", checkout=session.id, outcome="paid")
    await shop.receiver.types(until="checkout.session.completed")
    intents = await shop.client.v1.payment_intents.list_async()

    assert (declined["status"], declined["payment_intent"]) == ("open", None)
    assert paid["payment_intent"] == intents.data[0].id
    assert len(intents.data) == 1
    assert "charge.failed" in await happened(shop)
    assert "payment_intent.payment_failed" in await happened(shop)


@pytest.mark.parametrize(
    ("outcome", "status", "intent_status"),
    [("succeeded", "paid", "succeeded"), ("failed", "unpaid", "requires_payment_method")],
)
async def test_a_debit_completes_unpaid_and_is_settled_later(
    shop: Shop, outcome: str, status: str, intent_status: str
) -> None:
    """`completed` is not `paid`."""
    session = await shop.checkout()
    waiting = await shop.control("pay", checkout=session.id, outcome="delayed")
    completed = await shop.receiver.event("checkout.session.completed")
    settled = await shop.control("settle", checkout=session.id, outcome=outcome)
    event = await shop.receiver.event(f"checkout.session.async_payment_{outcome}")
    intent = await shop.client.v1.payment_intents.retrieve_async(settled["payment_intent"])

    assert (waiting["status"], waiting["payment_status"]) == ("complete", "unpaid")
    assert completed.data.object.payment_status == "unpaid"
    assert (event.data.object.payment_status, settled["payment_status"]) == (status, status)
    assert intent.status == intent_status


async def test_a_free_checkout_needs_no_payment(shop: Shop) -> None:
    """Nothing due, no intent."""
    data = price_data(unit_amount=0)
    session = await shop.checkout(line_items=[{"price_data": data, "quantity": 1}])
    await shop.control("pay", checkout=session.id, outcome="paid")
    event = await shop.receiver.event("checkout.session.completed")

    assert event.data.object.payment_status == "no_payment_required"
    assert event.data.object.payment_intent is None


async def test_tax_adds_to_the_total_and_never_to_the_subtotal(shop: Shop) -> None:
    """Exclusive tax is known once the buyer has paid; inclusive tax changes nothing."""
    exclusive = await shop.checkout(automatic_tax={"enabled": True})
    data = price_data(tax_behavior="inclusive", unit_amount=1200)
    inclusive = await shop.checkout(
        automatic_tax={"enabled": True}, line_items=[{"price_data": data, "quantity": 1}]
    )
    outside = await shop.control("pay", checkout=exclusive.id, outcome="paid")
    inside = await shop.control("pay", checkout=inclusive.id, outcome="paid")

    assert (outside["amount_subtotal"], outside["amount_total"]) == (1499, 1798)
    assert outside["total_details"]["amount_tax"] == 299
    assert (inside["amount_subtotal"], inside["amount_total"]) == (1200, 1200)
    assert inside["total_details"]["amount_tax"] == 200
    assert outside["automatic_tax"]["status"] == "complete"


async def test_an_invoice_and_a_customer_are_made_when_asked_for(shop: Shop) -> None:
    """Both are linked from the session."""
    session = await shop.checkout(
        invoice_creation={"enabled": True},
        customer_creation="always",
        customer_email="ana@example.com",
        consent_collection={"terms_of_service": "required"},
    )
    paid = await shop.control("pay", checkout=session.id, outcome="paid")
    invoice = await shop.client.v1.invoices.retrieve_async(paid["invoice"])
    customer = await shop.client.v1.customers.retrieve_async(paid["customer"])

    assert (invoice.status, invoice.total, invoice.lines.data[0].amount) == ("paid", 1499, 1499)
    assert customer.email == "ana@example.com"
    assert paid["consent"]["terms_of_service"] == "accepted"
    assert "invoice.paid" in await happened(shop)


async def test_a_checkout_can_be_falsified_before_it_is_paid(shop: Shop) -> None:
    """So that a receiver can be shown a payment that does not match its order."""
    session = await shop.checkout()
    await shop.control(
        "tamper",
        checkout=session.id,
        amount_subtotal=1,
        currency="usd",
        livemode=True,
        mode="setup",
        client_reference_id="order-2",
    )
    await shop.control("pay", checkout=session.id, outcome="paid")
    event = await shop.receiver.event("checkout.session.completed")
    seen = event.data.object

    assert (seen.amount_subtotal, seen.amount_total, seen.currency) == (1, 1, "usd")
    assert (seen.livemode, event.livemode, seen.mode) == (True, True, "setup")
    assert seen.client_reference_id == "order-2"


async def test_a_discount_lowers_the_total_only(shop: Shop) -> None:
    """As a promotion code would."""
    session = await shop.checkout()
    changed = await shop.control("tamper", checkout=session.id, amount_discount=499)

    assert (changed["amount_subtotal"], changed["amount_total"]) == (1499, 1000)
    assert changed["total_details"]["amount_discount"] == 499


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("pay", {"checkout": "cs_test_none", "outcome": "paid"}, 404),
        ("pay", {"checkout": "SESSION", "outcome": "maybe"}, 400),
        ("pay", {"checkout": 5, "outcome": "paid"}, 400),
        ("pay", {"outcome": "paid"}, 400),
        ("pay", {"checkout": "SESSION", "outcome": "paid", "tip": 1}, 400),
        ("pay", [], 400),
        ("settle", {"checkout": "SESSION", "outcome": "succeeded"}, 400),
        ("deliver", {"event": "evt_none"}, 404),
        ("tamper", {"checkout": "SESSION", "amount_subtotal": "1"}, 400),
        ("tamper", {"checkout": "SESSION", "livemode": 1}, 400),
        ("fail", {"times": "often"}, 400),
    ],
)
async def test_control_calls_that_make_no_sense_are_refused(
    shop: Shop, name: str, body: object, status: int
) -> None:
    """With a sentence, not a failure."""
    session = await shop.checkout()
    if isinstance(body, dict) and body.get("checkout") == "SESSION":
        body["checkout"] = session.id
    async with shop.http.post(f"{shop.url}/control/stripe/{name}", json=body) as answer:
        content = await answer.json()

    assert answer.status == status
    assert content["error"]


async def test_a_checkout_is_paid_once(shop: Shop) -> None:
    """A second payment and an expiry of it are refused."""
    session = await shop.checkout()
    await shop.control("pay", checkout=session.id, outcome="paid")
    answers = []
    for name, body in (("pay", {"outcome": "paid"}), ("expire", {})):
        async with shop.http.post(
            f"{shop.url}/control/stripe/{name}", json={"checkout": session.id} | body
        ) as answer:
            answers.append(answer.status)
    async with shop.http.post(f"{shop.url}/control/stripe/pay", data=b"\xff") as answer:
        answers.append(answer.status)

    assert answers == [400, 400, 400]


async def test_a_live_checkout_is_delivered_as_live(shop: Shop) -> None:
    """The endpoint gets both modes; the event says which."""
    session = await shop.live_client.v1.checkout.sessions.create_async(params())
    await shop.control("pay", checkout=session.id, outcome="paid")
    event = await shop.receiver.event("checkout.session.completed")

    assert (event.livemode, event.data.object.livemode) == (True, True)
