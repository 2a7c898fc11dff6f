"""How late the event loop comes back: what makes everything slow at once."""

from __future__ import annotations

import asyncio

from monitoring.tallies import Tallies

INTERVAL_SECONDS = 0.25


async def watch_loop(tallies: Tallies) -> None:
    """Measure until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + INTERVAL_SECONDS
        await asyncio.sleep(INTERVAL_SECONDS)
        tallies.loop_lag_seconds.add(max(0.0, loop.time() - due))
