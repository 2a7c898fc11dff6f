"""
Caller-made keys of operations, as the 16 bytes that the ledger stores.

A UUIDv7 and a Discord snowflake are kept as themselves: they grow with time, so the index that makes them
unique stays warm. Anything else becomes a digest.
"""

from __future__ import annotations

from hashlib import blake2b
from uuid import UUID

MAX_KEY_LENGTH = 200
_UUID7 = 7
_SNOWFLAKE_DIGITS = range(15, 20)


def key_bytes(key: str | int | UUID) -> bytes:
    """
    Return the stored form of a key.

    Raises:
        ValueError: an empty key, or one longer than 200 characters.

    """
    if isinstance(key, UUID):
        number = key.int
        # The version as its bits: asking the object for it costs more than all the rest.
        return number.to_bytes(16, "big") if number >> 76 & 15 == _UUID7 else _digest(str(key))
    if isinstance(key, int):
        return _snowflake(key) if 0 < key < 2**63 else _digest(str(key))
    if not 1 <= len(key) <= MAX_KEY_LENGTH:
        raise ValueError(f"a key has 1 to {MAX_KEY_LENGTH} characters, this one has {len(key)}")
    if len(key) in _SNOWFLAKE_DIGITS and key.isascii() and key.isdigit() and key[0] != "0":
        return key_bytes(int(key))
    if len(key) == 36:  # noqa: PLR2004 - the length of a UUID in its usual spelling
        try:
            parsed = UUID(key)
        except ValueError:
            return _digest(key)
        # Only the usual spelling is the UUID itself, so that two spellings stay two keys.
        if parsed.version == _UUID7 and str(parsed) == key:
            return parsed.bytes
    return _digest(key)


def derived_key(name: str, key: bytes) -> bytes:
    """Return the key of an operation that follows from another one: a give-back from its spend."""
    return blake2b(key, digest_size=16, person=name.encode()[:16]).digest()


def _snowflake(number: int) -> bytes:
    return bytes(8) + number.to_bytes(8, "big")


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16, person=b"key").digest()
