"""A loop in which waiting costs nothing: when nobody can go on, the clock jumps to the next who can."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import selectors
import time
from collections.abc import Iterator
from random import Random
from typing import Any


class _Jumping(selectors.DefaultSelector):
    """Waits for nothing: the time that it was told to wait is over at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now_seconds = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        found = super().select(0)
        if not found:
            if timeout is None:
                raise RuntimeError("everybody waits for somebody else")
            self.now_seconds += max(0.0, timeout)
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps; nothing in it may wait for a socket or a thread."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Return the virtual time in seconds."""
        return self._jumping.now_seconds


class WallClock:
    """The time of day in a virtual loop; `skew_ms` is how far somebody turned it."""

    def __init__(self, loop: VirtualLoop, *, begin_ms: int) -> None:
        self._loop = loop
        self._begin_ms = begin_ms
        self.skew_ms = 0

    def __call__(self) -> int:
        """Return UTC nanoseconds."""
        return int(self._loop.time() * 1e9) + (self._begin_ms + self.skew_ms) * 1_000_000


@contextlib.contextmanager
def decided_by(random: Random, clock: WallClock) -> Iterator[None]:
    """Let the seed decide what is random, and the virtual clock what time it is, within the block."""
    true = (time.time_ns, secrets.token_hex, secrets.token_urlsafe, secrets.randbelow)
    time.time_ns = clock
    secrets.token_hex = lambda nbytes=None: random.randbytes(nbytes or 32).hex()
    secrets.token_urlsafe = lambda nbytes=None: random.randbytes(nbytes or 32).hex()
    secrets.randbelow = random.randrange  # type: ignore[assignment]  # takes more than it is given here
    try:
        yield
    finally:
        time.time_ns, secrets.token_hex, secrets.token_urlsafe, secrets.randbelow = true
