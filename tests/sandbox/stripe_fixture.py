"""A local Stripe, the official library pointed at it, and a server that receives its webhooks."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import stripe
from aiohttp import web

from sandbox import faults as troubles
from sandbox.faults import Faults
from sandbox.stripe_server import StripeSandbox

SECRET = "whsec_for_these_tests"
PATIENCE_SECONDS = 120
WAIT_SECONDS = 30  # the longest that the sandbox holds a request


class Clock:
    """The real time, which a test can move forward."""

    def __init__(self) -> None:
        self.offset_seconds = 0.0

    def __call__(self) -> float:
        return time.time() + self.offset_seconds


@dataclass
class Receiver:
    """A webhook endpoint that keeps what it gets; `statuses` are answered first, then 200."""

    statuses: list[int] = field(default_factory=list)
    received: list[tuple[bytes, str]] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        status = self.statuses.pop(0) if self.statuses else 200
        async with self.changed:
            self.received.append((body, request.headers["Stripe-Signature"]))
            self.changed.notify_all()
        headers = {"Location": "/elsewhere"} if 300 <= status < 400 else {}
        return web.Response(status=status, headers=headers)

    def events(self) -> list[Any]:
        """Return what came, each verified as a bot verifies it."""
        return [stripe.Webhook.construct_event(body, signature, SECRET) for body, signature in self.received]

    async def types(self, *, until: str, count: int = 1) -> list[str]:
        """Return the types that came so far, once `until` came `count` times."""
        async with asyncio.timeout(PATIENCE_SECONDS), self.changed:
            await self.changed.wait_for(lambda: self._kinds().count(until) >= count)
        return self._kinds()

    def _kinds(self) -> list[str]:
        return [event.type for event in self.events()]

    async def event(self, kind: str, *, count: int = 1) -> Any:
        """Return the last event of `kind`, once it came `count` times."""
        await self.types(until=kind, count=count)
        return [event for event in self.events() if event.type == kind][-1]


@dataclass
class Shop:
    """Everything a test needs."""

    url: str
    sandbox: StripeSandbox
    faults: Faults
    clock: Clock
    receiver: Receiver
    http: aiohttp.ClientSession
    connection: stripe.HTTPClient

    @property
    def client(self) -> stripe.StripeClient:
        """The library with a test key."""
        return self.library()

    @property
    def live_client(self) -> stripe.StripeClient:
        """The library with a live key."""
        return self.library("sk_live_sandbox")

    def library(self, key: str = "sk_test_sandbox", **options: Any) -> stripe.StripeClient:
        """Return the official library's client for this sandbox."""
        places: Any = dict.fromkeys(("api", "files", "connect", "meter_events"), self.url)
        return stripe.StripeClient(key, base_addresses=places, http_client=self.connection, **options)

    async def checkout(self, **changes: Any) -> Any:
        """Return a new Checkout Session; `changes` replace parameters, None leaves one out."""
        return await self.client.v1.checkout.sessions.create_async(params(**changes))

    async def control(self, name: str, **body: Any) -> dict[str, Any]:
        """Return the answer of a control call, which must succeed."""
        async with self.http.post(f"{self.url}/control/stripe/{name}", json=body) as answer:
            content: dict[str, Any] = await answer.json()
            assert answer.status == 200, content
            return content

    async def deliveries(self, *, beyond: int = -1) -> list[dict[str, Any]]:
        """Return every attempt to deliver an event, once there are more than `beyond`."""
        wait = f"?beyond={beyond}&wait_s={WAIT_SECONDS}"
        async with self.http.get(f"{self.url}/control/stripe/deliveries{wait}") as answer:
            rows: list[dict[str, Any]] = (await answer.json())["deliveries"]
            return rows

    async def attempts(self, kind: str, *, until: int) -> list[dict[str, Any]]:
        """Return the attempts to deliver events of `kind`, once there are `until` of them."""
        rows: list[dict[str, Any]] = []
        seen = -1
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(rows) < until:
                everything = await self.deliveries(beyond=seen)
                seen = len(everything)
                rows = [row for row in everything if row["type"] == kind]
        return rows

    async def raw(self, method: str, path: str, **options: Any) -> tuple[int, Any, dict[str, str]]:
        """Return status, body and headers of a request to the API as bytes make it, with a test key."""
        headers = {"Authorization": "Bearer sk_test_sandbox"} | options.pop("headers", {})
        async with self.http.request(method, self.url + path, headers=headers, **options) as answer:
            return answer.status, await answer.json(), dict(answer.headers)


def params(**changes: Any) -> Any:
    """Return the parameters of a usual checkout, changed."""
    usual: dict[str, Any] = {
        "mode": "payment",
        "line_items": [{"price_data": price_data(), "quantity": 1}],
        "success_url": "http://127.0.0.1:9/done?id={CHECKOUT_SESSION_ID}",
        "cancel_url": "http://127.0.0.1:9/shop",
        "client_reference_id": "order-1",
        "metadata": {"type": "quota_purchase", "order": "order-1"},
        "payment_intent_data": {"metadata": {"order": "order-1"}},
    }
    return {name: value for name, value in (usual | changes).items() if value is not None}


def price_data(*, currency: str = "eur", unit_amount: int = 1499, **changes: Any) -> dict[str, Any]:
    """Return the data of a price made on the spot."""
    product = {"name": "1 000 requests", "description": "Credited to Ana (@ana)"}
    return {"currency": currency, "unit_amount": unit_amount, "product_data": product} | changes


@asynccontextmanager
async def open_shop(*, hooked: bool = True, **options: Any) -> AsyncIterator[Shop]:
    """Run a local Stripe with these options, and its receiver, until the block ends."""
    stripe.enable_telemetry = False
    faults, clock, receiver = Faults(), Clock(), Receiver()
    chosen: dict[str, Any] = {"backoff_seconds": (0.01, 0.01), "debit_seconds": 0.01, **options}
    sandbox = StripeSandbox(faults, clock=clock, webhook_secret=SECRET, **chosen)
    app = web.Application(middlewares=[troubles.middleware(faults)])
    app.add_routes(sandbox.routes())
    app.router.add_post("/hooks", receiver.receive)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sandbox.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    connection = stripe.AIOHTTPClient(timeout=60)
    if hooked:
        sandbox.add_endpoint(f"{sandbox.base_url}/hooks")
    await sandbox.start()
    try:
        async with aiohttp.ClientSession() as http:
            yield Shop(
                url=sandbox.base_url,
                sandbox=sandbox,
                faults=faults,
                clock=clock,
                receiver=receiver,
                http=http,
                connection=connection,
            )
    finally:
        await connection.close_async()  # type: ignore[no-untyped-call] # the library left it so
        await sandbox.stop()
        await runner.cleanup()
