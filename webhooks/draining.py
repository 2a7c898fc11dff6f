"""
Requests under way, so that the end can wait for them.

aiohttp waits for handlers too, but from then on it drops what still arrives: a request whose body is on its
way would never be answered. Here they are waited for first, with the connections still open.
"""

from __future__ import annotations

import asyncio
import contextlib

from aiohttp import web
from aiohttp.typedefs import Handler


class UnderWay:
    """Counts requests, as the outermost middleware."""

    def __init__(self) -> None:
        self._count = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._ending = False

    @web.middleware
    async def count(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Count the request while its handler runs; towards the end, its connection takes no other."""
        self._count += 1
        self._idle.clear()
        try:
            response = await handler(request)
        finally:
            self._count -= 1
            if self._count == 0:
                self._idle.set()
        if self._ending:
            response.force_close()
        return response

    async def finish(self, timeout_seconds: float) -> None:
        """Wait until no request is under way, at most so long."""
        self._ending = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                await self._idle.wait()
