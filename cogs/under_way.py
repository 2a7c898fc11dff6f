"""What runs just now, so that closing can wait for it: discord.py closes its connections under running commands."""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType


class UnderWay:
    """Counts commands and presses; each is inside `with` while it runs."""

    def __init__(self) -> None:
        self._count = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self.finishing = False

    def __enter__(self) -> None:
        self._count += 1
        self._idle.clear()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._count -= 1
        if self._count == 0:
            self._idle.set()

    async def finish(self, timeout_seconds: float) -> None:
        """Wait until nothing runs any more, at most so long; nothing new is begun from now on."""
        self.finishing = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                await self._idle.wait()
