"""
The chain of an account: each entry's digest covers its own facts and the digest before it.

128 bits of BLAKE2b: enough that nobody finds another history with the same head, and small enough to stand in
every row. Rows carry the account's inner id; its outer one stands in the digest before its first entry alone
(`witnesses.first_digest`), which must be kept when the outer id is erased.
"""

from __future__ import annotations

from hashlib import blake2b
from struct import Struct
from typing import NamedTuple

DIGEST_BYTES = 16
GENESIS = bytes(DIGEST_BYTES)
"""Stands in for the digest before the first entry where there is no account."""

pack = Struct(">9q").pack


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


def seal(  # noqa: PLR0917 - the columns of an entry in their order; names would double the cost
    before: bytes,
    account: int,
    version: int,
    prev: int,
    kind: int,
    metric: int,
    units: int,
    parts: str,
    at_ms: int,
    key: bytes,
    allowance_left: int | None,
    purchased_left: int,
) -> bytes:
    """
    Return the digest of an entry with these facts after `before`.

    Layout: before (16 bytes), key (16), nine big-endian signed 64-bit numbers, parts in UTF-8. An unlimited
    allowance counts as -1.
    """
    left = -1 if allowance_left is None else allowance_left
    numbers = pack(account, version, prev, kind, metric, units, at_ms, left, purchased_left)
    return blake2b(before + key + numbers + parts.encode(), digest_size=DIGEST_BYTES).digest()


def digest_of(entry: Entry, before: bytes) -> bytes:
    """Return the digest that belongs to an entry (its own digest field is not read) after `before`."""
    return seal(before, *entry[1:12])
