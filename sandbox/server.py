"""The sandbox as one aiohttp application on one loopback port."""

import errno
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from sandbox import faults as troubles
from sandbox.faults import Faults

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """A running sandbox: where it listens and the parts that tests look into."""

    url: str
    webhook_secret: str
    faults: Faults

    @property
    def api_url(self) -> str:
        """The base of Discord's REST API, for `discord.http.Route.BASE`."""
        return f"{self.url}/api/v10"

    @property
    def gateway_url(self) -> str:
        """The base of the gateway, for `discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY`."""
        return f"{self.url.replace('http', 'ws', 1)}/gateway/"


@asynccontextmanager
async def serve(
    *, port: int = 0, clock: Callable[[], float] = time.time, webhook_secret: str = ""
) -> AsyncIterator[Sandbox]:
    """
    Run the sandbox on loopback until the block ends.

    Args:
        port: 0 takes any free one.
        clock: the time in seconds since 1970.
        webhook_secret: what signs Stripe's deliveries; a random one when empty.

    Raises:
        OSError: the port is in use; the message names it.

    """
    faults = Faults()
    app = web.Application(middlewares=[troubles.middleware(faults, clock=clock)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        bound_port = await _listen(runner, port)
        yield Sandbox(
            url=f"http://{HOST}:{bound_port}",
            webhook_secret=webhook_secret or f"whsec_{secrets.token_hex(16)}",
            faults=faults,
        )
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, port: int) -> int:
    """Listen on `port` of loopback and return the port bound."""
    try:
        await web.TCPSite(runner, HOST, port).start()
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise OSError(error.errno, f"port {port} is in use (sandbox): free it or choose another") from error
    bound_port: int = runner.addresses[0][1]
    return bound_port
