"""
The chain of an account: each entry's digest covers its own facts and the digest before it.

128 bits of BLAKE2b: enough that nobody finds another history with the same head, and small enough to stand in
every row. Rows carry the account's inner id, so erasing a person's outer id breaks nothing.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import NamedTuple

DIGEST_BYTES = 16


class Entry(NamedTuple):
    """One row of the ledger, in the order of its columns; units are the metric's, times UTC milliseconds."""

    id: int
    account: int
    version: int
    prev: int
    kind: int
    metric: int
    units: int
    parts: str
    at_ms: int
    key: bytes
    allowance_left: int | None
    purchased_left: int
    digest: bytes


def digest_of(entry: Entry | tuple[object, ...], before: bytes) -> bytes:
    """Return the digest that belongs to an entry (its own digest field is not read) after `before`."""
    facts = "|".join(map(str, entry[1:9])) + f"|{entry[10]}|{entry[11]}|"
    return blake2b(before + facts.encode() + entry[9], digest_size=DIGEST_BYTES).digest()  # type: ignore[operator]  # column 9 is the key
