"""The local Stripe with a file: what it knew at its end, it knows at its next start."""

from pathlib import Path

from tests.sandbox.stripe_fixture import open_shop, params


async def test_a_payment_of_before_can_be_refunded_after(tmp_path: Path) -> None:
    """Its charge, its events and its session are the same."""
    file = tmp_path / "new" / "stripe.json"
    async with open_shop(file=file) as shop:
        session = await shop.checkout()
        await shop.control("pay", checkout=session.id, outcome="paid")
        before = (await shop.client.v1.events.list_async({"limit": 100})).data
    async with open_shop(file=file) as shop:
        known = await shop.client.v1.checkout.sessions.retrieve_async(session.id, {"expand": ["line_items"]})
        after = (await shop.client.v1.events.list_async({"limit": 100})).data
        refund = await shop.client.v1.refunds.create_async({"payment_intent": str(known.payment_intent)})
        told = await shop.receiver.event("charge.refunded")
        endpoints = await shop.client.v1.webhook_endpoints.list_async()

    assert [event.id for event in after] == [event.id for event in before]
    assert (known.status, known.payment_status) == ("complete", "paid")
    assert known.line_items is not None
    assert len(known.line_items.data) == 1
    assert (refund.status, refund.amount) == ("succeeded", 1499)
    assert told.data.object.refunded
    assert len(endpoints.data) == 1


async def test_an_open_session_goes_on(tmp_path: Path) -> None:
    """A decline before, the payment after, one payment intent for both."""
    file = tmp_path / "stripe.json"
    async with open_shop(file=file) as shop:
        session = await shop.checkout()
        await shop.control("pay", checkout=session.id, outcome="declined")
    async with open_shop(file=file) as shop:
        paid = await shop.control("pay", checkout=session.id, outcome="paid")
        intents = (await shop.client.v1.payment_intents.list_async()).data

    assert paid["payment_status"] == "paid"
    assert [one.id for one in intents] == [paid["payment_intent"]]
    assert intents[0].metadata["order"] == "order-1"


async def test_a_kept_key_gives_the_kept_answer(tmp_path: Path) -> None:
    """The same request under the same key makes nothing new."""
    file = tmp_path / "stripe.json"
    async with open_shop(file=file) as shop:
        first = await shop.client.v1.checkout.sessions.create_async(params(), {"idempotency_key": "one"})
    async with open_shop(file=file) as shop:
        again = await shop.client.v1.checkout.sessions.create_async(params(), {"idempotency_key": "one"})

    assert again.id == first.id


async def test_a_file_that_cannot_be_read_is_set_aside(tmp_path: Path) -> None:
    """The sandbox starts all the same, and nothing is thrown away."""
    file = tmp_path / "stripe.json"
    file.write_text('{"format": 1, "obj')
    async with open_shop(file=file) as shop:
        await shop.checkout()

    assert file.exists()
    assert file.with_suffix(".unread").read_text() == '{"format": 1, "obj'


async def test_nothing_new_leaves_the_file_alone(tmp_path: Path) -> None:
    """A start and a stop write nothing, so that a start by mistake beside a running one harms nothing."""
    file = tmp_path / "stripe.json"
    async with open_shop(file=file) as shop:
        await shop.checkout()
    written = file.stat().st_mtime_ns
    async with open_shop(file=file, hooked=False):
        pass

    assert file.stat().st_mtime_ns == written
