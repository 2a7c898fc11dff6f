"""Which of Stripe's failures come again for the same idempotency key."""

from __future__ import annotations

from http import HTTPStatus

import stripe


def is_stored_failure(error: Exception) -> bool:
    """
    Tell whether the answer proves that Stripe will give it again for the same idempotency key.

    https://docs.stripe.com/api/idempotent_requests: the first result is kept, a 500 included; nothing is kept
    when validation failed or another call holds the key (400, 409), or when the call never began (401, 429, a
    502 or 503 on the way). A replay says so in a header, and the library's own retries bring one. No answer
    at all proves nothing: the page may exist, and the same key finds it.
    """
    if not isinstance(error, stripe.StripeError) or error.http_status is None:
        return False
    if isinstance(error, stripe.IdempotencyError) and error.http_status == HTTPStatus.BAD_REQUEST:
        # The key holds the result of other parameters, and would refuse ours for ever.
        return True
    headers = {name.lower(): value for name, value in error.headers.items()} if error.headers else {}
    replayed = headers.get("idempotent-replayed") == "true"
    return error.http_status == HTTPStatus.INTERNAL_SERVER_ERROR or (
        replayed and error.http_status >= HTTPStatus.BAD_REQUEST
    )
