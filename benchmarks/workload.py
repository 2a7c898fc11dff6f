"""
The work that is the same for everyone: which accounts, how often each, and under which keys.

Popularity falls as 1 ÷ rank (Zipf with exponent 1), and has nothing to do with the order of the ids. Keys are made
before any clock starts.
"""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple
from uuid import UUID

FIRST_ID = 100_000_000_000_000_000  # the ids look like Discord's
SEED = 20_261_120
KEYS_PER_MS = 50  # as at fifty thousand operations a second


class Operation(NamedTuple):
    """One unit for the account of that id, under that key."""

    account_id: int
    key: UUID


class Workload:
    """Draws operations; the same seed draws the same accounts."""

    def __init__(self, accounts: int, *, seed: int = SEED, first_id: int = FIRST_ID) -> None:
        self._random = random.Random(seed)
        self.ids = range(first_id, first_id + accounts)
        self._by_rank = list(self.ids)
        self._random.shuffle(self._by_rank)
        self._weights = list(accumulate(1 / rank for rank in range(1, accounts + 1)))
        self._first_ms = time.time_ns() // 1_000_000
        self._made = 0

    def account_ids(self, count: int) -> list[int]:
        """Draw so many accounts by their popularity."""
        return self._random.choices(self._by_rank, cum_weights=self._weights, k=count)

    def operations(self, count: int) -> list[Operation]:
        """Draw operations with time-ordered keys, each later than the last one drawn."""
        return [Operation(account_id, self.key()) for account_id in self.account_ids(count)]

    def random_operations(self, count: int) -> list[Operation]:
        """Draw operations with keys in no order (UUIDv4)."""
        return [Operation(account_id, self.random_key()) for account_id in self.account_ids(count)]

    def key(self) -> UUID:
        """Return a UUIDv7 (RFC 9562, 5.7): milliseconds, then 74 random bits."""
        self._made += 1
        time_ms = self._first_ms + self._made // KEYS_PER_MS
        number = (time_ms << 80) | (7 << 76) | (self._random.getrandbits(12) << 64)
        return UUID(int=number | (2 << 62) | self._random.getrandbits(62))

    def random_key(self) -> UUID:
        """Return a UUIDv4."""
        return UUID(int=self._random.getrandbits(128), version=4)


def set_aside(*made: Sequence[object]) -> None:
    """Keep what the harness made out of the garbage collector's rounds; what is measured is made later."""
    del made
    gc.collect()
    gc.freeze()
