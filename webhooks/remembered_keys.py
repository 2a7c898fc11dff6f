"""
Keys that were good a moment ago: asked of the database at most once in `MEMORY_SECONDS` each.

A revoked key is therefore refused within a second, by every process that serves it. Only good keys are
remembered, so that strangers cannot fill the table.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from quota_core.access_keys import AccessKey, AccessKeys

MEMORY_SECONDS = 0.8  # with the time of one look-up, less than the second that is promised
CAPACITY = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """A key that was good when it was asked for, and is until `good_until_seconds` of the monotonic clock."""

    key: AccessKey
    good_until_seconds: float


class RememberedKeys:
    """
    Answer for tokens from memory; `clock` gives UTC milliseconds, `monotonic` seconds.

    At most `capacity` keys, the one that was asked for longest ago is forgotten first.
    """

    def __init__(
        self,
        keys: AccessKeys,
        *,
        clock: Callable[[], int],
        monotonic: Callable[[], float],
        capacity: int = CAPACITY,
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._monotonic = monotonic
        self._capacity = capacity
        self._known: dict[str, Remembered] = {}
        self._looking: dict[str, asyncio.Task[AccessKey | None]] = {}

    def __len__(self) -> int:
        """Return how many keys are remembered."""
        return len(self._known)

    def recall(self, token: str) -> Remembered | None:
        """Return what is remembered of a token, still good or not; None when it never was."""
        return self._known.get(token)

    async def check(self, token: str) -> AccessKey | None:
        """Ask the database and remember the answer; those who ask at once share one look-up."""
        looking = self._looking.get(token)
        if looking is None:
            looking = asyncio.create_task(self._look_up(token))
            self._looking[token] = looking
            looking.add_done_callback(lambda _: self._looking.pop(token, None))
        # Shielded: whoever stops waiting must not take the answer from the others.
        return await asyncio.shield(looking)

    async def _look_up(self, token: str) -> AccessKey | None:
        asked_seconds = self._monotonic()
        key = await self._keys.check(token)
        # Taken out first, so that it comes back as the youngest.
        self._known.pop(token, None)
        if key is not None:
            while len(self._known) >= self._capacity:
                del self._known[next(iter(self._known))]
            self._known[token] = Remembered(
                key=key, good_until_seconds=asked_seconds + self._good_seconds(key)
            )
        return key

    def _good_seconds(self, key: AccessKey) -> float:
        if key.expires_ms is None:
            return MEMORY_SECONDS
        return min(MEMORY_SECONDS, (key.expires_ms - self._clock()) / 1000)
