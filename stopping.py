"""Stopping on a signal: the first asks for an orderly end, one that comes a second later ends at once."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 1.0  # a nervous double Ctrl-C is one
LIMIT_SECONDS = 9.5  # whoever sent the signal kills after ten
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stop:
    """Owns the signals of the process within its block."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self._asked_seconds = 0.0

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            try:
                loop.add_signal_handler(number, self._ask)
            except NotImplementedError:  # Windows
                signal.signal(number, lambda *_: loop.call_soon_threadsafe(self._ask))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number in _SIGNALS:
            with contextlib.suppress(NotImplementedError):
                asyncio.get_running_loop().remove_signal_handler(number)

    @property
    def asked(self) -> bool:
        """Whether a signal came."""
        return self._asked.is_set()

    async def wait(self) -> None:
        """Wait for a signal."""
        await self._asked.wait()

    async def or_until(self, work: Coroutine[Any, Any, None]) -> None:
        """Wait for `work`, or for a signal that makes it pointless."""
        tasks = {asyncio.ensure_future(work), asyncio.ensure_future(self._asked.wait())}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _ask(self) -> None:
        if not self.asked:
            self._asked.set()
            self._asked_seconds = time.monotonic()
            log.info("stopping")
            # Everything that was answered is on the disk, so an end by force loses nothing but politeness.
            asyncio.get_running_loop().call_later(LIMIT_SECONDS, _end, 0)
        elif time.monotonic() - self._asked_seconds >= PATIENCE_SECONDS:
            _end(130)


def _end(code: int) -> None:
    log.warning("ending at once")
    logging.shutdown()
    os._exit(code)
