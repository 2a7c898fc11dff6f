"""
Caller-made keys of operations, as the 16 bytes that the ledger stores.

A UUIDv7 and a Discord snowflake are kept as themselves: they grow with time, so the index that makes them
unique stays warm. Anything else becomes a digest.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from uuid import UUID

MAX_KEY_LENGTH = 200
_UUID7, _RFC_VARIANT = 7, 2
_UUID7_TEXT = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_SNOWFLAKE_DIGITS = range(15, 20)


def key_bytes(key: str | int | UUID) -> bytes:
    """
    Return the stored form of a key.

    Raises:
        ValueError: an empty key, or one longer than 200 characters.

    """
    if isinstance(key, UUID):
        number = key.int
        # Version and variant as their bits: asking the object for them costs more than all the rest.
        is_uuid7 = number >> 76 & 15 == _UUID7 and number >> 62 & 3 == _RFC_VARIANT
        return number.to_bytes(16, "big") if is_uuid7 else _digest(str(key))
    if isinstance(key, int):
        return _snowflake(key) if 0 < key < 2**63 else _digest(str(key))
    if not 1 <= len(key) <= MAX_KEY_LENGTH:
        raise ValueError(f"a key has 1 to {MAX_KEY_LENGTH} characters, this one has {len(key)}")
    if len(key) in _SNOWFLAKE_DIGITS and key.isascii() and key.isdigit() and key[0] != "0":
        return key_bytes(int(key))
    # Only the usual spelling is the UUID itself, so that two spellings stay two keys.
    if _UUID7_TEXT.fullmatch(key) is not None:
        return bytes.fromhex(key.replace("-", ""))
    return _digest(key)


def derived_key(name: str, key: bytes) -> bytes:
    """Return the key of an operation that follows from another one: a give-back from its spend."""
    return blake2b(key, digest_size=16, person=name.encode()[:16]).digest()


def _snowflake(number: int) -> bytes:
    return bytes(8) + number.to_bytes(8, "big")


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16, person=b"key").digest()
