"""A real HTTP server that keeps what it is sent, and answers as a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

PATIENCE_SECONDS = 120


@dataclass(slots=True)
class Receiver:
    """What came, and the statuses of the next answers; 200 once they are used up."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    came: asyncio.Queue[tuple[dict[str, str], bytes]] = field(default_factory=asyncio.Queue)

    async def next(self) -> tuple[dict[str, str], bytes]:
        """Return headers and body of the next request."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.came.get()

    async def take(self, request: web.Request) -> web.Response:
        """Keep a request and answer it."""
        self.came.put_nowait((dict(request.headers), await request.read()))
        status = self.statuses.pop(0) if self.statuses else 200
        return web.Response(status=status, headers=self.headers, text="x" * 10)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Serve on loopback until the block ends."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", receiver.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    receiver.url = f"http://{host}:{port}/hook"
    try:
        yield receiver
    finally:
        await runner.cleanup()
