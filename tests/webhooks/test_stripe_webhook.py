"""`POST /webhooks/stripe` over real sockets: credited once, whatever is repeated, reordered, forged or broken."""

import asyncio
import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from quota_core.catalog import Catalog
from quota_core.purchases import Page, Purchases
from tests.sandbox.stripe_fixture import SECRET, Shop
from tests.webhooks.running import ANA, BEN, HOOK, PATIENCE_SECONDS, Running, event_of, running, signed
from webhooks.server import Limits
from webhooks.stripe_checkout import StripeCheckout

COMPLETED = "checkout.session.completed"


async def settled(bot: Running, shop: Shop, kind: str = COMPLETED) -> list[dict[str, Any]]:
    """Return the attempts to deliver events of a type, once one was taken."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        seen = -1
        while True:
            rows = await shop.deliveries(beyond=seen)
            seen = len(rows)
            mine = [row for row in rows if row["type"] == kind]
            if any(row["status"] == 200 for row in mine):
                assert bot.url
                return mine


async def test_a_payment_is_credited_with_an_entry_and_a_notice(bot: Running, shop: Shop) -> None:
    """The whole way: our page, the buyer's card, Stripe's signed event, units and a message that is owed."""
    _, order = await bot.buy()
    await shop.control("pay", checkout=order.reference, outcome="paid")
    await settled(bot, shop)
    [(kind, facts)] = await bot.owed()
    paid = await bot.purchases.order(order.id)

    assert await bot.purchased() == 1000
    assert (kind, facts["units"], facts["before"], facts["after"]) == ("purchase", 1000, 0, 1000)
    assert (paid.state, paid.payment is not None) == ("paid", True)


async def test_types_that_mean_nothing_to_us_are_kept_and_answered_200(bot: Running, shop: Shop) -> None:
    """A payment also makes intents and charges."""
    _, order = await bot.buy()
    await shop.control("pay", checkout=order.reference, outcome="paid")
    await settled(bot, shop, "charge.succeeded")
    status, answer = await bot.deliver({"id": "evt_new", "type": "tomorrow.invented"})

    assert (status, answer) == (200, {"outcome": "ignored"})
    assert "ignored" in await bot.outcomes()


async def test_nothing_of_who_paid_is_stored(bot: Running) -> None:
    """Stripe names the payer, the card and secret links in nearly every event; they stay at Stripe."""
    _, order = await bot.buy()
    person = {
        "name": "Canary Person",
        "email": "canary@payer.example",
        "address": {"line1": "Canary Street 1"},
    }
    paid = event_of(
        order,
        customer_details=person,
        customer_email="canary@payer.example",
        url="https://pay.example/canary",
        client_secret="cs_canary",
        metadata={"type": "quota_purchase", "order": order.id, "note": "canary"},
    )
    charge = {
        "id": "ch_1",
        "amount_refunded": order.price_minor,
        "currency": "eur",
        "payment_intent": {"id": f"pi_{order.id}", "client_secret": "pi_canary"},
        "billing_details": person,
        "receipt_email": "canary@payer.example",
        "receipt_url": "https://pay.example/canary",
        "payment_method_details": {"card": {"last4": "canary"}},
    }
    dispute = {"id": "du_1", "evidence": {"customer_name": "Canary Person"}, "payment_intent": "pi_2"}
    outcomes = [
        await bot.deliver(paid),
        await bot.deliver({"id": "evt_r", "type": "charge.refunded", "data": {"object": charge}}),
        await bot.deliver({"id": "evt_d", "type": "charge.dispute.created", "data": {"object": dispute}}),
        await bot.deliver({"id": "evt_c", "type": "customer.created", "data": {"object": person}}),
    ]
    kept = await bot.rows("SELECT type, body FROM deliveries ORDER BY id")
    bodies = {kind: json.loads(body)["data"]["object"] for kind, body in kept}

    assert [answer["outcome"] for _, answer in outcomes] == ["credited", "taken back", "ignored", "ignored"]
    assert len(kept) == len(outcomes)
    assert "canary" not in str(kept).lower()
    assert bodies["charge.refunded"]["payment_intent"] == f"pi_{order.id}"
    assert bodies[COMPLETED]["amount_subtotal"] == order.price_minor
    assert bodies[COMPLETED]["metadata"] == {"type": "quota_purchase", "order": order.id}


async def test_a_delayed_payment_is_credited_when_the_money_is_in(bot: Running, shop: Shop) -> None:
    """Completed and unpaid credits nothing, and says that the payment is on its way."""
    _, order = await bot.buy()
    await shop.control("pay", checkout=order.reference, outcome="delayed")
    await settled(bot, shop)
    waiting = await bot.purchased()
    await shop.control("settle", checkout=order.reference, outcome="succeeded")
    await settled(bot, shop, "checkout.session.async_payment_succeeded")

    assert (waiting, await bot.purchased()) == (0, 1000)
    assert [kind for kind, _ in await bot.owed()] == ["payment_pending", "purchase"]


async def test_a_delayed_payment_that_fails_credits_nothing_and_says_so(bot: Running, shop: Shop) -> None:
    """The bank said no."""
    _, order = await bot.buy()
    await shop.control("pay", checkout=order.reference, outcome="delayed")
    await settled(bot, shop)
    await shop.control("settle", checkout=order.reference, outcome="failed")
    await settled(bot, shop, "checkout.session.async_payment_failed")

    assert await bot.purchased() == 0
    assert [kind for kind, _ in await bot.owed()] == ["payment_pending", "payment_failed"]
    assert (await bot.purchases.order(order.id)).state == "failed"


async def test_an_expired_session_ends_the_order(bot: Running, shop: Shop) -> None:
    """And says nothing to anybody."""
    _, order = await bot.buy()
    await shop.control("expire", checkout=order.reference)
    await settled(bot, shop, "checkout.session.expired")

    assert (await bot.purchases.order(order.id)).state == "expired"
    assert await bot.owed() == []


async def test_twenty_copies_of_one_event_at_once_credit_once(bot: Running) -> None:
    """All are answered 200, one of them with the credit."""
    _, order = await bot.buy()
    answers = await asyncio.gather(*(bot.deliver(event_of(order)) for _ in range(20)))

    assert {status for status, _ in answers} == {200}
    assert sorted(answer["outcome"] for _, answer in answers) == ["already credited"] * 19 + ["credited"]
    assert await bot.purchased() == 1000
    assert await bot.outcomes() == ["credited"]


async def test_twenty_events_about_one_payment_credit_once(bot: Running) -> None:
    """Another event id is not another payment."""
    _, order = await bot.buy()
    events = [event_of(order, event_id=f"evt_{number}") for number in range(20)]
    answers = await asyncio.gather(*(bot.deliver(event) for event in events))

    assert sorted(answer["outcome"] for _, answer in answers) == ["already credited"] * 19 + ["credited"]
    assert await bot.purchased() == 1000
    assert len(await bot.owed()) == 1


@pytest.mark.parametrize(
    "kinds",
    list(itertools.permutations(["completed", "async_payment_succeeded", "expired"])),
    ids=" ".join,
)
async def test_any_order_of_events_ends_the_same(bot: Running, kinds: tuple[str, ...]) -> None:
    """Unordered delivery is Stripe's promise, not an accident."""
    _, order = await bot.buy()
    for kind in kinds:
        status = "unpaid" if kind == "completed" else "paid"
        answered, _ = await bot.deliver(event_of(order, kind, payment_status=status))
        assert answered == 200

    assert await bot.purchased() == 1000
    assert (await bot.purchases.order(order.id)).state == "paid"


