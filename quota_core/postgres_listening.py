"""
News from other processes: `LISTEN` on a connection of its own, opened again whenever it is lost.

News can be lost with the connection, so whoever listens must also look by itself from time to time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # it has no type hints

log = logging.getLogger(__name__)

CONNECT_SECONDS = 10
PROBE_SECONDS = 30.0
"""How often an idle connection is tried: one that a router forgot would stay silent for ever."""
FIRST_PAUSE_SECONDS = 0.5
MAX_PAUSE_SECONDS = 30.0
_SESSION = {"application_name": "jauge news"}


async def listen(url: str, channel: str, on_news: Callable[[], None]) -> None:
    """Call `on_news` for all that is said on the channel, and after each silence, until cancelled."""
    pause_seconds = FIRST_PAUSE_SECONDS
    while True:
        try:
            connection = await asyncpg.connect(url, timeout=CONNECT_SECONDS, server_settings=_SESSION)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.warning("no news from other processes: %r; again in %.1f s", error, pause_seconds)
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(MAX_PAUSE_SECONDS, 2 * pause_seconds)
            continue
        pause_seconds = FIRST_PAUSE_SECONDS
        try:
            await _hear(connection, channel, on_news)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.warning("news from other processes were cut off: %r", error)
        finally:
            connection.terminate()
        await asyncio.sleep(pause_seconds)


async def _hear(connection: Any, channel: str, on_news: Callable[[], None]) -> None:
    """Listen until the connection is lost."""
    lost = asyncio.Event()
    connection.add_termination_listener(lambda _: lost.set())
    await connection.add_listener(channel, lambda *_: on_news())
    on_news()  # for what was said before
    while not lost.is_set():
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                await lost.wait()
        except TimeoutError:
            await connection.execute("SELECT 1", timeout=CONNECT_SECONDS)
    raise ConnectionError("the connection was lost")
