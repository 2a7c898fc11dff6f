"""
Keys that were good a moment ago: asked of the database at most once in `MEMORY_SECONDS` each.

A revoked key is therefore refused within a second, by every process that serves it. Only good keys are
remembered, under their digest, so that neither strangers nor a dump of this table gain anything.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from typing import NamedTuple

from quota_core.access_keys import AccessKey, AccessKeys

MEMORY_SECONDS = 0.8  # with the time of one look-up, less than the second that is promised
CAPACITY = 10_000


class _Known(NamedTuple):
    key: AccessKey
    asked_seconds: float


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
        self._known: dict[bytes, _Known] = {}
        self._looking: dict[bytes, asyncio.Task[AccessKey | None]] = {}

    def recall(self, token: str) -> tuple[AccessKey | None, bool]:
        """Return the key if it was good within the memory, and whether the token was ever good."""
        known = self._known.get(_digest(token))
        if known is None:
            return None, False
        key, asked_seconds = known
        fresh = self._monotonic() - asked_seconds <= MEMORY_SECONDS
        ended = key.expires_ms is not None and key.expires_ms <= self._clock()
        return (key if fresh and not ended else None), True

    async def check(self, token: str) -> AccessKey | None:
        """Ask the database and remember the answer; those who ask at once share one look-up."""
        digest = _digest(token)
        looking = self._looking.get(digest)
        if looking is None:
            looking = asyncio.create_task(self._look_up(token, digest))
            self._looking[digest] = looking
            looking.add_done_callback(lambda _: self._looking.pop(digest, None))
        # Shielded: whoever stops waiting must not take the answer from the others.
        return await asyncio.shield(looking)

    async def _look_up(self, token: str, digest: bytes) -> AccessKey | None:
        asked_seconds = self._monotonic()
        key = await self._keys.check(token)
        # Taken out first, so that it comes back as the youngest.
        self._known.pop(digest, None)
        if key is not None:
            while len(self._known) >= self._capacity:
                del self._known[next(iter(self._known))]
            self._known[digest] = _Known(key, asked_seconds)
        return key


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
