"""`POST /webhooks/stripe`: verify, keep what came, settle the payment in it, answer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web

from quota_core.crash_points import crash_point
from quota_core.errors import HaltedError, UnavailableError
from quota_core.meter import UNMETERED, Meter
from quota_core.reversals import Reversed
from quota_core.settlement import Settlement, Settlements
from webhooks import stripe_events
from webhooks.body import read_bytes
from webhooks.budgets import Budget, Callers
from webhooks.problems import refused
from webhooks.stripe_events import Event, UntrustedEventError

log = logging.getLogger(__name__)

PATH = "/webhooks/stripe"
MAX_BYTES = 256 * 1024
TIMEOUT_SECONDS = 5.0
IGNORED = "ignored"


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeWebhook:
    """
    What a delivery needs; `budget` is its own, so that calls of the API cannot starve Stripe.

    `clock` gives UTC milliseconds; `meter` is told what became of each delivery.
    """

    settlements: Settlements
    secrets: Sequence[str]
    budget: Budget
    callers: Callers
    clock: Callable[[], int]
    meter: Meter = UNMETERED


STRIPE_WEBHOOK = web.AppKey("STRIPE_WEBHOOK", StripeWebhook)


async def receive(request: web.Request) -> web.Response:
    """
    Settle the payment in the event, if there is one.

    Anything but a 2xx makes Stripe deliver again, for up to three days, so that a wrong secret (400) or a
    broken database (500) loses no payment; and a mismatch is a 200, since another delivery would not help.
    https://docs.stripe.com/webhooks/process-undelivered-events
    """
    crash_point("webhook.01.headers_in")
    hook = request.app[STRIPE_WEBHOOK]
    hook.budget.spend(hook.callers.of(request))
    raw = await read_bytes(request, max_bytes=MAX_BYTES, timeout_seconds=TIMEOUT_SECONDS)
    crash_point("webhook.02.body_read")
    try:
        event = stripe_events.read(
            raw,
            request.headers.get("Stripe-Signature", ""),
            secrets=hook.secrets,
            now_seconds=hook.clock() // 1000,
        )
    except UntrustedEventError as error:
        hook.meter.delivered("untrusted", trusted=False)
        log.warning("refused a webhook from %s: %s", request.remote, error)
        # What exactly was wrong is for the log alone.
        raise refused(HTTPStatus.BAD_REQUEST, "untrusted-event", "This is no event from Stripe") from error
    crash_point("webhook.03.signature_ok")
    try:
        outcome = await apply_event(hook.settlements, event)
    except UnavailableError as error:
        hook.meter.delivered("not_stored", trusted=True)
        if isinstance(error, HaltedError):
            raise
        log.exception("could not settle %s %s", event.type, event.id)
        raise refused(
            HTTPStatus.INTERNAL_SERVER_ERROR, "not-stored", "The event could not be stored; deliver it again"
        ) from error
    hook.meter.delivered(outcome.replace(" ", "_"), trusted=True)
    answer = web.json_response({"outcome": outcome})
    crash_point("webhook.12.answer_made")
    return answer


async def apply_event(settlements: Settlements, event: Event, *, at_ms: int | None = None) -> str:
    """
    Keep an event, in a transaction of its own, then do what it says; return the outcome.

    `at_ms` is when it happened where that is long ago.
    """
    await settlements.record(event.id, event.type, event.object_id, event.kept, at_ms=at_ms)
    if event.reversal is not None:
        reversed_ = await settlements.reversals.report(event.reversal)
        level = logging.WARNING if reversed_ is Reversed.MISMATCH else logging.INFO
        log.log(level, "%s %s of %s: %s", event.type, event.id, event.reversal.payment, reversed_.value)
        return reversed_.value
    if event.payment is None:
        await settlements.ignore(event.id)
        if event.type.startswith(("checkout.session.", "v1.checkout.session.")):
            # A new status, or a "thin" event, which the endpoint must not be set to: money may be behind it.
            log.warning("nothing was understood of %s %s", event.type, event.id)
        return IGNORED
    settlement = await settlements.settle(event.payment)
    level = logging.WARNING if settlement is Settlement.MISMATCH else logging.INFO
    log.log(level, "%s %s for order %s: %s", event.type, event.id, event.payment.order_id, settlement.value)
    return settlement.value
