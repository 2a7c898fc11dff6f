"""
Failing open, within bounds: what a service may let through while Jauge cannot be reached.

A plain `Client` fails closed. Whoever prefers to serve on says so, and how far:

    client = OfflineClient(url, key, allowance=OfflineAllowance(units=500, seconds=300))

What passed unasked is owed under its own keys and booked once Jauge is back. It is kept in memory: a service that
ends meanwhile has given it away, which the bounds limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jauge_client import Client, Operation, RefusedError, Spend, UnreachableError


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineAllowance:
    """So many `units` in all may pass unasked, until `seconds` after the first try that got no answer."""

    units: int
    seconds: float


class OfflineClient(Client):
    """
    A client that lets operations through unasked, within an allowance, while nobody answers.

    `monotonic` gives seconds; the other arguments are those of `Client`.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        allowance: OfflineAllowance,
        monotonic: Callable[[], float] = time.monotonic,
        **options: Any,
    ) -> None:
        super().__init__(url, key, **options)
        self._allowance = allowance
        self._monotonic = monotonic
        self._owed: deque[Operation] = deque()
        self._since: float | None = None
        self._booking = asyncio.Lock()

    @property
    def owed(self) -> tuple[Operation, ...]:
        """What passed unasked and is not booked yet, oldest first."""
        return tuple(self._owed)

    async def take(self, wanted: Operation) -> Spend:
        """Take units; without an answer, let them through while the allowance lasts."""
        try:
            await self.book_owed()
            spend = await super().take(wanted)
        except UnreachableError:
            if not self._may_pass(wanted):
                raise
            self._owed.append(wanted)
            return _unasked(wanted)
        self._since = None
        return spend

    async def book_owed(self) -> None:
        """Book what passed unasked; what is refused by now was given away. Raises UnreachableError."""
        async with self._booking:
            while self._owed:
                with contextlib.suppress(RefusedError):
                    await super().take(self._owed[0])
                self._owed.popleft()

    def _may_pass(self, wanted: Operation) -> bool:
        now = self._monotonic()
        self._since = now if self._since is None else self._since
        passed = sum(one.units for one in self._owed)
        in_time = now - self._since <= self._allowance.seconds
        return in_time and passed + wanted.units <= self._allowance.units


def _unasked(wanted: Operation) -> Spend:
    return Spend(
        request_id=wanted.request_id,
        units=wanted.units,
        allowance_left=None,
        purchased_left=0,
        replayed=False,
        offline=True,
    )