async def test_duplicated_shuffled_and_refused_deliveries_credit_once(bot: Running, shop: Shop) -> None:
    """The sandbox sends its events several times and in another order."""
    shop.faults.add("webhooks", "duplicate", copies=5, path=COMPLETED)
    shop.faults.add("webhooks", "delay", seconds=0.05, path="payment_intent")
    _, order = await bot.buy()
    await shop.control("pay", checkout=order.reference, outcome="paid")
    await shop.attempts(COMPLETED, until=6)

    assert await bot.purchased() == 1000


DIFFERENCES: dict[str, dict[str, Any]] = {
    "less money": {"amount_subtotal": 1},
    "more money": {"amount_subtotal": 149900},
    "no amount": {"amount_subtotal": None},
    "another currency": {"currency": "jpy"},
    "no currency": {"currency": None},
    "a subscription": {"mode": "subscription"},
    "live money for a test order": {"livemode": True},
    "a discount": {"total_details": {"amount_discount": 500, "amount_tax": 0}},
    "a full discount": {
        "payment_status": "no_payment_required",
        "total_details": {"amount_discount": 1499, "amount_tax": 0},
    },
    "nothing to pay": {"payment_status": "no_payment_required", "amount_subtotal": 0},
    "another order": {"client_reference_id": "ord_unknown"},
    "no order": {"client_reference_id": None},
    "another session": {"id": "cs_test_of_somebody_else"},
}


