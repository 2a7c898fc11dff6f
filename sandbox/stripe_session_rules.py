"""What Stripe refuses when a Checkout Session is created, and what of the request the session shows."""

import re
from collections.abc import Mapping
from typing import Any

from sandbox.stripe_errors import StripeRefusal, missing, not_simulated
from sandbox.stripe_forms import check_url, merged_metadata, too_long
from sandbox.stripe_objects import shaped
from sandbox.stripe_params import Field

# https://docs.stripe.com/api/checkout/sessions/create
MIN_LIFE_SECONDS, MAX_LIFE_SECONDS = 30 * 60, 24 * 60 * 60
MAX_REFERENCE_LENGTH, MAX_CUSTOM_TEXT_LENGTH = 200, 1200
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
# https://docs.stripe.com/changelog/endive/2026-09-30/remove-payment-method-types-checkout-sessions
# https://docs.stripe.com/changelog/dahlia (2026-03-25: the names of ui_mode)
OLD_UI_MODES = {"hosted": "hosted_page", "embedded": "embedded_page", "custom": "elements"}
BEFORE = {
    "2026-09-30": {"payment_method_types": Field(item=Field(text=True))},
    "2026-03-25": {"ui_mode": Field(choices=tuple(OLD_UI_MODES))},
}
OTHER_MODES = ("subscription_data", "setup_intent_data", "payment_method_collection")
NOT_SIMULATED = (
    *(
        "after_expiration",
        "custom_fields",
        "customer_account",
        "customer_update",
        "discounts",
        "managed_payments",
    ),
    *(
        "name_collection",
        "optional_items",
        "payment_method_configuration",
        "payment_method_data",
        "permissions",
    ),
    *("saved_payment_method_options", "shipping_address_collection", "shipping_options", "adaptive_pricing"),
)
SIMULATED_INTENT_DATA = frozenset(
    {"metadata", "description", "receipt_email", "shipping", "setup_future_usage"}
)
SIMULATED_INTENT_DATA |= {"statement_descriptor", "statement_descriptor_suffix"}
SHOWN = (
    *("allow_promotion_codes", "billing_address_collection", "cancel_url", "client_reference_id", "customer"),
    *(
        "customer_email",
        "integration_identifier",
        "locale",
        "mode",
        "origin_context",
        "submit_type",
        "success_url",
    ),
    *("allowed_payment_method_types", "excluded_payment_method_types", "branding_settings"),
)
CARD, DEBIT = "card", "sepa_debit"


def check(params: Mapping[str, Any], *, now_seconds: int) -> None:
    """
    Refuse parameters that contradict each other or Stripe's limits.

    Raises:
        StripeRefusal: also for a part of Checkout that the sandbox does not play.

    """
    if "mode" not in params:
        raise missing("mode")
    if params["mode"] != "payment":
        raise not_simulated(f"the mode `{params['mode']}`, only `payment`", param="mode")
    for name in OTHER_MODES:
        if name in params:
            raise StripeRefusal(f"You can not pass `{name}` in `payment` mode.", param=name)
    for name in NOT_SIMULATED:
        if params.get(name) and params[name] != {"enabled": False}:
            raise not_simulated(f"`{name}`", param=name)
    for name in params.get("payment_intent_data", {}):
        if name not in SIMULATED_INTENT_DATA:
            raise not_simulated(f"`payment_intent_data[{name}]`", param=f"payment_intent_data[{name}]")
    if "customer" in params and "customer_email" in params:
        raise StripeRefusal("You may only specify one of these parameters: customer, customer_email.")
    _check_addresses(params)
    _check_texts(params)
    _check_life(params.get("expires_at"), now_seconds)


