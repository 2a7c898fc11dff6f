"""Checkout Sessions through the official library: created, refused, read, listed, expired."""

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import stripe

from tests.sandbox.stripe_fixture import Shop, open_shop, params, price_data


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with open_shop() as running:
        yield running


async def refusal(shop: Shop, **changes: object) -> stripe.InvalidRequestError:
    """Return the error with which a changed checkout is refused."""
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await shop.checkout(**changes)
    return caught.value


async def test_a_new_session_is_open_unpaid_and_repeats_what_was_asked(shop: Shop) -> None:
    """The object carries the order, the amount and a page, and no payment yet."""
    session = await shop.checkout(locale="fr", expires_at=int(time.time()) + 3600)

    assert (session.status, session.payment_status, session.mode) == ("open", "unpaid", "payment")
    assert (session.amount_subtotal, session.amount_total, session.currency) == (1499, 1499, "eur")
    assert session.client_reference_id == "order-1"
    assert session.metadata["type"] == "quota_purchase"
    assert session.payment_intent is None
    assert session.customer_details is None
    assert session.livemode is False
    assert session.ui_mode == "hosted_page"
    assert session.expires_at > session.created
    assert "line_items" not in session


async def test_the_page_address_is_as_long_as_real_ones(shop: Shop) -> None:
    """Buttons and databases must make room for it."""
    session = await shop.checkout()

    assert session.url.startswith(f"{shop.url}/c/pay/{session.id}#fid")
    assert len(session.url) == 360


async def test_the_page_address_can_be_longer_than_a_link_button_takes() -> None:
    """An option makes it 600 characters."""
    async with open_shop(url_length=600) as shop:
        session = await shop.checkout()

    assert len(session.url) == 600


async def test_a_live_key_makes_a_live_session_that_a_test_key_cannot_see(shop: Shop) -> None:
    """The two modes are two worlds."""
    session = await shop.live_client.v1.checkout.sessions.create_async(params())
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await shop.client.v1.checkout.sessions.retrieve_async(session.id)

    assert session.livemode is True
    assert session.id.startswith("cs_live_")
    assert caught.value.http_status == 404
    assert "exists in live mode" in str(caught.value)


@pytest.mark.parametrize(
    ("currency", "unit_amount"), [("eur", 1499), ("xof", 9800), ("kwd", 4990), ("jpy", 1500), ("dzd", 150000)]
)
async def test_amounts_stay_in_minor_units_of_any_currency(
    shop: Shop, currency: str, unit_amount: int
) -> None:
    """Nothing is divided or multiplied by a hundred on the way."""
    data = price_data(currency=currency, unit_amount=unit_amount)
    session = await shop.checkout(line_items=[{"price_data": data, "quantity": 3}])
    items: Any = await shop.client.v1.checkout.sessions.line_items.list_async(session.id)

    assert (session.amount_total, session.currency) == (3 * unit_amount, currency)
    assert items.data[0].quantity == 3
    assert items.data[0].price.unit_amount == unit_amount


