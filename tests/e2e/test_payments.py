"""What Stripe reports: late, twice, in another order, falsified, forged; each payment is credited once or never."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest

from sandbox.places import MEMBER_ID, OPERATOR_ID
from tests.cogs.talk import text_of
from tests.e2e.town import PATIENCE_SECONDS, Json, Offer, Town, confirmed_orders, heading_of

COMPLETED = "checkout.session.completed"
SUCCEEDED = "checkout.session.async_payment_succeeded"
FAILED = "checkout.session.async_payment_failed"
EXPIRED = "checkout.session.expired"
ORDERS = list(itertools.permutations(("completed", "succeeded", "expired")))


async def purchased(town: Town) -> int:
    """Return how much the member ever got."""
    return int((await town.quota())["purchased_quota"])


async def paid_unseen(town: Town, outcome: str = "paid") -> tuple[Offer, list[Json]]:
    """Let the member pay while no webhook arrives; return the page and the events that Stripe made."""
    offer = await town.offer()
    count = 2 if outcome == "delayed" else 1
    await town.fault("webhooks", "drop", times=count, path=r"checkout\.session\.")
    await town.pay(offer.checkout, outcome)
    if outcome == "delayed":
        await town.bank_says(offer.checkout, "succeeded")
    events = await town.events_of(offer.checkout)
    assert len(events) == count
    return offer, events


async def hand_over(town: Town, events: list[Json]) -> None:
    """Let Stripe send dropped events again, so that it knows them delivered."""
    for event in events:
        await town.post("stripe/deliver", event=event["id"])
    await town.all_delivered()


async def test_a_delayed_payment_is_credited_when_the_money_is_there(town: Town) -> None:
    """First a message that it is on its way, and nothing else; then the quota and its message."""
    after, before = await town.last_dm(), await purchased(town)
    offer = await town.offer()

    await town.pay(offer.checkout, "delayed")
    first = await town.next_dm(after)
    waiting = await purchased(town)
    history = await town.slash("quota_history")
    await town.bank_says(offer.checkout, "succeeded")
    second = await town.next_dm(first["id"])

    assert heading_of(first) == "⏳ Payment on its way"
    assert "€14.99" in text_of(first)
    assert waiting == before
    assert "payment on its way" in text_of(history)
    assert confirmed_orders(second) == [offer.order]
    assert await purchased(town) == before + 1000


async def test_a_delayed_payment_that_fails_credits_nothing(town: Town) -> None:
    """The buyer is told that nothing was charged, and can buy again."""
    after, before = await town.last_dm(), await purchased(town)
    offer = await town.offer()

    await town.pay(offer.checkout, "delayed")
    first = await town.next_dm(after)
    await town.bank_says(offer.checkout, "failed")
    second = await town.next_dm(first["id"])
    failed = await purchased(town)
    third = await town.buy()

    assert heading_of(second) == "❌ Payment failed"
    assert "Nothing was charged" in text_of(second)
    assert failed == before
    assert confirmed_orders(third) not in ([], [offer.order])
    assert await purchased(town) == before + 1000


async def test_a_declined_card_leaves_the_page_open(town: Town) -> None:
    """The buyer takes another card on the same page, and is credited once."""
    after, before = await town.last_dm(), await purchased(town)
    offer = await town.offer()

    declined = await town.pay(offer.checkout, "declined")
    again = await town.offer()
    await town.pay(offer.checkout)
    message = await town.next_dm(after)

    assert declined["status"] == "open"
    assert again.url == offer.url
    assert confirmed_orders(message) == [offer.order]
    assert await purchased(town) == before + 1000


async def test_an_event_that_comes_eleven_times_is_credited_once(town: Town) -> None:
    """Stripe delivers at least once; every copy is answered 200."""
    after, before = await town.last_dm(), await purchased(town)
    offer = await town.offer()
    await town.fault("webhooks", "duplicate", copies=10, path=COMPLETED)

    await town.pay(offer.checkout)
    message = await town.next_dm(after)
    await town.delivered(offer.checkout, COMPLETED, count=11)

    assert confirmed_orders(message) == [offer.order]
    assert await purchased(town) == before + 1000


@pytest.mark.parametrize("ids", ["one id", "an id each"])
async def test_twenty_posts_at_once_are_credited_once(town: Town, ids: str) -> None:
    """Also when each claims to be another event about the payment."""
    after, before = await town.last_dm(), await purchased(town)
    offer, (event,) = await paid_unseen(town)
    copies = [event | ({"id": f"{event['id']}{n}"} if ids == "an id each" else {}) for n in range(20)]

    answers = await asyncio.gather(*(town.post_event(copy) for copy in copies))
    message = await town.next_dm(after)
    await hand_over(town, [event])

    assert [status for status, _ in answers] == [200] * 20
    outcomes = sorted(body["outcome"] for _, body in answers)
    assert outcomes == ["already credited"] * 19 + ["credited"]
    assert confirmed_orders(message) == [offer.order]
    assert await purchased(town) == before + 1000


async def test_shuffled_deliveries_are_credited_once(town: Town) -> None:
    """The bank's answer overtakes the report that the buyer is done."""
    after, before = await town.last_dm(), await purchased(town)
    offer = await town.offer()
    await town.fault("webhooks", "shuffle", hold=2, path=r"checkout\.session\.")

    await town.pay(offer.checkout, "delayed")
    await town.bank_says(offer.checkout, "succeeded")
    message = await town.next_dm(after)
    await town.all_delivered()

    assert confirmed_orders(message) == [offer.order]
    assert await purchased(town) == before + 1000


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
async def test_any_order_of_reports_ends_the_same(town: Town, order: tuple[str, ...]) -> None:
    """Completed, paid and a stray expiry: whichever comes first, one credit and one confirmation."""
    after, before = await town.last_dm(), await purchased(town)
    offer, (completed, succeeded) = await paid_unseen(town, "delayed")
    expired = completed | {"id": f"evt_stray_{offer.checkout}", "type": EXPIRED}
    reports = {"completed": completed, "succeeded": succeeded, "expired": expired}
    wanted = 2 if order.index("completed") < order.index("succeeded") else 1

    statuses = [(await town.post_event(reports[kind]))[0] for kind in order]
    messages = await town.several(after=after, count=wanted, channel="dm")
    await hand_over(town, [completed, succeeded])

    assert statuses == [200, 200, 200]
    assert [heading_of(one) for one in messages[:-1]] == ["⏳ Payment on its way"] * (wanted - 1)
    assert confirmed_orders(messages[-1]) == [offer.order]
    assert await purchased(town) == before + 1000


