"""Prices as Stripe has them: looked up, and made where there are none. An existing one is never changed."""

from __future__ import annotations

import hashlib
import json
from http import HTTPStatus
from typing import Any

import stripe

from quota_core.offered_prices import Offer, Price

MARK = "jauge"


class StripePrices:
    """
    The prices of a Stripe account.

    Every call raises a `stripe.StripeError` when Stripe cannot be asked.
    """

    def __init__(self, client: stripe.StripeClient) -> None:
        self._client = client

    async def by_id(self, price_id: str) -> Price | None:
        """Return the price of this id, None when the account has none in this mode."""
        try:
            found = await self._client.v1.prices.retrieve_async(price_id)
        except stripe.InvalidRequestError as error:
            if error.http_status == HTTPStatus.NOT_FOUND:
                return None
            raise
        return _price(found)

    async def by_key(self, key: str) -> Price | None:
        """Return the active price that was made under this key, None when there is none."""
        asked: Any = {"lookup_keys": [key], "active": True, "limit": 1}
        found = await self._client.v1.prices.list_async(asked)
        return _price(found.data[0]) if found.data else None

    async def create(self, offer: Offer) -> Price:
        """Make the product, unless it is there, and the price under the offer's key; twice makes one."""
        product = f"{MARK}-{offer.kind}-{offer.id}"
        metadata = {MARK: str(offer)}
        try:
            await self._client.v1.products.retrieve_async(product)
        except stripe.InvalidRequestError as error:
            if error.http_status != HTTPStatus.NOT_FOUND:
                raise
            asked: Any = {
                "id": product,
                "name": offer.name,
                "description": offer.description,
                "metadata": metadata,
            }
            await self._client.v1.products.create_async(asked, {"idempotency_key": _key("product", asked)})
        wanted: Any = {
            "product": product,
            "currency": offer.currency.lower(),
            "unit_amount": offer.amount_minor,
            "lookup_key": offer.key,
            "metadata": metadata,
        }
        if offer.interval is not None:
            wanted["recurring"] = {"interval": offer.interval}
        made = await self._client.v1.prices.create_async(wanted, {"idempotency_key": _key("price", wanted)})
        return _price(made)


def _key(kind: str, parameters: dict[str, Any]) -> str:
    """Return an idempotency key that the same call has again, and no other."""
    text = json.dumps(parameters, sort_keys=True).encode()
    return f"{MARK}:{kind}:{hashlib.sha256(text).hexdigest()[:32]}"


def _price(found: stripe.Price) -> Price:
    recurring = found.recurring
    return Price(
        id=found.id,
        amount_minor=found.unit_amount,
        currency=found.currency.upper(),
        interval=None if recurring is None else recurring.interval,
        interval_count=1 if recurring is None else recurring.interval_count,
        active=found.active,
        livemode=found.livemode,
    )