@pytest.mark.parametrize(
    ("currency", "unit_amount", "code"),
    [
        ("kwd", 4995, None),
        ("isk", 150050, "invalid_charge_amount_no_decimal_compatible"),
        ("eur", 49, "amount_too_small"),
        ("eur", 100_000_000, "amount_too_large"),
        ("eur", -1, "parameter_invalid_integer"),
        ("xyz", 1000, None),
    ],
)
async def test_amounts_that_no_card_can_be_charged_are_refused(
    shop: Shop, currency: str, unit_amount: int, code: str | None
) -> None:
    """Wrong last digits, too little, too much, and no such currency."""
    data = price_data(currency=currency, unit_amount=unit_amount)
    error = await refusal(shop, line_items=[{"price_data": data, "quantity": 1}])

    assert error.http_status == 400
    assert error.code == code


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"colour": "red"}, "colour"),
        (
            {"line_items": [{"price_data": price_data(tint="red"), "quantity": 1}]},
            "line_items[0][price_data][tint]",
        ),
        ({"payment_method_types": ["card"]}, "payment_method_types"),
    ],
)
async def test_unknown_parameters_are_refused_by_name(
    shop: Shop, changes: dict[str, object], param: str
) -> None:
    """Among them the one that the pinned version removed."""
    error = await refusal(shop, **changes)

    assert (error.code, error.param) == ("parameter_unknown", param)


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"mode": None}, "mode"),
        ({"line_items": None}, "line_items"),
        ({"success_url": None}, "success_url"),
        ({"line_items": [{"price_data": price_data()}]}, "line_items[0][quantity]"),
        ({"line_items": [{"quantity": 1}]}, "line_items[0][price]"),
        (
            {
                "line_items": [
                    {"price_data": {"currency": "eur", "unit_amount": 500, "product_data": {"name": ""}}}
                ]
            },
            "line_items[0][price_data][product_data][name]",
        ),
        (
            {"line_items": [{"price_data": {"unit_amount": 500}, "quantity": 1}]},
            "line_items[0][price_data][currency]",
        ),
    ],
)
async def test_missing_parameters_are_named(shop: Shop, changes: dict[str, object], param: str) -> None:
    """Down to the inside of a line item."""
    error = await refusal(shop, **changes)

    assert error.code in ("parameter_missing", "parameter_invalid_empty")
    assert error.param == param


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"ui_mode": "hosted"}, "ui_mode"),
        ({"mode": "gift"}, "mode"),
        ({"locale": "tlh"}, "locale"),
        ({"expires_at": "soon"}, "expires_at"),
        ({"expires_at": int(time.time()) + 1700}, "expires_at"),
        ({"expires_at": int(time.time()) + 900_000}, "expires_at"),
        ({"allow_promotion_codes": "perhaps"}, "allow_promotion_codes"),
        ({"client_reference_id": "x" * 201}, "client_reference_id"),
        ({"success_url": "done"}, "success_url"),
        ({"customer_email": "nobody"}, "customer_email"),
        ({"metadata": {"k" * 41: "v"}}, "metadata"),
        ({"metadata": {"k": "v" * 501}}, "metadata[k]"),
        ({"metadata": {f"k{n}": "v" for n in range(51)}}, "metadata"),
        ({"payment_intent_data": {"metadata": {"k": "v" * 501}}}, "payment_intent_data[metadata][k]"),
        ({"subscription_data": {"trial_period_days": 3}}, "subscription_data"),
        ({"customer": "cus_nobody"}, "customer"),
        ({"line_items": [{"price": "price_none", "quantity": 1}]}, "line_items[0][price]"),
        ({"return_url": "http://127.0.0.1/x"}, "return_url"),
        ({"custom_text": {"submit": {"message": "x" * 1201}}}, "custom_text[submit][message]"),
    ],
)
async def test_values_out_of_bounds_are_refused_by_name(
    shop: Shop, changes: dict[str, object], param: str
) -> None:
    """Enumerations, types, lengths, times and references."""
    error = await refusal(shop, **changes)

    assert (error.http_status, error.param) == (400, param)


async def test_limits_themselves_are_accepted(shop: Shop) -> None:
    """The longest reference, metadata and life that Stripe takes."""
    metadata = {f"{n:040d}": "v" * 500 for n in range(50)}
    session = await shop.checkout(
        client_reference_id="x" * 200, metadata=metadata, expires_at=int(time.time()) + 86_400
    )

    assert session.metadata.to_dict() == metadata


async def test_parts_of_checkout_that_are_not_played_say_so(shop: Shop) -> None:
    """Better a clear refusal than a session that quietly does something else."""
    error = await refusal(shop, mode="subscription")

    assert error.code == "sandbox_not_simulated"


async def test_all_that_a_bot_sends_is_accepted_and_shown(shop: Shop) -> None:
    """Invoice, tax, consent, texts, codes and the look of the button."""
    session = await shop.checkout(
        invoice_creation={"enabled": True, "invoice_data": {"metadata": {"order": "order-1"}}},
        automatic_tax={"enabled": True},
        consent_collection={"terms_of_service": "required"},
        custom_text={"submit": {"message": "Units never expire."}},
        allow_promotion_codes=False,
        billing_address_collection="auto",
        customer_creation="always",
        customer_email="ana@example.com",
        submit_type="pay",
        excluded_payment_method_types=["sepa_debit"],
        locale="fr",
    )

    assert session.invoice_creation.enabled is True
    assert session.automatic_tax.status == "requires_location_inputs"
    assert session.consent_collection.terms_of_service == "required"
    assert session.custom_text.submit.message == "Units never expire."
    assert session.payment_method_types == ["card"]
    assert session.customer_email == "ana@example.com"


async def test_rules_of_the_pinned_version_bind_only_requests_that_send_it(shop: Shop) -> None:
    """An older request may still name its payment methods and the old places of the form."""
    data = {
        "mode": "payment",
        "ui_mode": "hosted",
        "success_url": "http://127.0.0.1/x",
        "payment_method_types[]": "card",
        "line_items[0][quantity]": "1",
        "line_items[0][price_data][currency]": "eur",
        "line_items[0][price_data][unit_amount]": "500",
        "line_items[0][price_data][product_data][name]": "x",
    }
    old, old_body, _ = await shop.raw(
        "POST", "/v1/checkout/sessions", data=data, headers={"Stripe-Version": "2025-03-31.basil"}
    )
    new, new_body, headers = await shop.raw(
        "POST", "/v1/checkout/sessions", data=data, headers={"Stripe-Version": stripe.api_version}
    )

    assert (old, old_body["payment_method_types"], old_body["ui_mode"]) == (200, ["card"], "hosted_page")
    assert (new, new_body["error"]["param"]) == (400, "payment_method_types")
    assert headers["Stripe-Version"] == stripe.api_version


