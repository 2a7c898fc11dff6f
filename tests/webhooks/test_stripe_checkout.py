"""Opening payment pages on the sandbox's Stripe: what is asked, what is repeated, what is lost on the way."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import stripe
from aiohttp import web

from quota_core.catalog import Catalog
from quota_core.catalog_file import parse
from quota_core.errors import CheckoutUnavailableError
from quota_core.store.orders import OrderRow
from tests.sandbox.stripe_fixture import Shop
from tests.webhooks.running import ANA, Running, running
from webhooks import server
from webhooks.product_text import ProductTexts
from webhooks.stripe_checkout import StripeCheckout, stripe_locale
from webhooks.stripe_connection import StripeConnection
from webhooks.stripe_failures import is_stored_failure

SESSIONS = "/v1/checkout/sessions"


def order(**changes: Any) -> OrderRow:
    """Return an order of 1,000 requests for € 14.99, changed."""
    facts: dict[str, Any] = {
        "id": "ord_1",
        "account": 1,
        "buyer": 1,
        "rail": "stripe",
        "reference": None,
        "package": "quota_1000",
        "metric": "requests",
        "units": 1000,
        "price_minor": 1499,
        "currency": "EUR",
        "livemode": False,
        "expires": "never",
        "state": "open",
        "attempt": 1,
        "parameters": "",
        "url": None,
        "token": "token",
        "locale": "en-US",
        "payment": None,
        "receipt_url": None,
        "opened_ms": 0,
        "expires_ms": 1_800_000_000_999,
        "paid_ms": None,
        "account_ref": ("user", "7"),
        "buyer_ref": ("user", "7"),
    }
    return OrderRow(**(facts | changes))


def checkout_of(catalog: Catalog, key: str = "sk_test_x", **options: Any) -> StripeCheckout:
    """Return a way to Stripe that is never used."""
    return StripeCheckout(
        key,
        api_url="http://127.0.0.1:9",
        success_url="https://jauge.example/ok",
        cancel_url="https://jauge.example/no",
        product=ProductTexts(catalog, terms_url="https://jauge.example/terms"),
        **options,
    )


async def sessions(shop: Shop) -> list[Any]:
    """Return every Checkout Session, newest first."""
    return list((await shop.client.v1.checkout.sessions.list_async()).data)


def test_the_parameters_are_complete_and_nothing_more(catalog: Catalog) -> None:
    """They are kept with the order and repeated to the letter."""
    asked = checkout_of(catalog).parameters(order(), account_label="@ana")
    metadata = {"type": "quota_purchase", "order": "ord_1"}

    assert asked == {
        "mode": "payment",
        "line_items": [
            {
                "price_data": {
                    "currency": "eur",
                    "unit_amount": 1499,
                    "product_data": {"name": "1,000 requests", "description": "Credited to @ana"},
                },
                "quantity": 1,
            }
        ],
        "client_reference_id": "ord_1",
        "metadata": metadata,
        "payment_intent_data": {"metadata": metadata},
        "expires_at": 1_800_000_000,
        "locale": "en",
        "success_url": "https://jauge.example/ok?session_id={CHECKOUT_SESSION_ID}",
        "cancel_url": "https://jauge.example/no",
    }
    assert json.loads(json.dumps(asked)) == asked


def test_every_setting_adds_its_parameter(catalog: Catalog) -> None:
    """Tax may only add, and consent names the terms."""
    checkout = checkout_of(catalog, automatic_tax=True, invoice_creation=True, consent=True)
    asked = checkout.parameters(order(locale="fr"), account_label="@ana")

    assert asked["automatic_tax"] == {"enabled": True}
    assert asked["invoice_creation"] == {"enabled": True}
    assert asked["consent_collection"] == {"terms_of_service": "required"}
    assert "(https://jauge.example/terms)" in asked["custom_text"]["terms_of_service_acceptance"]["message"]
    assert asked["line_items"][0]["price_data"]["tax_behavior"] == "exclusive"


def test_the_product_speaks_the_language_of_the_order(catalog: Catalog) -> None:
    """French sets a narrow blank in numbers."""
    asked = checkout_of(catalog).parameters(order(locale="fr-CA"), account_label="@ana")
    product = asked["line_items"][0]["price_data"]["product_data"]

    assert product == {"name": "1\u202f000 requêtes", "description": "Crédité à @ana"}
    assert asked["locale"] == "fr-CA"


def test_a_price_of_the_dashboard_is_named_instead(catalog: Catalog) -> None:
    """The account that is credited is said beside the button then."""
    text = (Path("data/catalogs") / "quota-manager.toml").read_text(encoding="utf-8")
    text = text.replace("units = 1000\n", 'units = 1000\nstripe_price = "price_123"\n')
    asked = checkout_of(parse(text, name="priced")).parameters(order(), account_label="@ana")

    assert catalog.packages["quota_1000"].stripe_price is None
    assert asked["line_items"] == [{"price": "price_123", "quantity": 1}]
    assert asked["custom_text"] == {"submit": {"message": "Credited to @ana"}}


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("", "Credited to user:7"),
        ("\u202e\u200b\n", "Credited to user:7"),
        ("a\u202eb\nc", "Credited to abc"),
        ("x" * 500, "Credited to " + "x" * 100),
    ],
)
def test_the_label_of_an_account_is_foreign_text(catalog: Catalog, label: str, said: str) -> None:
    """Bounded, visible, and never empty."""
    asked = checkout_of(catalog).parameters(order(), account_label=label)

    assert asked["line_items"][0]["price_data"]["product_data"]["description"] == said


def test_the_key_says_whether_money_is_real(catalog: Catalog) -> None:
    """Nothing else does."""
    keys = ("sk_test_1", "rk_test_1", "sk_live_1", "rk_live_1")

    assert [checkout_of(catalog, key).livemode for key in keys] == [False, False, True, True]


@pytest.mark.parametrize(
    ("locale", "name"),
    [
        *(("en-US", "en"), ("en-GB", "en-GB"), ("fr", "fr"), ("pt-BR", "pt-BR"), ("es-ES", "es")),
        *(("sv-SE", "sv"), ("no", "nb"), ("hi", "hi-IN"), ("zh-CN", "zh"), ("zh_TW", "zh-TW")),
        *(("uk", "auto"), ("", "auto"), ("xx-YY", "auto")),
    ],
)
def test_discords_locales_become_stripes(locale: str, name: str) -> None:
    """The language when there is no such region, the browser's choice when there is no such language."""
    assert stripe_locale(locale) == name


