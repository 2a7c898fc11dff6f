"""The payment page over HTTP: what a person sees, presses, and where that leads."""

import re
import time
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from typing import Any

import pytest

from tests.sandbox.stripe_fixture import Shop, open_shop, price_data


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with open_shop() as running:
        yield running


class Page(HTMLParser):
    """A page's text, its marked elements and their links."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.marks: dict[str, dict[str, str | None]] = {}
        self.tags: set[str] = set()
        self.words = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        attributes = dict(attrs)
        assert not any(name.startswith("on") or name == "style" for name in attributes)
        if mark := attributes.get("data-testid"):
            self.marks[mark] = attributes

    def handle_data(self, data: str) -> None:
        self.words += re.sub(r"\s", " ", data)


async def seen(shop: Shop, session: Any, **headers: str) -> Page:
    """Return the session's page."""
    async with shop.http.get(f"{shop.url}/c/pay/{session.id}", headers=headers) as answer:
        return Page(await answer.text())


async def pressed(shop: Shop, session: Any, choice: str, **fields: str) -> tuple[int, str]:
    """Return status and destination after the button `choice` was pressed."""
    async with shop.http.post(
        f"{shop.url}/c/pay/{session.id}", data={"choice": choice} | fields, allow_redirects=False
    ) as answer:
        return answer.status, answer.headers.get("Location", "")


async def test_the_page_says_what_for_how_much_and_that_it_is_a_sandbox(shop: Shop) -> None:
    """With the three ways to pay, the account that is credited, and a way back."""
    page = await seen(shop, await shop.checkout())

    assert {"pay", "decline", "delay"} <= page.marks.keys()
    assert "Sandbox" in page.words
    assert "1 000 requests" in page.words
    assert "€14.99" in page.words
    assert "Credited to Ana (@ana)" in page.words
    assert page.marks["back"]["href"] == "http://127.0.0.1:9/shop"
    assert "script" not in page.tags


@pytest.mark.parametrize(
    ("currency", "unit_amount", "english", "french"),
    [
        ("eur", 149900, "€1,499.00", "1 499,00 €"),
        ("xof", 9800, "F CFA 9,800", "9 800 F CFA"),
        ("kwd", 4990, "KWD 4.990", "4,990 KWD"),
        ("jpy", 1500, "¥1,500", "1 500 JPY"),
    ],
)
async def test_amounts_are_written_as_the_reader_writes_them(
    shop: Shop, currency: str, unit_amount: int, english: str, french: str
) -> None:
    """With the currency's own decimals, in both languages."""
    data = price_data(currency=currency, unit_amount=unit_amount)
    session = await shop.checkout(line_items=[{"price_data": data, "quantity": 1}])
    in_english = await seen(shop, session)
    in_french = await seen(shop, session, **{"Accept-Language": "fr-FR,fr;q=0.9,en;q=0.8"})

    assert english in in_english.words
    assert french in in_french.words
    assert "Bac à sable" in in_french.words


async def test_the_session_decides_the_language(shop: Shop) -> None:
    """Whatever the browser prefers."""
    page = await seen(shop, await shop.checkout(locale="fr"), **{"Accept-Language": "en"})

    assert "Total à payer" in page.words


async def test_paying_leads_to_the_success_address_and_then_says_paid(shop: Shop) -> None:
    """With the session's id in place of its mark, and a receipt to look at."""
    session = await shop.checkout()
    status, location = await pressed(shop, session, "pay")
    await shop.receiver.event("checkout.session.completed")
    page = await seen(shop, session)
    charge = (await shop.client.v1.charges.list_async()).data[0]
    async with shop.http.get(str(charge.receipt_url)) as answer:
        receipt = Page(await answer.text())

    assert (status, location) == (303, f"http://127.0.0.1:9/done?id={session.id}")
    assert "state-paid" in page.marks
    assert "€14.99" in receipt.words
    assert "4242" in receipt.words


async def test_a_decline_is_shown_and_can_be_tried_again(shop: Shop) -> None:
    """The page stays open."""
    session = await shop.checkout()
    _, location = await pressed(shop, session, "decline")
    async with shop.http.get(shop.url + location) as answer:
        page = Page(await answer.text())
    status, _ = await pressed(shop, session, "pay")

    assert "Your card was declined." in page.words
    assert {"alert", "pay"} <= page.marks.keys()
    assert status == 303


@pytest.mark.parametrize(
    ("answer", "event", "state"),
    [
        ("bank_yes", "checkout.session.async_payment_succeeded", "state-paid"),
        ("bank_no", "checkout.session.async_payment_failed", "state-failed"),
    ],
)
async def test_a_debit_waits_for_a_bank_that_the_person_plays(
    shop: Shop, answer: str, event: str, state: str
) -> None:
    """Two buttons, yes and no."""
    session = await shop.checkout()
    _, location = await pressed(shop, session, "delay")
    waiting = await seen(shop, session)
    await pressed(shop, session, answer)
    await shop.receiver.event(event)
    page = await seen(shop, session)

    assert location == f"/c/pay/{session.id}"
    assert {"state-waiting", "bank-yes", "bank-no"} <= waiting.marks.keys()
    assert state in page.marks


async def test_an_expired_page_takes_no_payment(shop: Shop) -> None:
    """It says so and leads back."""
    session = await shop.checkout(expires_at=int(time.time()) + 1900)
    shop.clock.offset_seconds = 2000
    await pressed(shop, session, "pay")
    page = await seen(shop, session)

    assert "state-expired" in page.marks
    assert page.marks["link"]["href"] == "http://127.0.0.1:9/shop"


