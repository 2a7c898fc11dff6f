"""A way to the bot's server on which answers get lost when a test says so."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from webhooks import server


@dataclass(slots=True, kw_only=True)
class LossyWay:
    """
    Passes every request on to `target`.

    `lost` answers are thrown away after the request was done; while `cut` nothing passes at all. `seen` holds the
    paths that were asked for.
    """

    target: str
    url: str
    lost: int = 0
    cut: bool = False
    seen: list[str] = field(default_factory=list)

    async def pass_on(self, request: web.Request) -> web.StreamResponse:
        """Ask the target, and give its answer if it does not get lost."""
        self.seen.append(request.path)
        if not self.cut:
            async with aiohttp.ClientSession() as http:
                passed = {"Authorization", "Content-Type"} & set(request.headers)
                headers = {name: request.headers[name] for name in passed}
                async with http.request(
                    request.method, self.target + request.path_qs, data=await request.read(), headers=headers
                ) as answer:
                    body, status = await answer.read(), answer.status
                    kept = {"Content-Type", "Retry-After"} & set(answer.headers)
                    said = {name: answer.headers[name] for name in kept}
            if not self.lost:
                return web.Response(body=body, status=status, headers=said)
            self.lost -= 1
        assert request.transport is not None
        request.transport.close()
        return web.Response()


@asynccontextmanager
async def lossy_way(target: str) -> AsyncIterator[LossyWay]:
    """Serve a way to `target`."""
    listener = server.open_port("127.0.0.1", 0)
    way = LossyWay(target=target, url=server.url_of(listener))
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", way.pass_on)
    async with server.serve(app, listener, drain_seconds=1):
        yield way