async def test_a_page_is_opened_with_the_price_and_the_order(bot: Running, shop: Shop) -> None:
    """As Stripe shows it, and its link is the buyer's."""
    opened, placed = await bot.buy()
    [session] = await sessions(shop)

    assert (session.id, session.url) == (placed.reference, opened.url)
    assert (session.client_reference_id, session.amount_subtotal, session.currency) == (
        placed.id,
        1499,
        "eur",
    )
    assert session.metadata.to_dict() == {"type": "quota_purchase", "order": placed.id}
    assert session.expires_at == placed.expires_ms // 1000
    assert session.livemode is False


async def test_every_setting_is_accepted_by_stripe(tmp_path: Path, catalog: Catalog, shop: Shop) -> None:
    """At the pinned version."""
    options = {"automatic_tax": True, "invoice_creation": True, "consent": True}
    async with running(tmp_path, catalog, shop=shop, checkout_options=options) as bot:
        await bot.buy()
    [session] = await sessions(shop)

    assert session.automatic_tax.enabled is True
    assert session.consent_collection.terms_of_service == "required"


async def test_a_live_key_opens_a_live_page(tmp_path: Path, catalog: Catalog, shop: Shop) -> None:
    """And the order knows."""
    async with running(tmp_path, catalog, shop=shop, checkout_options={"api_key": "rk_live_sandbox"}) as bot:
        _, placed = await bot.buy()

    assert placed.livemode is True
    assert str(placed.reference).startswith("cs_live_")


