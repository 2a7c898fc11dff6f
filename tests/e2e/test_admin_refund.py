"""`!admin_quota refund`: asked for, confirmed by a button, made once, whatever Stripe and the bot go through."""

from __future__ import annotations

import pytest

from sandbox.places import FRIEND_ID, OPERATOR_ID
from tests.cogs.talk import buttons_of, text_of
from tests.e2e.town import Json, Town, heading_of


async def bought(town: Town) -> tuple[int, str, str]:
    """Let somebody new buy 1000 units; return who, the checkout and the order."""
    who = await town.newcomer()
    after = await town.last_dm(who)
    offer = await town.offer("quota_1000", as_=who)
    await town.pay(offer.checkout)
    await town.next_dm(after, who)
    return who, offer.checkout, offer.order


async def asked(town: Town, order: str) -> Json:
    """Let the operator ask, and return the card with the button."""
    return await town.slash("admin_quota refund", as_=OPERATOR_ID, order=order)


def button(card: Json) -> str:
    """Return the id of the card's button."""
    ((_, custom_id),) = buttons_of(card)
    return custom_id


async def pressed(town: Town, card: Json) -> Json:
    """Let the operator press the button, and return the private answer."""
    return await town.press_id(card, button(card), as_=OPERATOR_ID, force=True)


async def refunds(town: Town) -> int:
    """Return how many refunds Stripe knows."""
    return len((await town.stripe("/v1/refunds", limit="100"))["data"])


async def test_a_refund_is_asked_for_confirmed_and_made(town: Town) -> None:
    """The card says what it does; the press gives the money back and takes the units, and the buyer is told."""
    who, _, order = await bought(town)
    after, before = await town.last_dm(who), await refunds(town)
    card = await asked(town, order)
    answer = await pressed(town, card)
    message = await town.next_dm(after, who)
    again = await pressed(town, card)

    assert "€14.99" in text_of(card)
    assert heading_of(answer) == "✅ Refunded"
    assert heading_of(message) == "↩️ Purchase refunded"
    assert (await town.quota(who))["purchased_quota"] == 0
    assert "Everything of this order was given back already" in text_of(again)
    assert await refunds(town) == before + 1


async def test_a_public_request_is_covered_and_its_button_works_after_a_restart(town: Town) -> None:
    """Money is for the operator's eyes; somebody else's press shows and refunds nothing."""
    who, _, order = await bought(town)
    before = await refunds(town)
    cover = await town.answer_to(f"!admin_quota refund {order}", as_=OPERATOR_ID)
    await town.end_bot("SIGTERM")
    await town.start_bot()
    stranger = await town.press_id(cover, button(cover), as_=FRIEND_ID)
    untouched = await refunds(town)
    card = await town.press_id(cover, button(cover), as_=OPERATOR_ID)
    answer = await pressed(town, card)

    assert "€14.99" not in text_of(cover)
    assert heading_of(stranger) == "🙋 This is not yours"
    assert untouched == before
    assert "€14.99" in text_of(card)
    assert heading_of(answer) == "✅ Refunded"
    assert (await town.quota(who))["purchased_quota"] == 0


async def test_a_stored_failure_gets_another_key_at_the_next_press(town: Town) -> None:
    """Stripe keeps the 500; the operator presses again, and the money goes back once."""
    who, _, order = await bought(town)
    card = await asked(town, order)
    before = await refunds(town)
    await town.post("stripe/fail", times=1)
    failed = await pressed(town, card)
    answer = await pressed(town, card)

    assert "Stripe does not answer just now" in text_of(failed)
    assert heading_of(answer) == "✅ Refunded"
    assert await refunds(town) == before + 1
    assert (await town.quota(who))["purchased_quota"] == 0


@pytest.mark.parametrize("state", ["unpaid", "disputed", "unknown"])
async def test_what_cannot_be_refunded_says_why(town: Town, state: str) -> None:
    """Before any button is shown."""
    if state == "unpaid":
        order = (await town.offer()).order
    else:
        _, checkout, order = await bought(town)
    if state == "disputed":
        await town.post("stripe/dispute", checkout=checkout, kind="chargeback_without_money")
        await town.all_delivered()
    card = await asked(town, "ord_" + "0" * 32 if state == "unknown" else order)

    words = {"unpaid": "was not paid", "disputed": "disputes this payment", "unknown": "There is no order"}
    assert words[state] in text_of(card)
    assert buttons_of(card) == []
