"""The core's `Checkout` on Stripe: payment pages through the official library."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import aiohttp
import stripe

from quota_core.errors import CheckoutUnavailableError
from quota_core.purchases import Page
from quota_core.store.orders import OrderRow
from webhooks.stripe_connection import StripeConnection, stripe_client
from webhooks.stripe_events import PURCHASE_TYPE
from webhooks.stripe_failures import is_stored_failure
from webhooks.stripe_history import StripeHistory
from webhooks.stripe_refunds import StripeRefunds

log = logging.getLogger(__name__)

SESSION_ID = "{CHECKOUT_SESSION_ID}"  # Stripe puts the id in its place when it sends the buyer back
_TROUBLE = (stripe.StripeError, aiohttp.ClientError, TimeoutError, OSError)

# https://docs.stripe.com/js/appendix/supported_locales, as the pinned library lists them for Checkout.
_LOCALES = {
    name.lower(): name
    for name in (
        *("bg", "cs", "da", "de", "el", "en", "en-GB", "es", "es-419", "et", "fi", "fil", "fr", "fr-CA"),
        *("hi-IN", "hr", "hu", "id", "it", "ja", "ko", "lt", "lv", "ms", "mt", "nb", "nl", "pl", "pt"),
        *("pt-BR", "ro", "ru", "sk", "sl", "sv", "th", "tr", "vi", "zh", "zh-HK", "zh-TW"),
    )
}
_OTHER_NAMES = {"no": "nb", "hi": "hi-IN"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """
    What the payment page says is sold, in the order's language.

    `price` is a price id of the Stripe account, None when the order's own price is sent. `credited` names the
    account, and `terms` is the sentence that the buyer accepts where consent is collected (Markdown links).
    """

    name: str
    credited: str
    terms: str
    price: str | None


class StripeCheckout:
    """
    Open payment pages on Stripe.

    Args:
        api_key: a secret or restricted key; its kind says whether money is real.
        api_url: another address of Stripe's API, None for the real one.
        success_url: where a buyer is sent back to, without a query.
        cancel_url: where one is sent who gave up.
        product: says what an order's page shows; called with the order and the label of its account.
        automatic_tax: let Stripe Tax add tax.
        invoice_creation: make an invoice for each purchase.
        consent: ask the buyer to accept the terms.
        timeout_seconds: for each attempt of a call; there are up to three.

    """

    def __init__(
        self,
        api_key: str,
        *,
        api_url: str | None,
        success_url: str,
        cancel_url: str,
        product: Callable[[OrderRow, str], Product],
        automatic_tax: bool = False,
        invoice_creation: bool = False,
        consent: bool = False,
        timeout_seconds: float = 10.0,
    ) -> None:
        self._livemode = api_key.startswith(("sk_live_", "rk_live_"))
        self._success_url = success_url
        self._cancel_url = cancel_url
        self._product = product
        self._automatic_tax = automatic_tax
        self._invoice_creation = invoice_creation
        self._consent = consent
        self._connection = StripeConnection(timeout_seconds=timeout_seconds)
        self._client = stripe_client(api_key, api_url=api_url, connection=self._connection)

    @property
    def livemode(self) -> bool:
        """Whether money is real."""
        return self._livemode

    @property
    def history(self) -> StripeHistory:
        """What Stripe has kept of events and payment pages."""
        return StripeHistory(self._client)

    @property
    def refunds(self) -> StripeRefunds:
        """What refunds its payments."""
        return StripeRefunds(self._client, livemode=self._livemode)

    async def close(self) -> None:
        """Close the connections to Stripe."""
        await self._connection.close_async()  # type: ignore[no-untyped-call] # so in the library

    def parameters(self, order: OrderRow, *, account_label: str) -> dict[str, Any]:
        """Return every parameter of the call: no payment methods, which are the dashboard's to choose."""
        product = self._product(order, account_label)
        metadata = {"type": PURCHASE_TYPE, "order": order.id}
        parameters: dict[str, Any] = {
            "mode": "payment",
            "line_items": [_line_item(order, product, taxed=self._automatic_tax)],
            "client_reference_id": order.id,
            "metadata": metadata,
            # A session's metadata is not copied to its payment, and refunds and disputes name the payment.
            "payment_intent_data": {"metadata": dict(metadata)},
            "expires_at": order.expires_ms // 1000,
            "locale": stripe_locale(order.locale),
            "success_url": f"{self._success_url}?session_id={SESSION_ID}",
            "cancel_url": self._cancel_url,
        }
        texts = {}
        if product.price is not None:
            # A price of the dashboard brings its own product, which cannot name the account.
            texts["submit"] = {"message": product.credited}
        if self._consent:
            parameters["consent_collection"] = {"terms_of_service": "required"}
            texts["terms_of_service_acceptance"] = {"message": product.terms}
        if texts:
            parameters["custom_text"] = texts
        if self._automatic_tax:
            parameters["automatic_tax"] = {"enabled": True}
        if self._invoice_creation:
            parameters["invoice_creation"] = {"enabled": True}
        return parameters

    async def open(self, parameters: Mapping[str, Any], *, idempotency_key: str) -> Page:
        """
        Open the page, or return the one that was opened under this key.

        Raises:
            CheckoutUnavailableError: nothing was charged.

        """
        asked: Any = dict(parameters)
        try:
            session = await self._client.v1.checkout.sessions.create_async(
                asked, {"idempotency_key": idempotency_key}
            )
        except _TROUBLE as error:
            stored = is_stored_failure(error)
            log.warning("no payment page for %s (%s): %s", idempotency_key, type(error).__name__, error)
            raise CheckoutUnavailableError(
                type(error).__name__, stored_failure=stored, rejected=_is_rejection(error)
            ) from error
        reference, url = getattr(session, "id", None), getattr(session, "url", None)
        if not isinstance(reference, str) or not isinstance(url, str):
            log.warning("Stripe opened no page for %s", idempotency_key)
            raise CheckoutUnavailableError("an answer without a page", stored_failure=True)
        return Page(reference=reference, url=url)

    async def has_ended(self, reference: str) -> bool:
        """Tell whether a page surely takes no payment any more: it expired, or this account has no such page."""
        try:
            session = await self._client.v1.checkout.sessions.retrieve_async(reference)
        except (*_TROUBLE, ValueError) as error:
            return isinstance(error, stripe.InvalidRequestError) and error.http_status == HTTPStatus.NOT_FOUND
        return getattr(session, "status", None) == "expired"

    async def receipt_url(self, payment: str) -> str | None:
        """Return the link of the receipt, None when Stripe gives none now, for whatever reason."""
        try:
            intent = await self._client.v1.payment_intents.retrieve_async(
                payment, {"expand": ["latest_charge"]}
            )
        except (*_TROUBLE, ValueError) as error:
            log.warning("no receipt for %s (%s)", payment, type(error).__name__)
            return None
        url = getattr(getattr(intent, "latest_charge", None), "receipt_url", None)
        return url if isinstance(url, str) and url.startswith(("https://", "http://")) else None


def _is_rejection(error: Exception) -> bool:
    """Tell whether Stripe rejects the parameters, rather than their meeting another set under one key."""
    return isinstance(error, stripe.InvalidRequestError) and error.http_status in (
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.NOT_FOUND,
    )


def stripe_locale(locale: str) -> str:
    """Return Stripe's name of a locale, of its language when it has no such region, or `auto`."""
    name = locale.replace("_", "-").lower()
    language = name.partition("-")[0]
    for candidate in (name, language, _OTHER_NAMES.get(language, "")):
        if candidate.lower() in _LOCALES:
            return _LOCALES[candidate.lower()]
    return "auto"


def _line_item(order: OrderRow, product: Product, *, taxed: bool) -> dict[str, Any]:
    if product.price is not None:
        return {"price": product.price, "quantity": 1}
    price: dict[str, Any] = {
        "currency": order.currency.lower(),
        "unit_amount": order.price_minor,
        "product_data": {"name": product.name, "description": product.credited},
    }
    if taxed:
        # Tax may only add to the order's price, which the settlement compares.
        price["tax_behavior"] = "exclusive"
    return {"price_data": price, "quantity": 1}
