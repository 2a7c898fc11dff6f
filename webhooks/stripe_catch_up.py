"""
What Stripe reported and we never got: asked for at start and on a schedule, and put through the same handlers.

Events are walked in the order of time since a watermark, with an hour of overlap because lists lag behind; the mark
moves only after what lies before it is committed, so whatever is cut off is asked for again. Payment pages are
looked at too, less often: they show a payment even where its event is gone.
https://docs.stripe.com/webhooks/process-undelivered-events
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

import aiohttp
import stripe

from quota_core.deliveries import Deliveries
from quota_core.errors import UnavailableError
from quota_core.leases import Lease, Leases
from quota_core.settlement import Payment, Settlements
from webhooks.health import Remark
from webhooks.stripe_events import UntrustedEventError, event_in, payment_in_session
from webhooks.stripe_history import Page, StripeHistory
from webhooks.stripe_kept import kept_session
from webhooks.stripe_webhook import apply_event

log = logging.getLogger(__name__)

KEPT_SECONDS = 30 * 24 * 3600 - 3600  # Stripe keeps events for 30 days
OVERLAP_SECONDS = 3600
PAGE_LIFE_SECONDS = 24 * 3600
ROUNDS_FOR_SESSIONS = 12
WORTH_A_REMARK_SECONDS = 60.0
LEASE = "stripe catch-up"
_TROUBLE = (stripe.StripeError, aiohttp.ClientError, TimeoutError, OSError, ValueError)


class _List(Protocol):
    async def __call__(self, since: int, before: int, *, after_id: str | None) -> Page: ...


class LeaseLostError(Exception):
    """Another process goes on with it."""


class CatchUp:
    """
    Ask Stripe for what is missing.

    Args:
        history: where it is asked for.
        settlements: what handles it.
        deliveries: what was handled, and how far asking has come.
        leases: so that of several processes one asks; None where there is only one.
        interval_seconds: between two rounds.
        clock: UTC milliseconds.

    """

    def __init__(
        self,
        history: StripeHistory,
        settlements: Settlements,
        deliveries: Deliveries,
        *,
        leases: Leases | None,
        interval_seconds: float,
        clock: Callable[[], int],
    ) -> None:
        self._history = history
        self._settlements = settlements
        self._deliveries = deliveries
        self._leases = leases
        self._interval_seconds = interval_seconds
        self._clock = clock
        self._lease: Lease | None = None
        self._rounds = 0
        self._fault: Exception | None = None
        self.trouble: str | None = None

    async def run(self) -> None:
        """Catch up at once and then on the schedule, until cancelled; whatever goes wrong, the next round comes."""
        while True:
            try:
                await self.once()
                if self.trouble is not None or self._rounds == 1:
                    log.info("caught up with Stripe")
                self.trouble = None
            except LeaseLostError:
                log.info("another process asks Stripe")
            except (*_TROUBLE, UnavailableError) as error:
                self.trouble = type(error).__name__
                log.warning("could not ask Stripe for what is missing (%s): %s", self.trouble, error)
            except Exception:
                self.trouble = "a fault of ours"
                log.exception("could not put in order what Stripe has")
            await asyncio.sleep(self._interval_seconds)

    async def once(self) -> None:
        """
        Catch up with everything until now.

        Raises:
            LeaseLostError: another process does it; nothing is wrong.
            UnavailableError: the ledger cannot be written just now.
            stripe.StripeError: and others: Stripe does not answer, or not as expected.
            Exception: whatever one report met, once all others were handled.

        """
        if self._leases is not None:
            self._lease = await self._leases.take(LEASE)
            if self._lease is None:
                return
        self._fault = None
        try:
            await self._walk("events", self._history.events, self._take_events, OVERLAP_SECONDS)
            if self._rounds % ROUNDS_FOR_SESSIONS == 0:
                overlap = OVERLAP_SECONDS + PAGE_LIFE_SECONDS
                await self._walk("sessions", self._history.sessions, self._take_sessions, overlap)
            self._rounds += 1
        finally:
            if self._leases is not None and self._lease is not None:
                await self._leases.give_back(self._lease)
        if self._fault is not None:
            raise self._fault

    async def check(self) -> str | None:
        """Say for `/readyz` how long a payment has waited for its credit, and whether Stripe can be asked."""
        waited_seconds = await self._deliveries.uncredited_seconds()
        remarks = []
        if waited_seconds >= WORTH_A_REMARK_SECONDS:
            remarks.append(f"a payment has waited {waited_seconds:.0f} s for its credit")
        if self.trouble is not None:
            remarks.append(f"Stripe cannot be asked for what is missing: {self.trouble}")
        return Remark("; ".join(remarks)) if remarks else None

    async def _walk(
        self,
        what: str,
        ask: _List,
        take: Callable[[Sequence[Mapping[str, Any]]], Awaitable[int]],
        overlap_seconds: int,
    ) -> None:
        """Take everything of one kind since its mark, oldest first, in stretches that one page holds."""
        now_seconds = self._clock() // 1000
        mark = await self._deliveries.asked_until(what)
        oldest = now_seconds - KEPT_SECONDS
        since = oldest if mark is None else max(oldest, mark - overlap_seconds)
        taken = 0
        stretches = [(since, now_seconds + 1)]
        while stretches:
            await self._keep_lease()
            since, before = stretches.pop()
            page = await ask(since, before, after_id=None)
            if page.more and before - since > 1:
                # Stripe lists the newest first: halves are taken in order, so that the mark can follow.
                middle = (since + before) // 2
                stretches += [(middle, before), (since, middle)]
                continue
            taken += await take(await self._whole(page, ask, since, before))
            if self._fault is None:
                await self._deliveries.move(what, min(before, now_seconds))
        if taken:
            log.warning("%d %s had not arrived from Stripe and were put in order now", taken, what)

    async def _whole(self, page: Page, ask: _List, since: int, before: int) -> list[Mapping[str, Any]]:
        """Return everything of a stretch, oldest first; one second may hold more than a page."""
        found = list(page.objects)
        while page.more:
            page = await ask(since, before, after_id=str(found[-1]["id"]))
            found += page.objects
        return found[::-1]

    async def _keep_lease(self) -> None:
        if self._leases is not None and self._lease is not None and not await self._leases.renew(self._lease):
            raise LeaseLostError

    async def _take_events(self, events: Sequence[Mapping[str, Any]]) -> int:
        known = await self._deliveries.handled([str(event.get("id")) for event in events])
        taken = 0
        for content in events:
            if content.get("id") in known:
                continue
            try:
                event = event_in(content)
            except UntrustedEventError as error:
                log.warning("Stripe lists an event that is none: %s", error)
                continue
            taken += await self._done(event.id, apply_event(self._settlements, event, at_ms=_ms(content)))
        return taken

    async def _done(self, name: str, work: Awaitable[object]) -> int:
        """Return how many are done, 1 or 0: what breaks holds back the mark, and nobody else's payment."""
        try:
            await work
        except UnavailableError:
            raise
        except Exception as error:
            log.exception("could not handle %s", name)
            self._fault = error
            return 0
        return 1

    async def _take_sessions(self, sessions: Sequence[Mapping[str, Any]]) -> int:
        """Settle pages that were paid, unless their order is."""
        payments = [payment for one in sessions if (payment := payment_in_session(one)) is not None]
        known = await self._deliveries.handled([payment.event_id for payment in payments])
        bodies = {str(one.get("id")): one for one in sessions}
        taken = 0
        for payment in payments:
            if payment.event_id in known or await self._settlements.is_credited(payment.reference):
                continue
            taken += await self._done(payment.event_id, self._settle(payment, bodies[payment.reference]))
        return taken

    async def _settle(self, payment: Payment, body: Mapping[str, Any]) -> None:
        await self._settlements.record(
            payment.event_id, "checkout.session", payment.reference, kept_session(body), at_ms=_ms(body)
        )
        settlement = await self._settlements.settle(payment)
        log.info("session %s: %s", payment.reference, settlement.value)


def _ms(content: Mapping[str, Any]) -> int | None:
    created = content.get("created")
    return created * 1000 if isinstance(created, int) and 0 < created < 2**40 else None