async def test_a_bank_that_says_no_and_then_yes_is_believed(town: Town) -> None:
    """Failed is no end: money that came all the same is credited, and a late failure takes nothing back."""
    after, before = await town.last_dm(), await purchased(town)
    offer, (completed, succeeded) = await paid_unseen(town, "delayed")
    failed = succeeded | {"id": f"evt_no_{offer.checkout}", "type": FAILED}
    late = succeeded | {"id": f"evt_late_no_{offer.checkout}", "type": FAILED}

    answers = [await town.post_event(event) for event in (failed, succeeded, late)]
    messages = await town.several(after=after, count=2, channel="dm")
    await hand_over(town, [completed, succeeded])

    assert [body["outcome"] for _, body in answers] == ["failed", "credited", "unchanged"]
    assert heading_of(messages[0]) == "❌ Payment failed"
    assert confirmed_orders(messages[1]) == [offer.order]
    assert await purchased(town) == before + 1000


async def test_an_event_that_was_lost_is_credited_when_it_is_sent_again(town: Town) -> None:
    """As by the button of Stripe's dashboard."""
    after, before = await town.last_dm(), await purchased(town)
    offer, (event,) = await paid_unseen(town)
    unpaid = await purchased(town)

    await town.post("stripe/deliver", event=event["id"])
    message = await town.next_dm(after)

    assert unpaid == before
    assert confirmed_orders(message) == [offer.order]
    assert await purchased(town) == before + 1000


async def test_a_press_after_paying_opens_no_second_page(town: Town) -> None:
    """The report of the payment is late: nobody is led to pay twice for one purchase."""
    after, before = await town.last_dm(), await purchased(town)
    offer, (event,) = await paid_unseen(town)

    again = await town.offer()
    await town.post("stripe/deliver", event=event["id"])
    message = await town.next_dm(after)
    fresh = await town.offer()

    assert (again.order, again.checkout) == (offer.order, offer.checkout)
    assert confirmed_orders(message) == [offer.order]
    assert fresh.order != offer.order
    assert await purchased(town) == before + 1000


async def test_a_page_that_ended_unheard_is_offered_to_nobody(town: Town) -> None:
    """Stripe's report that it expired is lost: the next press looks, and opens a new one."""
    offer = await town.offer()
    await town.fault("webhooks", "drop", path=EXPIRED)
    await town.post("stripe/expire", checkout=offer.checkout)
    (event,) = await town.events_of(offer.checkout)

    fresh = await town.offer()
    await hand_over(town, [event])

    assert fresh.order != offer.order
    assert [one["status"] for one in await town.sessions_of(fresh.order)] == ["open"]


FALSIFIED: dict[str, dict[str, Any]] = {
    "less money": {"amount_subtotal": 1},
    "more money": {"amount_subtotal": 150_000},
    "a discount": {"amount_discount": 500},
    "another currency": {"currency": "usd"},
    "play money for real": {"livemode": True},
    "another mode": {"mode": "subscription"},
    "no order": {"client_reference_id": "ord_000000000000000000000000000000"},
}


@pytest.mark.parametrize("what", FALSIFIED)
async def test_what_differs_from_its_order_is_kept_for_an_operator(town: Town, what: str) -> None:
    """No credit, a 200 so that Stripe stops, and a message to the operator; a correct purchase still works."""
    await _held(town, FALSIFIED[what])


