"""The core's `Refunder` on Stripe: refunds through the official library, each failure by its reason."""

from __future__ import annotations

import json
import logging
import time
from http import HTTPStatus

import aiohttp
import stripe

from quota_core.after_sale import Reversal
from quota_core.refunding import RefundRefusedError
from webhooks.stripe_failures import is_stored_failure
from webhooks.stripe_reversals import reversal_in

log = logging.getLogger(__name__)

_TROUBLE = (stripe.StripeError, aiohttp.ClientError, TimeoutError, OSError, ValueError)
# https://docs.stripe.com/error-codes
_REASONS = {
    "charge_already_refunded": "nothing_left",
    "charge_disputed": "disputed",
    "balance_insufficient": "no_money",
    "insufficient_funds": "no_money",
}


class StripeRefunds:
    """Refunds payments; `livemode` says whether money is real."""

    def __init__(self, client: stripe.StripeClient, *, livemode: bool) -> None:
        self._client = client
        self._livemode = livemode

    async def refund(self, payment: str, *, order_id: str, idempotency_key: str) -> Reversal:
        """
        Refund what is left of a payment, or return the refund that was made under this key.

        Raises:
            RefundRefusedError: nothing was refunded by this call.

        """
        try:
            made = await self._client.v1.refunds.create_async(
                {"payment_intent": payment, "metadata": {"order": order_id}},
                {"idempotency_key": idempotency_key},
            )
            content = json.loads(str(made))
        except _TROUBLE as error:
            reason = _reason(error)
            log.warning("no refund for %s (%s, %s): %s", idempotency_key, type(error).__name__, reason, error)
            raise RefundRefusedError(reason, stored_failure=is_stored_failure(error)) from error
        found = reversal_in(
            f"refund:{idempotency_key}",
            "refund.created",
            content,
            created_seconds=int(time.time()),
            livemode=self._livemode,
        )
        if found is None:
            log.warning("Stripe refunded nothing for %s: %s", idempotency_key, content.get("status"))
            raise RefundRefusedError("rejected", stored_failure=True)
        return found


def _reason(error: Exception) -> str:
    """Return why nothing was refunded; unless Stripe says so itself, it may still happen under the same key."""
    if not isinstance(error, stripe.StripeError):
        return "unavailable"
    if error.code in _REASONS:
        return _REASONS[error.code]
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
        return "forbidden"
    refused = error.http_status in (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND)
    return "rejected" if refused and not isinstance(error, stripe.IdempotencyError) else "unavailable"
