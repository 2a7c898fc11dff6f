"""The methods on payment intents and charges, for clients that charge without a checkout."""

import copy
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from stripe.params import (
    ChargeListParams,
    PaymentIntentConfirmParams,
    PaymentIntentCreateParams,
    PaymentIntentListParams,
)

from sandbox.stripe_api import Call, Endpoint
from sandbox.stripe_errors import StripeRefusal, missing, not_simulated
from sandbox.stripe_forms import merged_metadata
from sandbox.stripe_lists import matching, page
from sandbox.stripe_methods import PaymentMethods
from sandbox.stripe_money import check_charge, checked_currency
from sandbox.stripe_params import Field, members_of
from sandbox.stripe_payments import Payments
from sandbox.stripe_state import StripeObject, StripeState

INTENTS, CHARGES = "/v1/payment_intents", "/v1/charges"
# https://docs.stripe.com/changelog/endive/2026-09-30/removes-the-payment-method-types-parameter-from-payment-intents-and-setup-intents
TYPES_REMOVED = "2026-09-30"
TYPES = {"payment_method_types": Field(item=Field(text=True))}
KEPT_PARAMS = frozenset(
    {"customer", "description", "receipt_email", "setup_future_usage", "shipping"}
    | {"statement_descriptor", "statement_descriptor_suffix"}
)
HARMLESS_PARAMS = frozenset(
    {"amount", "currency", "confirm", "payment_method", "payment_method_types", "automatic_payment_methods"}
    | {
        "metadata",
        "return_url",
        "off_session",
        "allowed_payment_method_types",
        "excluded_payment_method_types",
    }
)


class PaymentIntents:
    """Payment intents and charges as the API offers them."""

    def __init__(self, state: StripeState, methods: PaymentMethods, payments: Payments) -> None:
        self._state = state
        self._methods = methods
        self._payments = payments

    def endpoints(self) -> list[Endpoint]:
        """Return the methods that make and read payment intents, and read charges."""
        create = {**members_of(PaymentIntentCreateParams), **TYPES}
        confirm = {**members_of(PaymentIntentConfirmParams), **TYPES}
        one = f"{INTENTS}/{{id}}"
        intents, charges = members_of(PaymentIntentListParams), members_of(ChargeListParams)
        return [
            Endpoint(method="POST", path=INTENTS, handle=self._create, params=create),
            Endpoint(method="GET", path=INTENTS, handle=self._list_intents, params=intents),
            Endpoint(
                method="GET",
                path=one,
                handle=self._retrieve_intent,
                params={"client_secret": Field(text=True)},
            ),
            Endpoint(method="POST", path=f"{one}/confirm", handle=self._confirm, params=confirm),
            Endpoint(method="GET", path=CHARGES, handle=self._list_charges, params=charges),
            Endpoint(method="GET", path=f"{CHARGES}/{{id}}", handle=self._retrieve_charge),
        ]

    def _create(self, call: Call) -> dict[str, Any]:
        params = call.params
        _check_types(call)
        for name in params:
            if name not in HARMLESS_PARAMS and name not in KEPT_PARAMS:
                raise not_simulated("this part of a payment intent", param=name)
        currency = checked_currency(params["currency"], param="currency")
        check_charge(params["amount"], currency, param="amount")
        if "customer" in params:
            self._state.get("customer", params["customer"], live=call.live, param="customer")
        if params.get("confirm") and "payment_method" not in params:
            raise missing("payment_method")
        values = {name: params[name] for name in KEPT_PARAMS if params.get(name)}
        values["metadata"] = merged_metadata({}, params.get("metadata"))
        values["payment_method_types"] = params.get("payment_method_types", ["card"])
        if "payment_method_types" not in params:
            values["automatic_payment_methods"] = {"allow_redirects": "always", "enabled": True}
        intent = self._payments.open_intent(params["amount"], currency, live=call.live, call=call, **values)
        if "payment_method" in params:
            method = self._methods.resolve(params["payment_method"], live=call.live, param="payment_method")
            intent |= {"payment_method": method["id"], "status": "requires_confirmation"}
        return self._confirmed(intent, call) if params.get("confirm") else intent

    def _confirm(self, call: Call) -> dict[str, Any]:
        _check_types(call)
        intent = self._retrieve_intent(call)
        if intent["status"] not in ("requires_payment_method", "requires_confirmation"):
            raise StripeRefusal(
                f"You cannot confirm this PaymentIntent because it has a status of {intent['status']}.",
                code="payment_intent_unexpected_state",
                payment_intent=copy.deepcopy(intent),
            )
        if "payment_method" in call.params:
            name = call.params["payment_method"]
            intent["payment_method"] = self._methods.resolve(name, live=call.live, param="payment_method")[
                "id"
            ]
        if intent["payment_method"] is None:
            raise StripeRefusal(
                "You cannot confirm this PaymentIntent because it's missing a payment method.",
                code="payment_intent_unexpected_state",
            )
        return self._confirmed(intent, call)

    def _confirmed(self, intent: StripeObject, call: Call) -> StripeObject:
        method = self._state.get("payment_method", intent["payment_method"], live=call.live)
        if self._payments.take(intent, method, call) == "requires_payment_method":
            raise declined(intent)
        return intent

    def _retrieve_intent(self, call: Call) -> StripeObject:
        return self._state.get("payment_intent", call.ids["id"], live=call.live)

    def _list_intents(self, call: Call) -> dict[str, Any]:
        rows = self._state.newest_first("payment_intent", live=call.live)
        return page(matching(rows, _picked(call.params, "customer")), call.params, url=INTENTS)

    def _retrieve_charge(self, call: Call) -> StripeObject:
        return self._state.get("charge", call.ids["id"], live=call.live)

    def _list_charges(self, call: Call) -> dict[str, Any]:
        rows = self._state.newest_first("charge", live=call.live)
        return page(
            matching(rows, _picked(call.params, "customer", "payment_intent")), call.params, url=CHARGES
        )


def declined(intent: Mapping[str, Any]) -> StripeRefusal:
    """Return the refusal of a charge that the card's bank declined."""
    error = intent["last_payment_error"]
    facts = {"charge": error["charge"], "payment_intent": copy.deepcopy(dict(intent))}
    return StripeRefusal(
        error["message"],
        status=HTTPStatus.PAYMENT_REQUIRED,
        kind="card_error",
        code=error["code"],
        decline_code=error.get("decline_code", error["code"]),
        **facts,
    )


def _check_types(call: Call) -> None:
    if "payment_method_types" in call.params and call.since(TYPES_REMOVED):
        raise StripeRefusal(
            "The payment_method_types parameter is no longer supported. Use dynamic payment methods, or "
            "allowed_payment_method_types or excluded_payment_method_types.",
            code="payment_method_types_no_longer_supported",
            param="payment_method_types",
        )


def _picked(params: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: params[name] for name in names if name in params}
