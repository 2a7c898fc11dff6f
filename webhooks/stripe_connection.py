"""The official library's HTTP client, with two of its holes closed."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import aiohttp
import stripe
from multidict import CIMultiDict

log = logging.getLogger(__name__)

API_VERSION = "2026-10-28.endive"
NETWORK_RETRIES = 2
_HOSTS = ("api", "files", "connect", "meter_events")  # each that is left out would stay the real one
TIMEOUT_SECONDS = 10.0  # the library's own default, 80 seconds, is longer than anybody waits for a button


class StripeConnection(stripe.AIOHTTPClient):
    """
    One pool of connections to Stripe, for one event loop; close it with `close_async`.

    A body that is cut off is a connection error like any other, so that the call is repeated under its
    idempotency key: https://github.com/stripe/stripe-node/pull/2868 is the same repair in another language.
    `Stripe-Notice` goes to our log; the library would make it a Python warning, which may be an exception.
    """

    def __init__(self, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        super().__init__(timeout=aiohttp.ClientTimeout(total=timeout_seconds))

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Return body, status and headers of one attempt."""
        content, status, answered = await self.request_stream_async(method, url, headers, post_data=post_data)
        try:
            body = await content.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._handle_request_error(error)
        kept = CIMultiDict(answered)
        for notice in kept.popall("Stripe-Notice", []):
            log.warning("Stripe says: %s", notice)
        return body, status, kept


def stripe_client(api_key: str, *, api_url: str | None, connection: StripeConnection) -> stripe.StripeClient:
    """Return the official library's client at the version that this program is written for."""
    # It is a switch of the whole library: at its default it writes a file into the home folder.
    stripe.enable_telemetry = False
    hosts: Any = {} if api_url is None else dict.fromkeys(_HOSTS, api_url.rstrip("/"))
    return stripe.StripeClient(
        api_key,
        stripe_version=API_VERSION,
        base_addresses=hosts,
        max_network_retries=NETWORK_RETRIES,
        http_client=connection,
    )