async def test_twenty_presses_at_once_open_one_page(bot: Running, shop: Shop) -> None:
    """All get the same link."""
    pages = await asyncio.gather(*(bot.buy() for _ in range(20)))

    assert len({opened.url for opened, _ in pages}) == 1
    assert len(await sessions(shop)) == 1


@pytest.mark.parametrize("fault", ["cut", "lost"])
async def test_a_connection_that_breaks_is_tried_again_under_the_same_key(
    bot: Running, shop: Shop, fault: str
) -> None:
    """Before or after Stripe did it: one page."""
    shop.faults.add("stripe", fault, path=SESSIONS, method="POST")
    opened, _ = await bot.buy()
    [session] = await sessions(shop)

    assert opened.url == session.url


async def test_when_no_answer_comes_the_next_press_finds_the_page_that_was_opened(
    bot: Running, shop: Shop
) -> None:
    """Lost three times, which is all the library tries; the key is the same at the next press."""
    shop.faults.add("stripe", "lost", times=3, path=SESSIONS, method="POST")
    with pytest.raises(CheckoutUnavailableError) as caught:
        await bot.buy()
    opened, placed = await bot.buy()
    [session] = await sessions(shop)

    assert (caught.value.stored_failure, caught.value.configured) == (False, True)
    assert (opened.url, placed.attempt) == (session.url, 1)


async def test_a_failure_that_stripe_keeps_is_left_behind_by_a_new_key(bot: Running, shop: Shop) -> None:
    """A stored 500 comes back for ever under its key."""
    await shop.control("fail", times=1)
    with pytest.raises(CheckoutUnavailableError) as caught:
        await bot.buy()
    opened, placed = await bot.buy()

    assert caught.value.stored_failure is True
    assert placed.attempt == 2
    assert opened.url == placed.url


@pytest.mark.parametrize("status", [401, 403, 409, 429, 502, 503])
async def test_answers_that_leave_no_trace_keep_the_key(bot: Running, shop: Shop, status: int) -> None:
    """Nothing was charged, and the same press works afterwards."""
    shop.faults.add("stripe", "status", times=3, status=status, path=SESSIONS, method="POST")
    with pytest.raises(CheckoutUnavailableError) as caught:
        await bot.buy()
    shop.faults.clear()
    _, placed = await bot.buy()

    assert caught.value.stored_failure is False
    assert placed.attempt == 1


async def test_an_answer_in_html_is_a_refusal_like_any_other(bot: Running, shop: Shop) -> None:
    """What stands in front of Stripe speaks no JSON."""
    shop.faults.add("stripe", "status", times=3, status=503, html=True, path=SESSIONS)

    with pytest.raises(CheckoutUnavailableError):
        await bot.buy()


def test_what_proves_a_stored_failure() -> None:
    """A 500, a replay that says so, and a key that holds other parameters."""
    replay = {"Idempotent-Replayed": "true"}

    assert is_stored_failure(stripe.APIError("", http_status=500))
    assert is_stored_failure(stripe.APIError("", http_status=503, headers=replay))
    assert is_stored_failure(stripe.IdempotencyError("", http_status=400))
    assert not is_stored_failure(stripe.IdempotencyError("", http_status=409))
    assert not is_stored_failure(stripe.APIError("", http_status=503))
    assert not is_stored_failure(stripe.StripeError("no answer"))
    assert not is_stored_failure(stripe.StripeError("expires_at", http_status=400))
    assert not is_stored_failure(aiohttp.ClientPayloadError())


async def test_without_a_key_nothing_can_be_bought(tmp_path: Path, catalog: Catalog) -> None:
    """And the refusal says that trying again cannot help."""
    async with running(tmp_path, catalog, selling=False) as bot:
        with pytest.raises(CheckoutUnavailableError) as caught:
            await bot.buy()

    assert caught.value.configured is False


async def test_a_receipt_is_found_once_there_is_one(bot: Running, shop: Shop) -> None:
    """And kept with the order, so that it is asked for once."""
    _, placed = await bot.buy()
    unpaid = await bot.purchases.receipt_url(placed.id)
    await shop.control("pay", checkout=placed.reference, outcome="paid")
    await shop.attempts("checkout.session.completed", until=1)
    url = await bot.purchases.receipt_url(placed.id)
    shop.faults.add("stripe", "status", times=9, status=500)

    assert unpaid is None
    assert url is not None
    assert "/receipts/" in url
    assert await bot.purchases.receipt_url(placed.id) == url


