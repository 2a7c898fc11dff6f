"""Keys, idempotency, versions and errors of the local Stripe."""

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest
import stripe

from tests.sandbox.stripe_fixture import Shop, open_shop, params


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with open_shop(hooked=False) as running:
        yield running


async def test_a_key_is_needed(shop: Shop) -> None:
    """None, a wrong one and a publishable one are refused with 401; basic authentication works as bearer does."""
    basic = base64.b64encode(b"rk_test_restricted:").decode()
    answers = [
        await shop.raw("GET", "/v1/balance", headers={"Authorization": value})
        for value in ("", "Bearer wrong", "Bearer pk_test_public", f"Basic {basic}", "Basic %%%")
    ]

    assert [status for status, _, _ in answers] == [401, 401, 401, 200, 401]
    assert answers[0][1]["error"]["type"] == "invalid_request_error"


async def test_every_answer_has_a_request_id_and_the_version(shop: Shop) -> None:
    """Refusals too."""
    _, _, good = await shop.raw("GET", "/v1/balance")
    status, body, bad = await shop.raw("GET", "/v1/charges/ch_none")

    assert good["Request-Id"].startswith("req_")
    assert bad["Request-Id"] != good["Request-Id"]
    assert (status, body["error"]["code"]) == (404, "resource_missing")
    assert good["Stripe-Version"]


async def test_paths_versions_and_bodies_that_do_not_exist_are_refused(shop: Shop) -> None:
    """As Stripe refuses them, in JSON."""
    lost, lost_body, _ = await shop.raw("GET", "/v1/unicorns")
    version, _, _ = await shop.raw("GET", "/v1/balance", headers={"Stripe-Version": "tomorrow"})
    kind, kind_body, _ = await shop.raw("POST", "/v1/customers", json={"name": "Ana"})
    torn, _, _ = await shop.raw("POST", "/v1/customers", data={"metadata[a": "x"})

    assert (lost, version, kind, torn) == (404, 400, 400, 400)
    assert "Unrecognized request URL" in lost_body["error"]["message"]
    assert "x-www-form-urlencoded" in kind_body["error"]["message"]


async def test_the_same_key_and_parameters_give_the_first_answer_again(shop: Shop) -> None:
    """One session, though asked for twice."""
    options: stripe.RequestOptions = {"idempotency_key": "order:1:checkout:1"}
    first = await shop.client.v1.checkout.sessions.create_async(params(), options)
    again = await shop.client.v1.checkout.sessions.create_async(params(), options)
    everything = await shop.client.v1.checkout.sessions.list_async()

    assert first.id == again.id
    assert again.last_response is not None
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert len(everything.data) == 1


async def test_the_same_key_with_other_parameters_is_refused(shop: Shop) -> None:
    """So is the same key for another method; the same key in live mode is another key."""
    options: stripe.RequestOptions = {"idempotency_key": "order:1:checkout:1"}
    await shop.client.v1.checkout.sessions.create_async(params(), options)
    with pytest.raises(stripe.IdempotencyError) as parameters:
        await shop.client.v1.checkout.sessions.create_async(params(locale="fr"), options)
    with pytest.raises(stripe.IdempotencyError) as method:
        await shop.client.v1.customers.create_async({"name": "Ana"}, options)
    live = await shop.live_client.v1.checkout.sessions.create_async(params(locale="fr"), options)

    assert parameters.value.http_status == 400
    assert "same parameters" in str(parameters.value)
    assert "same endpoint" in str(method.value)
    assert live.livemode is True


async def test_a_refused_request_leaves_its_key_free(shop: Shop) -> None:
    """Nothing is kept when parameters are wrong."""
    options: stripe.RequestOptions = {"idempotency_key": "order:2:checkout:1"}
    with pytest.raises(stripe.InvalidRequestError):
        await shop.client.v1.checkout.sessions.create_async(params(mode=None), options)
    session = await shop.client.v1.checkout.sessions.create_async(params(), options)

    assert session.status == "open"


async def test_a_stored_failure_is_given_again_until_another_key_is_used(shop: Shop) -> None:
    """A 500 is kept under its key like any answer."""
    await shop.control("fail", times=1)
    failed = []
    for _ in range(2):
        with pytest.raises(stripe.APIError) as caught:
            await shop.client.v1.checkout.sessions.create_async(params(), {"idempotency_key": "n1"})
        failed.append(caught.value.http_status)
    session = await shop.client.v1.checkout.sessions.create_async(params(), {"idempotency_key": "n2"})

    assert failed == [500, 500]
    assert session.status == "open"


async def test_two_requests_with_one_key_at_once_conflict() -> None:
    """The second learns that the first is still running."""
    async with open_shop(hooked=False, latency_seconds=1) as shop:
        create = shop.client.v1.checkout.sessions.create_async
        results = await asyncio.gather(
            *(create(params(), {"idempotency_key": "k"}) for _ in range(2)), return_exceptions=True
        )

    errors = [one for one in results if isinstance(one, stripe.APIError)]
    assert [error.http_status for error in errors] == [409]
    assert "idempotency_key_in_use" in str(errors[0].json_body)


