"""The official Stripe CLI makes the local Stripe deliver what its triggers name."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.sandbox.stripe_cli import program, trigger
from tests.sandbox.stripe_fixture import Shop, open_shop


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    program()
    async with open_shop() as running:
        yield running


@pytest.mark.parametrize(
    ("event", "payment_status"),
    [
        ("checkout.session.completed", "paid"),
        ("checkout.session.async_payment_succeeded", "paid"),
        ("checkout.session.async_payment_failed", "unpaid"),
        ("checkout.session.expired", "unpaid"),
    ],
)
async def test_a_trigger_delivers_the_event_it_names(
    shop: Shop, tmp_path: Path, event: str, payment_status: str
) -> None:
    """Exit 0 alone proves nothing: the signed event itself must arrive and be taken."""
    run = await trigger(event, api_base=shop.url, home=tmp_path)
    delivered = await shop.receiver.event(event)
    attempts = await shop.attempts(event, until=1)

    assert run.status == 0, run.output
    assert "Trigger succeeded" in run.output
    assert delivered.data.object.payment_status == payment_status
    assert delivered.data.object.amount_total == 3000
    assert [(row["event"], row["status"]) for row in attempts] == [(delivered.id, 200)]


@pytest.mark.parametrize("event", ["charge.refunded", "charge.dispute.created", "charge.dispute.closed"])
async def test_a_trigger_of_what_follows_a_sale_delivers_the_event_it_names(
    shop: Shop, tmp_path: Path, event: str
) -> None:
    """A refund of the whole charge, and an inquiry that is opened and closed."""
    run = await trigger(event, api_base=shop.url, home=tmp_path)
    delivered = await shop.receiver.event(event)

    assert run.status == 0, run.output
    assert delivered.data.object.amount == 100
    if event == "charge.refunded":
        assert delivered.data.object.amount_refunded == 100
    else:
        expected = "warning_closed" if event.endswith("closed") else "warning_needs_response"
        assert delivered.data.object.status == expected