@pytest.mark.parametrize("payment", ["pi_unknown", "", "../charges"])
async def test_no_receipt_is_no_error(bot: Running, payment: str) -> None:
    """The message goes out without a link."""
    assert await bot.checkout.receipt_url(payment) is None


async def test_an_unreachable_stripe_gives_no_receipt(alone: Running) -> None:
    """Nor a page."""
    assert await alone.checkout.receipt_url("pi_1") is None
    with pytest.raises(CheckoutUnavailableError):
        await alone.purchases.begin(ANA, "quota_100", buyer=ANA, locale="en")


class OddServer:
    """A Stripe that sends notices, or stops in the middle of its answer."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.cut_off = 0
        self.slow = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        self.keys.append(request.headers["Idempotency-Key"])
        body = json.dumps({"id": "cs_1", "object": "checkout.session", "url": "https://x.example/1"}).encode()
        response = web.StreamResponse(
            headers={"Stripe-Notice": "Your key is old.", "Content-Type": "application/json"}
        )
        response.content_length = len(body)
        await response.prepare(request)
        if len(self.keys) <= self.cut_off:
            await response.write(body[:10])
            assert request.transport is not None
            request.transport.abort()
            return response
        await response.write(body)
        return response

    async def never(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        await self.slow.wait()
        return web.Response()


@pytest.fixture
async def odd() -> AsyncIterator[tuple[OddServer, str]]:
    """Return an odd server and its address."""
    odd_one, app = OddServer(), web.Application()
    app.router.add_post(SESSIONS, odd_one.answer)
    app.router.add_post("/slow" + SESSIONS, odd_one.never)
    async with server.serve(app, server.open_port("127.0.0.1", 0)) as url:
        yield odd_one, url
        odd_one.slow.set()


async def test_a_notice_of_stripe_goes_to_the_log(
    odd: tuple[OddServer, str], catalog: Catalog, caplog: pytest.LogCaptureFixture
) -> None:
    """The library would raise it as a warning, which is an error here."""
    checkout = checkout_of(catalog)
    checkout = StripeCheckout(
        "sk_test_x", api_url=odd[1], success_url="", cancel_url="", product=checkout._product
    )
    page = await checkout.open({"mode": "payment"}, idempotency_key="k")
    await checkout.close()

    assert page.reference == "cs_1"
    assert "Stripe says: Your key is old." in caplog.text


async def test_an_answer_cut_off_in_its_body_is_asked_for_again(
    odd: tuple[OddServer, str], catalog: Catalog
) -> None:
    """Under the same key; the library alone would let an aiohttp error through."""
    odd[0].cut_off = 1
    product = ProductTexts(catalog, terms_url=None)
    checkout = StripeCheckout("sk_test_x", api_url=odd[1], success_url="", cancel_url="", product=product)
    page = await checkout.open({"mode": "payment"}, idempotency_key="k")
    await checkout.close()

    assert page.url == "https://x.example/1"
    assert odd[0].keys == ["k", "k"]


async def test_a_stripe_that_is_slow_is_given_up(odd: tuple[OddServer, str], catalog: Catalog) -> None:
    """Nobody waits 80 seconds for a button."""
    checkout = StripeCheckout(
        "sk_test_x",
        api_url=f"{odd[1]}/slow",
        success_url="",
        cancel_url="",
        product=ProductTexts(catalog, terms_url=None),
        timeout_seconds=0.1,
    )
    with pytest.raises(CheckoutUnavailableError) as caught:
        await checkout.open({"mode": "payment"}, idempotency_key="k")
    await checkout.close()

    assert caught.value.stored_failure is False


async def test_closing_what_was_never_used_leaves_nothing_open() -> None:
    """The library opens its connections late."""
    connection = StripeConnection()
    await connection.close_async()  # type: ignore[no-untyped-call] # so in the library

    assert connection._session.closed  # there is no public word for it