async def test_prices_from_the_catalogue_are_sold_too(shop: Shop) -> None:
    """A price id instead of price data; an inactive or recurring one is refused."""
    product = await shop.client.v1.products.create_async({"name": "5 000 requests"})
    price = await shop.client.v1.prices.create_async(
        {"product": product.id, "unit_amount": 4999, "currency": "EUR", "lookup_key": "quota_5000"}
    )
    session = await shop.checkout(line_items=[{"price": price.id, "quantity": 2}])
    found = await shop.client.v1.prices.list_async({"lookup_keys": ["quota_5000"]})
    await shop.client.v1.prices.update_async(price.id, {"active": False})
    inactive = await refusal(shop, line_items=[{"price": price.id, "quantity": 1}])
    data = price_data(recurring={"interval": "month"})
    recurring = await refusal(shop, line_items=[{"price_data": data, "quantity": 1}])

    assert (session.amount_total, session.currency) == (9998, "eur")
    assert [one.id for one in found.data] == [price.id]
    assert "inactive" in str(inactive)
    assert "recurring" in str(recurring)


async def test_line_items_come_only_when_asked_for(shop: Shop) -> None:
    """By their own address or expanded."""
    session = await shop.checkout()
    expanded: Any = await shop.client.v1.checkout.sessions.retrieve_async(
        session.id, {"expand": ["line_items.data.price.product"]}
    )
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await shop.client.v1.checkout.sessions.retrieve_async(session.id, {"expand": ["soul"]})

    assert expanded.line_items.data[0].price.product.name == "1 000 requests"
    assert "cannot be expanded" in str(caught.value)


async def test_a_session_expires_by_the_clock_and_says_so(shop: Shop) -> None:
    """Its page is gone and the event is delivered without anybody asking."""
    session = await shop.checkout(expires_at=int(time.time()) + 1900)
    shop.clock.offset_seconds = 1901
    event = await shop.receiver.event("checkout.session.expired")
    after = await shop.client.v1.checkout.sessions.retrieve_async(session.id)

    assert event.data.object.id == session.id
    assert event.request.id is None
    assert (after.status, after.url, after.payment_status) == ("expired", None, "unpaid")


async def test_a_session_is_expired_by_hand_once(shop: Shop) -> None:
    """The second time there is nothing to expire."""
    session = await shop.checkout()
    expired = await shop.client.v1.checkout.sessions.expire_async(session.id)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await shop.client.v1.checkout.sessions.expire_async(session.id)
    event = await shop.receiver.event("checkout.session.expired")

    assert expired.status == "expired"
    assert "status of `expired`" in str(caught.value)
    assert event.request.id is not None


async def test_lists_are_paged_both_ways(shop: Shop) -> None:
    """Newest first; cursors and `has_more` as the library's automatic paging needs them."""
    made = [(await shop.checkout()).id for _ in range(5)]
    sessions = shop.client.v1.checkout.sessions
    first = await sessions.list_async({"limit": 2})
    older = await sessions.list_async({"limit": 2, "starting_after": first.data[-1].id})
    newer = await sessions.list_async({"limit": 1, "ending_before": older.data[0].id})
    everything = [one.id async for one in first.auto_paging_iter()]

    assert [one.id for one in first.data] == made[:2:-1]
    assert first.has_more is True
    assert [one.id for one in older.data] == made[2:0:-1]
    assert [one.id for one in newer.data] == [made[3]]
    assert newer.has_more is True
    assert everything == made[::-1]


@pytest.mark.parametrize("wrong", [{"limit": 0}, {"limit": 101}, {"starting_after": "cs_test_none"}])
async def test_pages_out_of_bounds_are_refused(shop: Shop, wrong: Any) -> None:
    """One to a hundred, from an object that exists."""
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await shop.client.v1.checkout.sessions.list_async(wrong)

    assert caught.value.param == next(iter(wrong))


async def test_lists_can_be_narrowed(shop: Shop) -> None:
    """By status and by time."""
    session = await shop.checkout()
    await shop.control("pay", checkout=session.id, outcome="paid")
    other = await shop.checkout()
    sessions = shop.client.v1.checkout.sessions
    complete = await sessions.list_async({"status": "complete"})
    later = await sessions.list_async({"created": {"gt": other.created}})
    now = await sessions.list_async({"created": {"gte": session.created, "lte": other.created}})

    assert [one.id for one in complete.data] == [session.id]
    assert later.data == []
    assert len(now.data) == 2
