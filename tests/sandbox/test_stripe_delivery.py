"""Delivery of events: signed, repeated until taken, troubled on demand, listed."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
import stripe

from tests.sandbox.stripe_fixture import SECRET, Shop, open_shop

COMPLETED: Final = "checkout.session.completed"


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with open_shop() as running:
        yield running


async def paid(shop: Shop) -> Any:
    """Return a new session that was paid."""
    session = await shop.checkout()
    await shop.control("pay", checkout=session.id, outcome="paid")
    return session


async def test_the_library_accepts_the_signature(shop: Shop) -> None:
    """Of the raw bytes, with the right secret only."""
    await paid(shop)
    await shop.receiver.types(until=COMPLETED)
    body, signature = shop.receiver.received[-1]
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body, signature, "whsec_other")
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body.replace(b"paid", b"PAID"), signature, SECRET)
    event = stripe.Webhook.construct_event(body, signature, SECRET)

    assert event.pending_webhooks == 1
    assert event.object == "event"


async def test_a_refused_delivery_is_tried_again_until_taken(shop: Shop) -> None:
    """A 500, a redirect, then a 200; the same event each time."""
    session = await shop.checkout()
    shop.receiver.statuses = [500, 302]
    await shop.control("expire", checkout=session.id)
    await shop.receiver.types(until="checkout.session.expired", count=3)
    rows = await shop.attempts("checkout.session.expired", until=3)

    assert [(row["attempt"], row["status"]) for row in rows] == [(1, 500), (2, 302), (3, 200)]
    assert len({row["event"] for row in rows}) == 1
    assert len({body for body, _ in shop.receiver.received}) == 1


async def test_a_delivery_nobody_takes_is_given_up_and_listed_as_undelivered(shop: Shop) -> None:
    """The events list is how a receiver catches up afterwards."""
    session = await shop.checkout()
    shop.receiver.statuses = [503, 503, 503]
    await shop.control("expire", checkout=session.id)
    await shop.attempts("checkout.session.expired", until=3)
    missed = await shop.client.v1.events.list_async({"delivery_success": False})
    await shop.control("deliver", event=missed.data[0].id)
    await shop.attempts("checkout.session.expired", until=4)
    left = await shop.client.v1.events.list_async({"delivery_success": False})

    assert [event.type for event in missed.data] == ["checkout.session.expired"]
    assert left.data == []


async def test_an_endpoint_that_is_down_gives_no_answer() -> None:
    """The attempt is recorded all the same."""
    async with open_shop(hooked=False) as shop:
        shop.sandbox.add_endpoint("http://127.0.0.1:9/hooks")
        session = await shop.checkout()
        await shop.control("expire", checkout=session.id)
        rows = await shop.attempts("checkout.session.expired", until=3)

    assert [row["status"] for row in rows] == ["no answer"] * 3


async def test_a_duplicate_arrives_twice_and_counts_once(shop: Shop) -> None:
    """Both carry one event id."""
    shop.faults.add("webhooks", "duplicate", path=COMPLETED)
    await paid(shop)
    await shop.receiver.types(until=COMPLETED, count=2)
    events = [event.id for event in shop.receiver.events() if event.type == COMPLETED]

    assert len(events) == 2
    assert len(set(events)) == 1
    assert shop.faults.in_force() == []


async def test_a_dropped_event_never_arrives_until_it_is_asked_for(shop: Shop) -> None:
    """Recorded as dropped, undelivered in the list, and sent again by hand."""
    shop.faults.add("webhooks", "drop", path=COMPLETED)
    await paid(shop)
    rows = await shop.attempts(COMPLETED, until=1)
    missed = await shop.client.v1.events.list_async({"type": COMPLETED, "delivery_success": False})
    await shop.control("deliver", event=rows[0]["event"])
    await shop.receiver.types(until=COMPLETED)

    assert [(row["attempt"], row["status"]) for row in rows] == [(1, "dropped")]
    assert [event.id for event in missed.data] == [rows[0]["event"]]


async def test_a_delayed_event_comes_after_later_ones(shop: Shop) -> None:
    """Held back for the seconds asked for."""
    shop.faults.add("webhooks", "delay", seconds=5, path=COMPLETED)
    first = await paid(shop)
    second = await shop.checkout()
    await shop.control("expire", checkout=second.id)
    types = await shop.receiver.types(until=COMPLETED)

    assert types.index("checkout.session.expired") < types.index(COMPLETED)
    assert shop.receiver.events()[-1].data.object.id == first.id


async def test_shuffled_events_arrive_in_another_order(shop: Shop) -> None:
    """Four are held back and sent last first."""
    shop.faults.add("webhooks", "shuffle", hold=4)
    await paid(shop)
    types = await shop.receiver.types(until="payment_intent.created")

    assert types == [COMPLETED, "payment_intent.succeeded", "charge.succeeded", "payment_intent.created"]


async def test_events_are_listed_by_type_and_time(shop: Shop) -> None:
    """Single types, several, a wildcard, and never both ways at once."""
    session = await paid(shop)
    events = shop.client.v1.events
    one = await events.list_async({"type": COMPLETED})
    several = await events.list_async({"types": [COMPLETED, "charge.succeeded"]})
    wildcard = await events.list_async({"type": "checkout.session.*"})
    later = await events.list_async({"created": {"gt": session.created + 1000}})
    found = await events.retrieve_async(one.data[0].id)
    with pytest.raises(stripe.InvalidRequestError):
        await events.list_async({"type": COMPLETED, "types": [COMPLETED]})

    assert [event.type for event in one.data] == [COMPLETED]
    assert [event.type for event in several.data] == [COMPLETED, "charge.succeeded"]
    assert [event.id for event in wildcard.data] == [found.id]
    assert later.data == []


async def test_only_wanted_types_are_delivered() -> None:
    """An endpoint made through the API gets what it listed."""
    async with open_shop(hooked=False) as shop:
        await shop.client.v1.webhook_endpoints.create_async(
            {"url": f"{shop.url}/hooks", "enabled_events": [COMPLETED]}
        )
        await paid(shop)
        types = await shop.receiver.types(until=COMPLETED)

    assert types == [COMPLETED]


async def test_stopping_ends_deliveries_under_way() -> None:
    """Nothing is left running behind a stopped sandbox."""
    async with open_shop(backoff_seconds=(60,)) as shop:
        shop.receiver.statuses = [500] * 10
        await paid(shop)
        await shop.attempts(COMPLETED, until=1)
        running = asyncio.all_tasks()

    assert len(asyncio.all_tasks()) < len(running)