@pytest.mark.parametrize("changes", DIFFERENCES.values(), ids=DIFFERENCES)
async def test_what_differs_from_the_order_is_kept_and_credits_nothing(
    bot: Running, changes: dict[str, Any]
) -> None:
    """200, so that Stripe stops; kept, and each operator is told."""
    _, order = await bot.buy()
    status, answer = await bot.deliver(event_of(order, **changes))
    [(kind, facts)] = await bot.owed()

    assert (status, answer) == (200, {"outcome": "mismatch"})
    assert await bot.purchased() == 0
    assert (kind, facts["event"]) == ("payment_held", f"evt_completed_{order.id}")
    assert (await bot.outcomes())[0].startswith("mismatch: ")


async def test_what_a_falsified_session_would_pay_is_not_credited(bot: Running, shop: Shop) -> None:
    """The same through the sandbox: the session itself was changed at Stripe."""
    _, order = await bot.buy()
    await shop.control("tamper", checkout=order.reference, amount_subtotal=1)
    await shop.control("pay", checkout=order.reference, outcome="paid")
    await settled(bot, shop)

    assert await bot.purchased() == 0
    assert [kind for kind, _ in await bot.owed()] == ["payment_held"]


async def test_tax_may_add_to_the_price(bot: Running) -> None:
    """The subtotal is what was quoted."""
    _, order = await bot.buy()
    details = {"amount_discount": 0, "amount_tax": 300}
    status, answer = await bot.deliver(event_of(order, amount_total=1799, total_details=details))

    assert (status, answer["outcome"]) == (200, "credited")


async def test_a_session_of_another_product_is_none_of_our_business(bot: Running) -> None:
    """The same Stripe account may sell other things: no alert for those."""
    _, order = await bot.buy()
    event = event_of(order, client_reference_id="basket-7", metadata={})
    status, answer = await bot.deliver(event)

    assert (status, answer) == (200, {"outcome": "not ours"})
    assert await bot.owed() == []


async def test_metadata_never_says_how_much_or_to_whom(bot: Running) -> None:
    """Units and account come from our own order."""
    _, order = await bot.buy()
    metadata = {
        "type": "quota_purchase",
        "order": "ord_x",
        "user_id": str(BEN.external_id),
        "quota_amount": "9",
    }
    await bot.deliver(event_of(order, metadata=metadata))

    assert await bot.purchased() == 1000
    assert await bot.purchased(BEN) == 0


class HeldCheckout:
    """The real way to Stripe, whose answer is held back on its last step."""

    def __init__(self, checkout: StripeCheckout) -> None:
        self._checkout = checkout
        self.opened: asyncio.Queue[Page] = asyncio.Queue()
        self.go = asyncio.Event()
        self.livemode = checkout.livemode
        self.parameters = checkout.parameters
        self.receipt_url = checkout.receipt_url
        self.has_ended = checkout.has_ended

    async def open(self, parameters: Mapping[str, Any], *, idempotency_key: str) -> Page:
        page = await self._checkout.open(parameters, idempotency_key=idempotency_key)
        self.opened.put_nowait(page)
        await self.go.wait()
        return page


async def test_an_event_that_comes_before_our_own_call_returned_is_credited(bot: Running, shop: Shop) -> None:
    """The order has no session yet: the event binds it, and the answer that comes later agrees."""
    held = HeldCheckout(bot.checkout)
    purchases = Purchases(bot.database, bot.book, held, clock=bot.watch)
    opening = asyncio.ensure_future(purchases.begin(ANA, "quota_1000", buyer=ANA, locale="en-US"))
    page = await held.opened.get()
    await shop.control("pay", checkout=page.reference, outcome="paid")
    await settled(bot, shop)
    [[order_id]] = await bot.rows("SELECT id FROM orders")
    early = await purchases.order(order_id)
    held.go.set()
    opened = await opening
    order = await purchases.order(order_id)

    assert (early.state, early.reference, early.url) == ("paid", page.reference, None)
    assert (order.state, order.url) == ("paid", opened.url)
    assert await bot.purchased() == 1000


