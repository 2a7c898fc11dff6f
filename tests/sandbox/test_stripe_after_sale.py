"""Refunds and disputes on the local Stripe: their events, their rules, and the calls that play the banks."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import stripe

from tests.sandbox.stripe_fixture import Shop, open_shop


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with open_shop() as running:
        yield running


async def paid(shop: Shop) -> Any:
    """Return a paid checkout."""
    session = await shop.checkout()
    return await shop.control("pay", checkout=session.id, outcome="paid")


async def refund(shop: Shop, session: Any, amount: int | None = None, key: str = "") -> Any:
    """Refund through the API, as a bot does."""
    asked: Any = {"payment_intent": session["payment_intent"]} | (
        {} if amount is None else {"amount": amount}
    )
    return await shop.client.v1.refunds.create_async(asked, {"idempotency_key": key} if key else {})


async def happened(shop: Shop, *kinds: str) -> list[Any]:
    """Return the events of these kinds, oldest first."""
    events = await shop.client.v1.events.list_async({"limit": 100, "types": list(kinds)})
    return events.data[::-1]


async def test_partial_refunds_carry_the_sum_on_the_charge(shop: Shop) -> None:
    """`amount_refunded` is cumulative, `refunded` says that it is all."""
    session = await paid(shop)
    first, second = await refund(shop, session, 500), await refund(shop, session)
    charges = await happened(shop, "charge.refunded")
    made = await happened(shop, "refund.created")
    pages = await shop.client.v1.refunds.list_async({"limit": 1})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await refund(shop, session)

    assert (first.amount, second.amount, first.status) == (500, 999, "succeeded")
    assert [(e.data.object.amount_refunded, e.data.object.refunded) for e in charges] == [
        (500, False),
        (1499, True),
    ]
    assert [e.data.object.id for e in made] == [first.id, second.id]
    assert "livemode" not in first
    assert ([one.id for one in pages.data], pages.has_more) == ([second.id], True)
    assert [one.id async for one in pages.auto_paging_iter()] == [second.id, first.id]
    assert refused.value.code == "charge_already_refunded"


async def test_more_than_is_left_is_refused(shop: Shop) -> None:
    """And nothing of it happens."""
    session = await paid(shop)
    await refund(shop, session, 1000)
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        await refund(shop, session, 500)

    assert len(await happened(shop, "refund.created")) == 1


async def test_a_refund_can_fail_after_it_succeeded(shop: Shop) -> None:
    """The charge is refunded no more, and can be refunded again."""
    session = await paid(shop)
    made = await refund(shop, session)
    failed = await shop.control("refund_ends", refund=made.id, outcome="failed")
    event = await shop.receiver.event("refund.failed")
    charge: Any = await shop.client.v1.charges.retrieve_async(made.charge)
    again = await refund(shop, session)

    assert (failed["status"], event.data.object.id) == ("failed", made.id)
    assert (charge.amount_refunded, charge.refunded) == (0, False)
    assert again.status == "succeeded"


async def test_one_idempotency_key_makes_one_refund(shop: Shop) -> None:
    """A stored failure is answered again; other parameters are refused."""
    session = await paid(shop)
    first, second = await refund(shop, session, 500, "k"), await refund(shop, session, 500, "k")
    with pytest.raises(stripe.IdempotencyError):
        await refund(shop, session, 501, "k")
    await shop.control("fail", times=1)
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            await refund(shop, session, 500, "failing")

    assert first.id == second.id
    assert len(await happened(shop, "refund.created")) == 1


async def test_a_chargeback_takes_the_money_and_bars_refunds(shop: Shop) -> None:
    """Then it is won: the money comes back."""
    session = await paid(shop)
    dispute = await shop.control("dispute", checkout=session["id"], kind="chargeback")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await refund(shop, session)
    await shop.control("dispute_moves", dispute=dispute["id"], step="review")
    won = await shop.control("dispute_moves", dispute=dispute["id"], step="won")
    events = await happened(shop, "charge.dispute.*")

    assert refused.value.code == "charge_disputed"
    assert [event.type.removeprefix("charge.dispute.") for event in events] == [
        "created",
        "funds_withdrawn",
        "updated",
        "funds_reinstated",
        "closed",
    ]
    assert [event.data.object.status for event in events] == [
        *("needs_response", "needs_response", "under_review", "won", "won")
    ]
    assert [row["amount"] for row in won["balance_transactions"]] == [-1499, 1499]


async def test_an_inquiry_moves_no_money_and_ends_with_a_full_refund(shop: Shop) -> None:
    """It may be refunded; or it becomes a chargeback."""
    session = await paid(shop)
    await shop.control("dispute", checkout=session["id"], kind="inquiry")
    await refund(shop, session)
    events = await happened(shop, "charge.dispute.*")
    other = await paid(shop)
    second = await shop.control("dispute", checkout=other["id"], kind="inquiry")
    escalated = await shop.control("dispute_moves", dispute=second["id"], step="escalated")
    lost = await shop.control("dispute_moves", dispute=second["id"], step="lost")

    assert [(event.type, event.data.object.status) for event in events] == [
        ("charge.dispute.created", "warning_needs_response"),
        ("charge.dispute.closed", "warning_closed"),
    ]
    assert (escalated["status"], escalated["is_charge_refundable"]) == ("needs_response", False)
    assert lost["status"] == "lost"


async def test_evidence_decides_as_published(shop: Shop) -> None:
    """`winning_evidence` wins, giving up loses."""
    session, other = await paid(shop), await paid(shop)
    one = await shop.control("dispute", checkout=session["id"], kind="chargeback")
    two = await shop.control("dispute", checkout=other["id"], kind="chargeback")
    won: Any = await shop.client.v1.disputes.update_async(
        one["id"], {"evidence": {"uncategorized_text": "winning_evidence"}}
    )
    lost: Any = await shop.client.v1.disputes.close_async(two["id"])

    assert (won.status, lost.status) == ("won", "lost")


@pytest.mark.parametrize(
    ("card", "kind", "status"),
    [
        ("pm_card_createDispute", "charge.dispute.created", "needs_response"),
        ("pm_card_createDisputeInquiry", "charge.dispute.created", "warning_needs_response"),
        ("pm_card_refundFail", "refund.failed", "failed"),
        ("pm_card_pendingRefund", "refund.updated", "succeeded"),
    ],
)
async def test_test_cards_do_what_is_published(shop: Shop, card: str, kind: str, status: str) -> None:
    """https://docs.stripe.com/testing#disputes and #refunds."""
    asked: Any = {"amount": 100, "currency": "usd", "payment_method": card, "confirm": True}
    intent = await shop.client.v1.payment_intents.create_async(asked)
    if "efund" in card:
        await shop.client.v1.refunds.create_async({"payment_intent": intent.id})
    event = await shop.receiver.event(kind)

    assert event.data.object.status == status
