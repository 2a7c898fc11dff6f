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
    """Counts requests; once the end has begun, their connections take no others."""

    def __init__(self) -> None:
        self._count = 0
        self._idle = asyncio.Event()
        self.ending = False

    def begin(self) -> None:
        """Count a request."""
        self._count += 1

    def end(self) -> None:
        """Count it no longer; its answer may still be on the way."""
        self._count -= 1
        if self.ending and self._count == 0:
            self._idle.set()

    @web.middleware
    async def count(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Count the request while its handler runs, for an application that does not count by itself."""
        self.begin()
        try:
            response = await handler(request)
        finally:
            self.end()
        if self.ending:
            response.force_close()
        return response

    async def finish(self, timeout_seconds: float) -> None:
        """Wait until no request is under way, at most so long."""
        self.ending = True
        if self._count == 0:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                await self._idle.wait()


UNDER_WAY = web.AppKey("UNDER_WAY", UnderWay)
