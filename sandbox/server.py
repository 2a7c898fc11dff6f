"""The sandbox as one aiohttp application on one loopback port."""

import asyncio
import errno
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from sandbox import control_access, page
from sandbox import faults as troubles
from sandbox.control import Control
from sandbox.discord_gateway import HEARTBEAT_MS, Gateway
from sandbox.discord_limits import RateLimits
from sandbox.discord_rest import API, DiscordRest
from sandbox.faults import Faults
from sandbox.stripe_server import StripeSandbox
from sandbox.world import World

HOST = "127.0.0.1"
# Room for ten files of 10 MiB each, and the form beside them.
MAX_BODY_BYTES = 101 * 1024 * 1024
# Discord's own limits are tighter; these let a test run at full speed, and a runaway loop still meets a 429.
REQUESTS_PER_WINDOW = 1000
WINDOW_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """A running sandbox: where it listens and the parts that tests look into."""

    url: str
    webhook_secret: str
    world: World
    faults: Faults
    stripe: StripeSandbox

    @property
    def api_url(self) -> str:
        """The base of Discord's REST API, for `discord.http.Route.BASE`."""
        return f"{self.url}{API}"

    @property
    def gateway_url(self) -> str:
        """The base of the gateway, for `discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY`."""
        return f"{self.url.replace('http', 'ws', 1)}/gateway/"


@asynccontextmanager
async def serve(
    *,
    port: int = 0,
    clock: Callable[[], float] = time.time,
    webhook_secret: str = "",
    requests_per_window: int = REQUESTS_PER_WINDOW,
    window_seconds: float = WINDOW_SECONDS,
    heartbeat_ms: int = HEARTBEAT_MS,
    shards: int = 1,
    stripe_file: Path | None = None,
) -> AsyncIterator[Sandbox]:
    """
    Run the sandbox on loopback until the block ends.

    Args:
        port: 0 takes any free one.
        clock: the time in seconds since 1970.
        webhook_secret: what signs Stripe's deliveries; a random one when empty.
        requests_per_window: what each of Discord's rate-limit buckets takes per window.
        window_seconds: how long such a window is.
        heartbeat_ms: how often the gateway wants a heartbeat.
        shards: how many connections the gateway asks bots for.
        stripe_file: what keeps the local Stripe from one start to the next; None: it begins empty.

    Raises:
        OSError: the port is in use; the message names it.

    """
    secret = webhook_secret or f"whsec_{secrets.token_hex(16)}"
    monotonic = asyncio.get_running_loop().time
    faults = Faults()
    world = World(clock=clock)
    stripe = StripeSandbox(faults, clock=clock, webhook_secret=secret, file=stripe_file)
    limits = RateLimits(
        requests=requests_per_window, window_seconds=window_seconds, clock=clock, monotonic=monotonic
    )
    rest = DiscordRest(world, limits, shards=shards)
    gateway = Gateway(world, faults, monotonic=monotonic, heartbeat_ms=heartbeat_ms)
    control = Control(world, faults)
    app = _application(troubles.middleware(faults, clock=clock))
    app.add_routes([*rest.routes(), *gateway.routes(), *control.routes(), *stripe.routes(), *page.routes()])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        url = f"http://{HOST}:{await _listen(runner, port)}"
        running = Sandbox(url=url, webhook_secret=secret, world=world, faults=faults, stripe=stripe)
        world.base_url = stripe.base_url = url
        rest.gateway_url = gateway.url = running.gateway_url
        await stripe.start()
        try:
            yield running
        finally:
            await stripe.stop()
    finally:
        world.close()
        control.close()
        gateway.close()
        await runner.cleanup()


def _application(trouble: Any) -> web.Application:
    middlewares = [control_access.local_only, trouble]
    return web.Application(middlewares=middlewares, client_max_size=MAX_BODY_BYTES)


async def _listen(runner: web.AppRunner, port: int) -> int:
    """Listen on `port` of loopback and return the port bound."""
    try:
        await web.TCPSite(runner, HOST, port).start()
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        said = f"port {port} is in use (sandbox): stop what uses it, or choose another with --sandbox-port"
        raise OSError(error.errno, said) from error
    bound_port: int = runner.addresses[0][1]
    return bound_port