async def test_a_lost_answer_is_found_again_by_the_library_itself(shop: Shop) -> None:
    """The library tries again with the same key, and there is still one session."""
    shop.faults.add("stripe", "lost", path="/v1/checkout/sessions")
    client = shop.library(max_network_retries=2)
    session = await client.v1.checkout.sessions.create_async(params())
    everything = await shop.client.v1.checkout.sessions.list_async()

    assert [one.id for one in everything.data] == [session.id]


async def test_a_key_is_forgotten_after_a_day(shop: Shop) -> None:
    """Then it makes something new."""
    first = await shop.client.v1.customers.create_async({"name": "Ana"}, {"idempotency_key": "k"})
    shop.clock.offset_seconds = 86_401
    second = await shop.client.v1.customers.create_async({"name": "Ana"}, {"idempotency_key": "k"})

    assert first.id != second.id


async def test_intents_refuse_named_methods_at_the_pinned_version_with_their_own_code(shop: Shop) -> None:
    """An older version still takes them."""
    data = {"amount": "1099", "currency": "eur", "payment_method_types[]": "card"}
    new, body, _ = await shop.raw(
        "POST", "/v1/payment_intents", data=data, headers={"Stripe-Version": stripe.api_version}
    )
    old, _, _ = await shop.raw(
        "POST", "/v1/payment_intents", data=data, headers={"Stripe-Version": "2025-03-31.basil"}
    )

    assert (new, body["error"]["code"]) == (400, "payment_method_types_no_longer_supported")
    assert old == 200


async def test_a_card_is_charged_without_a_checkout(shop: Shop) -> None:
    """Intent, confirmation, charge, and both ways to read them."""
    intents = shop.client.v1.payment_intents
    intent = await intents.create_async({"amount": 1099, "currency": "eur", "metadata": {"order": "1"}})
    paid: Any = await intents.confirm_async(
        intent.id, {"payment_method": "pm_card_visa", "expand": ["latest_charge"]}
    )
    charges = await shop.client.v1.charges.list_async({"payment_intent": intent.id})

    assert (intent.status, paid.status, paid.amount_received) == (
        "requires_payment_method",
        "succeeded",
        1099,
    )
    assert paid.latest_charge.receipt_url.startswith(f"{shop.url}/receipts/payment/")
    assert paid.latest_charge.metadata["order"] == "1"
    assert [one.id for one in charges.data] == [paid.latest_charge.id]


async def test_a_declined_card_is_a_402_with_its_reason(shop: Shop) -> None:
    """The intent can be tried again."""
    with pytest.raises(stripe.CardError) as caught:
        await shop.client.v1.payment_intents.create_async(
            {
                "amount": 1099,
                "currency": "eur",
                "confirm": True,
                "payment_method": "pm_card_chargeDeclinedInsufficientFunds",
            }
        )
    intents: Any = await shop.client.v1.payment_intents.list_async()

    assert (caught.value.http_status, caught.value.code) == (402, "card_declined")
    assert caught.value.error is not None
    assert caught.value.error.decline_code == "insufficient_funds"
    assert intents.data[0].status == "requires_payment_method"
    assert intents.data[0].last_payment_error.decline_code == "insufficient_funds"


async def test_customers_products_and_endpoints_are_kept(shop: Shop) -> None:
    """Made, changed, read, attached, deleted."""
    v1 = shop.client.v1
    customer = await v1.customers.create_async({"name": "Ana", "metadata": {"a": "1", "b": "2"}})
    changed: Any = await v1.customers.update_async(customer.id, {"metadata": {"a": ""}})
    method = await v1.payment_methods.attach_async("pm_card_visa", {"customer": customer.id})
    product = await v1.products.update_async(
        (await v1.products.create_async({"name": "x"})).id, {"name": "y", "active": False}
    )
    hook = await v1.webhook_endpoints.create_async(
        {"url": f"{shop.url}/hooks", "enabled_events": ["checkout.session.completed"]}
    )
    hooks = await v1.webhook_endpoints.list_async()
    gone = await v1.webhook_endpoints.delete_async(hook.id)

    assert changed.metadata.to_dict() == {"b": "2"}
    assert method.customer == customer.id
    assert (product.name, product.active) == ("y", False)
    assert hook.secret == "whsec_for_these_tests"
    assert "secret" not in hooks.data[0]
    assert gone.deleted is True


async def test_nothing_is_delivered_outside_this_machine(shop: Shop) -> None:
    """An endpoint elsewhere is refused."""
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await shop.client.v1.webhook_endpoints.create_async(
            {"url": "https://example.com/hooks", "enabled_events": ["*"]}
        )

    assert caught.value.param == "url"


async def test_the_account_and_its_balance_can_be_read(shop: Shop) -> None:
    """What was charged is pending."""
    session = await shop.checkout()
    await shop.control("pay", checkout=session.id, outcome="paid")
    account = await shop.client.v1.accounts.retrieve_current_async()
    balance = await shop.client.v1.balance.retrieve_async()

    assert account.charges_enabled is True
    assert [(row.amount, row.currency) for row in balance.pending] == [(1499, "eur")]
