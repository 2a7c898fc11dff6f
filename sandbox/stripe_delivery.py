"""
Delivery of events to webhook endpoints: signed, at least once, tried again with back-off.

https://docs.stripe.com/webhooks
"""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
from yarl import URL

from sandbox.faults import Fault, Faults
from sandbox.stripe_state import StripeObject

# Real ones spread over hours; short, so that a person at the sandbox sees the retry.
BACKOFF_SECONDS = (0.2, 0.5, 1, 2, 4, 8, 16, 30)
ANSWER_TIMEOUT_SECONDS = 10
# A fault that gathers deliveries lets them go after this long, even when fewer came than it waits for.
GATHER_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """An event on its way to one endpoint; the body stays the same through all attempts."""

    event: StripeObject
    endpoint: StripeObject
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """
    One attempt, as the control API shows it.

    Attributes:
        status: the HTTP status, or `dropped`, or `no answer`.

    """

    event: str
    type: str
    attempt: int
    status: int | str

    def as_json(self) -> dict[str, Any]:
        """Return the attempt as a JSON object."""
        return {"event": self.event, "type": self.type, "attempt": self.attempt, "status": self.status}


def signature(body: bytes, *, secret: str, now_seconds: int) -> str:
    """Return the `Stripe-Signature` header of `body`. https://docs.stripe.com/webhooks#verify-manually."""
    signed = f"{now_seconds}.".encode() + body
    return f"t={now_seconds},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


class Deliverer:
    """
    Posts events to endpoints until each took them or the attempts are used up.

    Args:
        faults: those of `webhooks` are served here; an option `path` is searched in `<path> <event type>`.
        clock: seconds since 1970, signed into each attempt.
        secret: of every endpoint.
        endpoints: the endpoints of one mode, test or live.
        backoff_seconds: the waits between attempts; one attempt more than there are waits.

    """

    def __init__(
        self,
        faults: Faults,
        *,
        clock: Callable[[], float],
        secret: str,
        endpoints: Callable[[bool], Sequence[StripeObject]],
        backoff_seconds: Sequence[float] = BACKOFF_SECONDS,
    ) -> None:
        self._faults = faults
        self._clock = clock
        self._secret = secret
        self._endpoints = endpoints
        self._backoff_seconds = backoff_seconds
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._gathered: list[Delivery] = []
        self._gather_count = 0
        self._open: dict[str, set[str]] = {}
        self._recorded = asyncio.Event()
        self.attempts: list[Attempt] = []

    async def start(self) -> None:
        """Open the connections that deliveries use."""
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=ANSWER_TIMEOUT_SECONDS), cookie_jar=aiohttp.DummyCookieJar()
        )

    async def stop(self) -> None:
        """Give up what is under way and close the connections."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def wait_beyond(self, count: int) -> None:
        """Return once more than `count` attempts were made."""
        while len(self.attempts) <= count:
            await self._recorded.wait()

    def was_delivered(self, event_id: str) -> bool:
        """Return whether every endpoint took the event."""
        return not self._open.get(event_id)

    def deliver(self, event: StripeObject, *, live: bool) -> None:
        """Send `event` to every endpoint that wants its type; returns at once."""
        wanting = [
            one
            for one in self._endpoints(live)
            if "*" in one["enabled_events"] or event["type"] in one["enabled_events"]
        ]
        event["pending_webhooks"] = len(wanting)
        self._open.setdefault(event["id"], set()).update(one["id"] for one in wanting)
        body = json.dumps(event, indent=2).encode()
        for endpoint in wanting:
            self._dispatch(Delivery(event=event, endpoint=endpoint, body=body))

    def _dispatch(self, delivery: Delivery) -> None:
        if self._gather_count:
            self._gather(delivery)
            return
        path = f"{URL(delivery.endpoint['url']).path} {delivery.event['type']}"
        fault = self._faults.take("webhooks", path=path, method="POST")
        match fault.fault if fault is not None else None:
            case "drop":
                self._record(delivery, 1, "dropped")
            case "shuffle":
                assert fault is not None
                self._gather_count = max(2, int(fault.options.get("hold", 2)))
                self._spawn(self._release_later(self._gathered))
                self._gather(delivery)
            case _:
                self._spawn(self._deliver(delivery, fault))

    def _spawn(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, delivery: Delivery, fault: Fault | None) -> None:
        if fault is not None and fault.fault == "delay":
            await asyncio.sleep(float(fault.options.get("seconds", 1)))
        if fault is not None and fault.fault == "duplicate":
            for _ in range(int(fault.options.get("copies", 1))):
                self._spawn(self._attempts(delivery))
        await self._attempts(delivery)

    async def _attempts(self, delivery: Delivery, *, first: int = 1) -> None:
        for attempt, wait_seconds in enumerate((*self._backoff_seconds, 0), start=1):
            if attempt < first:
                continue
            if await self._try(delivery, attempt):
                return
            await asyncio.sleep(wait_seconds)

    async def _try(self, delivery: Delivery, attempt: int) -> bool:
        assert self._session is not None
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "Stripe-Signature": signature(delivery.body, secret=self._secret, now_seconds=int(self._clock())),
        }
        try:
            # A redirect is a failure: https://docs.stripe.com/webhooks#webhook-endpoint-def
            async with self._session.post(
                delivery.endpoint["url"], data=delivery.body, headers=headers, allow_redirects=False
            ) as answer:
                await answer.read()
                status: int | str = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            status = "no answer"
        taken = isinstance(status, int) and 200 <= status < 300  # noqa: PLR2004 - the success range of HTTP
        if taken and delivery.endpoint["id"] in self._open[delivery.event["id"]]:
            self._open[delivery.event["id"]].discard(delivery.endpoint["id"])
            delivery.event["pending_webhooks"] -= 1
        self._record(delivery, attempt, status)
        return taken

    def _record(self, delivery: Delivery, attempt: int, status: int | str) -> None:
        event = delivery.event
        self.attempts.append(Attempt(event=event["id"], type=event["type"], attempt=attempt, status=status))

        self._recorded.set()
        self._recorded = asyncio.Event()

    def _gather(self, delivery: Delivery) -> None:
        self._gathered.append(delivery)
        if len(self._gathered) >= self._gather_count:
            self._release()

    def _release(self) -> None:
        gathered, self._gathered, self._gather_count = self._gathered, [], 0
        if gathered:
            self._spawn(self._one_by_one(gathered[::-1]))

    async def _release_later(self, waiting: list[Delivery]) -> None:
        await asyncio.sleep(GATHER_SECONDS)
        if self._gathered is waiting:
            self._release()

    async def _one_by_one(self, deliveries: Sequence[Delivery]) -> None:
        """Send each first attempt after the one before it was answered, so that the order is certain."""
        for delivery in deliveries:
            if not await self._try(delivery, 1):
                self._spawn(self._attempts_after(delivery))

    async def _attempts_after(self, delivery: Delivery) -> None:
        await asyncio.sleep(self._backoff_seconds[0] if self._backoff_seconds else 0)
        await self._attempts(delivery, first=2)
