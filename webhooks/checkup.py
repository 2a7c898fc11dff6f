"""A look at Stripe and at our own address as an operator needs it: key, version, clock, webhook endpoint, reach."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import stripe

from quota_core.findings import Finding, note, to_mend, well
from webhooks import stripe_reversals
from webhooks.stripe_connection import API_VERSION
from webhooks.stripe_events import NEEDED_EVENTS
from webhooks.stripe_webhook import PATH

MAX_CLOCK_SECONDS = 60  # signatures are good for five minutes
REACH_SECONDS = 5.0
# `charge.refund.updated` is understood, and `refund.updated` says the same.
NEEDED = frozenset({*NEEDED_EVENTS, *stripe_reversals.TYPES} - {"charge.refund.updated"})
_LOCAL = ("127.0.0.1", "localhost", "::1")
_DASHBOARD = "Stripe's dashboard (Developers, Webhooks)"


async def stripe_findings(
    client: stripe.StripeClient,
    *,
    api_key: str,
    public_url: str | None,
    clock: Callable[[], float] = time.time,
) -> list[Finding]:
    """
    Ask Stripe; `clock` is this machine's, in seconds since 1970.

    Raises:
        stripe.StripeError: Stripe does not answer, or refuses the key.

    """
    asked: Any = {"limit": 100}
    sessions = await client.v1.checkout.sessions.list_async({"limit": 1})
    mode = "real money" if "_live_" in api_key[:8] else "test money"
    found = [well("Stripe", f"the key is good, with {mode}; API version {API_VERSION}")]
    found += _clock(sessions, clock())
    try:
        endpoints = await client.v1.webhook_endpoints.list_async(asked)
    except stripe.PermissionError:
        return [
            *found,
            note("webhook", "this key may not look at webhook endpoints", f"look yourself in {_DASHBOARD}"),
        ]
    return found + list(_endpoint(endpoints.data, public_url))


def _clock(answer: Any, now_seconds: float) -> Iterator[Finding]:
    said = {name.lower(): value for name, value in dict(answer.last_response.headers).items()}.get("date")
    if said is None:
        return
    ahead = now_seconds - parsedate_to_datetime(said).timestamp()
    if abs(ahead) <= MAX_CLOCK_SECONDS:
        yield well("clock", f"within {abs(ahead):.0f} s of Stripe's")
    else:
        yield to_mend(
            "clock",
            f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} Stripe's, so deliveries are refused",
            "let this machine set its clock by NTP (timedatectl set-ntp true)",
        )


def _endpoint(endpoints: Sequence[Any], public_url: str | None) -> Iterator[Finding]:
    wanted = None if public_url is None else f"{public_url}{PATH}"
    ours = [one for one in endpoints if (one.url == wanted if wanted else urlsplit(one.url).path == PATH)]
    if not ours:
        at = wanted or f"PUBLIC_URL and {PATH}"
        yield to_mend("webhook", f"Stripe knows no endpoint at {at}", f"add it in {_DASHBOARD}")
        return
    for one in ours:
        if one.status != "enabled":
            yield to_mend("webhook", f"{one.url} is disabled", f"enable it in {_DASHBOARD}")
        missing = [] if "*" in one.enabled_events else sorted(NEEDED - set(one.enabled_events))
        if missing:
            yield to_mend(
                "webhook", f"{one.url} is not sent {', '.join(missing)}", f"add them in {_DASHBOARD}"
            )
        if one.api_version is not None and one.api_version != API_VERSION:
            yield note("webhook", f"{one.url} speaks version {one.api_version}, this program {API_VERSION}")
        if one.status == "enabled" and not missing:
            yield well("webhook", f"{one.url} is enabled and gets what it needs")


async def reach_findings(public_url: str | None) -> list[Finding]:
    """Ask our own server by the address that buyers and Stripe use."""
    if public_url is None:
        return [
            to_mend(
                "address",
                "no PUBLIC_URL: nobody but this machine reaches the pages and the webhook",
                "set it to the https address of your reverse proxy",
            )
        ]
    if urlsplit(public_url).hostname in _LOCAL:
        return [
            note(
                "address",
                f"{public_url} is this machine alone; Stripe cannot deliver there",
                "set PUBLIC_URL once you sell",
            )
        ]
    try:
        timeout = aiohttp.ClientTimeout(total=REACH_SECONDS)
        async with (
            aiohttp.ClientSession(timeout=timeout) as http,
            http.get(f"{public_url}/healthz") as answer,
        ):
            ours = answer.status == HTTPStatus.OK and json.loads(await answer.read()) == {"status": "ok"}
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        return [
            to_mend(
                "address",
                f"{public_url}/healthz does not answer ({type(error).__name__})",
                "start the bot, then look at DNS, certificate and reverse proxy",
            )
        ]
    if ours:
        return [well("address", f"{public_url} leads here, as seen from this machine")]
    return [
        to_mend(
            "address", f"something else answers at {public_url}", "let your reverse proxy pass all paths on"
        )
    ]