async def test_forged_events_are_refused_without_a_trace(
    bot: Running, caplog: pytest.LogCaptureFixture
) -> None:
    """400, one answer for every cause; the cause is in the log."""
    _, order = await bot.buy()
    body = json.dumps(event_of(order)).encode()
    answers = []
    for headers in (
        {},
        {"Stripe-Signature": "t=1,v1=é"},
        {"Stripe-Signature": signed(body, secret="whsec_wrong")},
        {"Stripe-Signature": signed(body, now_seconds=bot.watch() // 1000 - 400)},
        {"Stripe-Signature": signed(body, now_seconds=bot.watch() // 1000 + 400)},
    ):
        status, answer, _ = await bot.ask("POST", HOOK, data=body, headers=headers)
        answers.append((status, answer["type"], answer["title"]))

    assert set(answers) == {(400, "urn:jauge:problem:untrusted-event", "This is no event from Stripe")}
    assert await bot.outcomes() == []
    assert await bot.purchased() == 0
    assert "signed with none of our secrets" in caplog.text


async def test_both_secrets_of_a_rotation_are_taken(tmp_path: Path, catalog: Catalog) -> None:
    """While one is being replaced, Stripe signs with either."""
    async with running(tmp_path, catalog, secrets=("whsec_new", SECRET)) as bot:
        old, _ = await bot.deliver({"id": "evt_1", "type": "a"})
        new, _ = await bot.deliver({"id": "evt_2", "type": "a"}, secret="whsec_new")

    assert (old, new) == (200, 200)


async def test_without_secrets_every_delivery_is_refused(tmp_path: Path, catalog: Catalog) -> None:
    """Nothing can be verified, so nothing is believed."""
    async with running(tmp_path, catalog, secrets=()) as bot:
        status, _ = await bot.deliver({"id": "evt_1", "type": "a"})

    assert status == 400


async def test_a_signed_body_that_is_no_event_is_a_400(alone: Running) -> None:
    """Also one that is deeper than any parser goes."""
    for body in (b"[]", b"null", b"{}", b"[" * 100_000, b"{"):
        status, answer = await alone.deliver(body)

        assert (status, answer["type"]) == (400, "urn:jauge:problem:untrusted-event")


@pytest.mark.parametrize("kind", ["completed", "async_payment_succeeded", "async_payment_failed", "expired"])
async def test_a_session_without_its_fields_is_answered_200(bot: Running, kind: str) -> None:
    """Missing, null or of another type: kept, never a 500."""
    _, order = await bot.buy()
    whole = event_of(order, kind)
    session = whole["data"]["object"]
    strange: list[Any] = [None, [], {}, "\ud800", 2**80, -1, True]
    cases = [(name, value) for name in session for value in strange]
    for number, (name, value) in enumerate(cases):
        event = {**whole, "id": f"evt_{number}", "data": {"object": session | {name: value}}}
        status, _ = await bot.deliver(event)

        assert status == 200, (name, value)


async def test_a_database_that_cannot_be_written_is_a_500_and_the_next_delivery_credits(
    bot: Running,
) -> None:
    """Stripe delivers again, so nothing is lost."""
    _, order = await bot.buy()
    await bot.database.close()
    refused, answer = await bot.deliver(event_of(order))
    await bot.database.open()
    status, credited = await bot.deliver(event_of(order))

    assert (refused, answer["type"]) == (500, "urn:jauge:problem:not-stored")
    assert (status, credited["outcome"]) == (200, "credited")


async def test_stopped_writes_are_a_503(bot: Running) -> None:
    """A broken invariant stops writes; Stripe keeps its events meanwhile."""
    _, order = await bot.buy()
    bot.database.halt("for this test")
    body = json.dumps(event_of(order)).encode()
    status, answer, headers = await bot.ask(
        "POST", HOOK, data=body, headers={"Stripe-Signature": signed(body)}
    )

    assert (status, answer["type"], headers["Retry-After"]) == (503, "urn:jauge:problem:halted", "60")


async def test_a_body_above_the_limit_is_refused_and_one_below_is_read(alone: Running) -> None:
    """256 KiB."""
    big = json.dumps({"id": "evt_1", "type": "a", "pad": "x" * 256 * 1024}).encode()
    small = json.dumps({"id": "evt_1", "type": "a", "pad": "x" * 200 * 1024}).encode()

    assert (await alone.deliver(big))[0] == 413
    assert (await alone.deliver(small))[0] == 200


async def test_calls_of_the_api_do_not_use_up_the_budget_of_webhooks(
    tmp_path: Path, catalog: Catalog
) -> None:
    """Each has its own, and a delivery beyond its own is told when to come again."""
    async with running(tmp_path, catalog, limits=Limits(address=1, webhooks=2)) as bot:
        api = [(await bot.ask("GET", "/api/quota/1"))[0] for _ in range(3)]
        hooks = [(await bot.deliver({"id": "evt_1", "type": "a"}))[0] for _ in range(3)]

    assert api == [401, 429, 429]
    assert hooks == [200, 200, 429]