async def test_a_payment_that_names_somebody_else_s_order_is_kept_for_an_operator(town: Town) -> None:
    """The page of one order cannot pay for another of the same price, which stays open."""
    other = await town.offer("quota_1000")

    await _held(town, {"client_reference_id": other.order}, package="quota_1000")

    assert (await town.offer("quota_1000")).url == other.url


async def _held(town: Town, changes: dict[str, Any], *, package: str = "quota_100") -> None:
    """Let somebody pay a session that was falsified, and see that it is held; others can buy as before."""
    buyer, after_operator = await town.newcomer(), await town.last_dm(OPERATOR_ID)
    offer = await town.offer(package, as_=buyer)
    town.held.checkouts.add(offer.checkout)
    await town.post("stripe/tamper", checkout=offer.checkout, **changes)
    written = len(town.bot.log)

    await town.pay(offer.checkout)
    taken = await town.delivered(offer.checkout, COMPLETED)
    alert = await town.next_dm(after_operator, OPERATOR_ID)
    figures = await town.stats()
    bought = await town.buy("quota_100")

    assert [(one["attempt"], one["status"]) for one in taken] == [(1, 200)]
    assert heading_of(alert) == "⚠️ A payment needs you"
    assert offer.checkout in text_of(alert).replace("\\", "")
    assert (await town.quota(buyer))["purchased_quota"] == 0
    assert await town.dms(who=buyer) == []
    assert "Payments on hold" in figures
    assert "mismatch" in town.bot.log[written:]
    assert confirmed_orders(bought) != []


@pytest.mark.parametrize(
    "forged", ["another secret", "too old", "from the future", "none", "v0 only", "changed"]
)
async def test_a_forged_report_is_refused_and_leaves_no_trace(town: Town, forged: str) -> None:
    """400, nothing credited; the true one is still taken afterwards."""
    after, before = await town.last_dm(), await purchased(town)
    offer, (event,) = await paid_unseen(town)

    status, body = await _forge(town, event, forged)
    credited = await purchased(town)
    figures = await town.stats()
    true_status, answer = await town.post_event(event)
    message = await town.next_dm(after)
    await hand_over(town, [event])

    assert status == 400
    assert "secret" not in str(body)
    assert credited == before
    assert offer.checkout not in figures
    assert (true_status, answer["outcome"]) == (200, "credited")
    assert confirmed_orders(message) == [offer.order]


async def _forge(town: Town, event: Json, how: str) -> tuple[int, Json]:
    match how:
        case "another secret":
            return await town.post_event(event, secret="whsec_guessed")
        case "too old":
            return await town.post_event(event, age_seconds=400)
        case "from the future":
            return await town.post_event(event, age_seconds=-400)
        case "none":
            return await town.post_raw(b"{}", None)
        case "v0 only":
            return await town.post_raw(b"{}", town.signed(b"{}").replace("v1=", "v0="))
        case _:
            return await town.post_raw(b'{"id": "evt_1"}', town.signed(b"{}"))


@pytest.mark.parametrize("age_seconds", [200, -200])
async def test_a_clock_that_is_a_little_off_is_forgiven(town: Town, age_seconds: int) -> None:
    """Five minutes to both sides, less the time that this takes."""
    after = await town.last_dm()
    offer, (event,) = await paid_unseen(town)

    status, _ = await town.post_event(event, age_seconds=age_seconds)
    message = await town.next_dm(after)
    await hand_over(town, [event])

    assert status == 200
    assert confirmed_orders(message) == [offer.order]


@pytest.mark.parametrize("how", ["lost", "delay"])
async def test_a_payment_that_is_faster_than_our_own_call_is_credited(town: Town, how: str) -> None:
    """The buyer pays before we know the page: its answer is lost, or comes late."""
    after, before = await town.last_dm(), await purchased(town)
    shop = await town.open_shop()
    known = {one["id"] for one in await town.sessions()}
    path, method = r"^/v1/checkout/sessions$", "POST"
    await town.fault("stripe", "lost", path=path, method=method)
    if how == "delay":
        await town.fault("stripe", "delay", seconds=1.5, path=path, method=method)

    await town.press(shop, f"v1:buy:quota_1000:{MEMBER_ID}")
    async with asyncio.timeout(PATIENCE_SECONDS):
        # Stripe tells nobody that a page was opened, so this looks until it is there.
        while not (new := [one for one in await town.sessions() if one["id"] not in known]):
            pass
    await town.pay(new[0]["id"])
    message = await town.next_dm(after)
    credited = await purchased(town)
    answer = await town.next_message(shop["id"])

    assert confirmed_orders(message) == [new[0]["client_reference_id"]]
    assert credited == before + 1000
    assert answer["ephemeral"]
    assert len(await town.sessions_of(new[0]["client_reference_id"])) == 1
