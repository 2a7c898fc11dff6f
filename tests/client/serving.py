"""Other people's services, served on real ports."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import uvicorn
from aiohttp import web

from webhooks import server


def aiohttp_served(app: web.Application) -> AbstractAsyncContextManager[str]:
    """Serve an aiohttp application; the block gets its address."""
    return server.serve(app, server.open_port("127.0.0.1", 0), drain_seconds=1)


@asynccontextmanager
async def asgi_served(app: Any) -> AsyncIterator[str]:
    """Serve an ASGI application; the block gets its address."""
    listener = server.open_port("127.0.0.1", 0)
    running = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on", ws="none"))
    task = asyncio.create_task(running.serve(sockets=[listener]))
    try:
        yield server.url_of(listener)
    finally:
        running.should_exit = True
        await task
        listener.close()