async def test_a_page_that_never_was_is_a_404_in_words(shop: Shop) -> None:
    """Also for receipts and for presses."""
    for path in ("/c/pay/cs_test_none", "/receipts/payment/none"):
        async with shop.http.get(shop.url + path) as answer:
            page = Page(await answer.text())
        assert answer.status == 404
        assert "state-unknown" in page.marks


async def test_a_second_press_pays_nothing_twice(shop: Shop) -> None:
    """Two tabs, one charge."""
    session = await shop.checkout()
    await pressed(shop, session, "pay")
    status, location = await pressed(shop, session, "pay")
    charges = await shop.client.v1.charges.list_async()

    assert (status, location) == (303, f"/c/pay/{session.id}")
    assert len(charges.data) == 1


async def test_everything_the_seller_wrote_is_escaped(shop: Shop) -> None:
    """Names, descriptions, texts and addresses are text, never markup."""
    evil = "<script>alert(1)</script>\"'><img src=x onerror=y>"
    data = price_data(product_data={"name": evil, "description": evil})
    session = await shop.checkout(
        line_items=[{"price_data": data, "quantity": 1}],
        custom_text={"submit": {"message": evil}, "terms_of_service_acceptance": {"message": evil}},
        consent_collection={"terms_of_service": "required"},
        cancel_url='http://127.0.0.1:9/"><script>',
    )
    page = await seen(shop, session)

    assert not {"script", "img"} & page.tags
    assert page.words.count("<script>alert(1)</script>") >= 3


async def test_the_page_allows_no_script_and_no_stranger(shop: Shop) -> None:
    """A strict policy; a form sent from another site's page is refused."""
    session = await shop.checkout()
    async with shop.http.get(f"{shop.url}/c/pay/{session.id}") as answer:
        policy = answer.headers["Content-Security-Policy"]
    async with shop.http.post(
        f"{shop.url}/c/pay/{session.id}", data={"choice": "pay"}, headers={"Origin": "http://evil.example"}
    ) as strange:
        status = strange.status
    after = await shop.client.v1.checkout.sessions.retrieve_async(session.id)

    assert "default-src 'none'" in policy
    assert policy.endswith("form-action 'self' http://127.0.0.1:9")
    assert status == 403
    assert after.status == "open"


async def test_terms_must_be_accepted_before_anything_is_charged(shop: Shop) -> None:
    """The box is required by the page and by what is behind it."""
    session = await shop.checkout(consent_collection={"terms_of_service": "required"})
    page = await seen(shop, session)
    without, _ = await pressed(shop, session, "pay")
    accepted, _ = await pressed(shop, session, "pay", terms="yes")

    assert "required" in page.marks["terms"]
    assert (without, accepted) == (200, 303)


async def test_only_methods_on_offer_have_a_button(shop: Shop) -> None:
    """Without debits there is nothing to wait for."""
    page = await seen(shop, await shop.checkout(excluded_payment_method_types=["sepa_debit"]))

    assert "pay" in page.marks
    assert "delay" not in page.marks


async def test_a_paid_page_plays_what_may_come_later(shop: Shop) -> None:
    """A partial refund that fails, a whole one; each button only while Stripe would do it."""
    session = await shop.checkout()
    await pressed(shop, session, "pay")
    offered = await seen(shop, session)
    await pressed(shop, session, "refund_half")
    half = await seen(shop, session)
    await pressed(shop, session, "refund_fails")
    failed = await shop.receiver.event("refund.failed")
    await pressed(shop, session, "refund_all")
    status, _ = await pressed(shop, session, "refund_all")
    whole = await seen(shop, session)

    assert {"refund-all", "refund-half", "inquiry", "chargeback"} <= offered.marks.keys()
    assert "refund-fails" not in offered.marks
    assert "Refunded€7.49" in half.words
    assert "Refund €7.50 only" not in half.words
    assert failed.data.object.amount == 749
    assert "Refunded€14.99" in whole.words
    assert status == 303
    assert whole.marks.keys() & {"refund-all", "refund-half", "inquiry", "chargeback"} == set()


@pytest.mark.parametrize(
    ("presses", "ends", "said"),
    [
        (["inquiry", "closed"], "warning_closed", "inquiry, closed"),
        (["inquiry", "escalated", "lost"], "lost", "lost by the seller"),
        (["chargeback", "won"], "won", "won by the seller"),
        (["chargeback", "lost"], "lost", "lost by the seller"),
    ],
)
async def test_a_paid_page_plays_a_dispute_to_its_end(
    shop: Shop, presses: list[str], ends: str, said: str
) -> None:
    """The bank's steps are buttons, and the page says how it stands."""
    session = await shop.checkout()
    for choice in ["pay", *presses]:
        page = await seen(shop, session)
        assert choice in page.marks
        await pressed(shop, session, choice)
    closed = await shop.receiver.event("charge.dispute.closed")
    page = await seen(shop, session)

    assert closed.data.object.status == ends
    assert said in page.words
    assert page.marks.keys() & {"escalated", "closed", "won", "lost"} == set()


async def test_paid_checkouts_are_found_again(shop: Shop) -> None:
    """In a list, newest first, with a link to each; what was not paid is not in it."""
    async with shop.http.get(f"{shop.url}/c/payments") as answer:
        empty = Page(await answer.text())
    paid = await shop.checkout()
    await pressed(shop, paid, "pay")
    await shop.checkout()
    async with shop.http.get(f"{shop.url}/c/payments", headers={"Accept-Language": "fr"}) as answer:
        page = Page(await answer.text())

    assert "state-payments_none" in empty.marks
    assert page.marks["link"]["href"] == f"/c/pay/{paid.id}"
    assert "14,99 €" in page.words