def _check_addresses(params: Mapping[str, Any]) -> None:
    mode = ui_mode(params)
    for name in ("success_url", "cancel_url", "return_url"):
        check_url(params, name)
    if mode == "hosted_page":
        if "success_url" not in params:
            raise missing("success_url")
        if "return_url" in params:
            raise StripeRefusal(
                "`return_url` is not allowed when `ui_mode` is `hosted_page`.", param="return_url"
            )
        return
    for name in ("success_url", "cancel_url"):
        if name in params:
            raise StripeRefusal(f"`{name}` is not allowed when `ui_mode` is `{mode}`.", param=name)
    if "return_url" not in params and params.get("redirect_on_completion") != "never":
        raise missing("return_url")


def _check_texts(params: Mapping[str, Any]) -> None:
    reference = params.get("client_reference_id", "")
    if len(reference) > MAX_REFERENCE_LENGTH:
        raise too_long("client_reference_id", reference, MAX_REFERENCE_LENGTH)
    email = params.get("customer_email")
    if email is not None and not EMAIL.fullmatch(email):
        raise StripeRefusal(f"Invalid email address: {email}", code="email_invalid", param="customer_email")
    for name, text in (params.get("custom_text") or {}).items():
        if text and len(text["message"]) > MAX_CUSTOM_TEXT_LENGTH:
            raise too_long(f"custom_text[{name}][message]", text["message"], MAX_CUSTOM_TEXT_LENGTH)


def _check_life(expires_seconds: int | None, now_seconds: int) -> None:
    if expires_seconds is None:
        return
    if expires_seconds < now_seconds + MIN_LIFE_SECONDS:
        raise StripeRefusal(
            "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.",
            param="expires_at",
        )
    if expires_seconds > now_seconds + MAX_LIFE_SECONDS:
        raise StripeRefusal(
            "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.",
            param="expires_at",
        )


def ui_mode(params: Mapping[str, Any]) -> str:
    """Return where the form is shown, in the names of the pinned version."""
    asked: str = params.get("ui_mode", "hosted_page")
    return OLD_UI_MODES.get(asked, asked)


def method_types(params: Mapping[str, Any]) -> list[str]:
    """
    Return the payment methods on offer, card and bank debit less what the request rules out.

    Real Checkout offers a debit in some currencies only; here every currency has one, so that waiting for a bank
    can be tried in all of them.

    Raises:
        StripeRefusal: nothing is left.

    """
    offered = params.get("payment_method_types") or [CARD, DEBIT]
    allowed = params.get("allowed_payment_method_types") or [CARD, DEBIT]
    excluded = params.get("excluded_payment_method_types") or []
    left = [kind for kind in (CARD, DEBIT) if kind in offered and kind in allowed and kind not in excluded]
    if not left:
        raise StripeRefusal(
            "No payment method types are left for this Checkout Session; the sandbox has `card` and `sepa_debit`."
        )
    return left


def shown(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of the session's object that repeat the request, completed with nulls."""
    values = {name: params[name] for name in SHOWN if params.get(name) is not None}
    empty = shaped("checkout.session")
    values["metadata"] = merged_metadata({}, params.get("metadata"))
    values["ui_mode"] = ui_mode(params)
    values["payment_method_types"] = method_types(params)
    values["customer_creation"] = params.get("customer_creation", "if_required")
    values["custom_text"] = empty["custom_text"] | {
        name: text or None for name, text in (params.get("custom_text") or {}).items()
    }
    if asked := params.get("consent_collection"):
        nothing = {"payment_method_reuse_agreement": None, "promotions": None, "terms_of_service": None}
        values["consent_collection"] = nothing | asked
    if params.get("automatic_tax", {}).get("enabled"):
        liability = params["automatic_tax"].get("liability", {"type": "self"})
        tax = {"enabled": True, "liability": liability, "provider": "stripe"}
        values["automatic_tax"] = tax | {"status": "requires_location_inputs"}
    if invoice := params.get("invoice_creation"):
        data = empty["invoice_creation"]["invoice_data"] | invoice.get("invoice_data", {})
        values["invoice_creation"] = {"enabled": invoice["enabled"], "invoice_data": data}
    if "phone_number_collection" in params:
        values["phone_number_collection"] = params["phone_number_collection"]
    return values
