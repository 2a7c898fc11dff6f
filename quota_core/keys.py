"""
Caller-made keys of operations, as the 16 bytes that the ledger stores.

A UUIDv7 and a Discord snowflake are kept as themselves: they grow with time, so the index that makes them
unique stays warm. Anything else becomes a digest.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b
from uuid import UUID

MAX_KEY_LENGTH = 200
_UUID7, _RFC_VARIANT = 7, 2
_UUID7_TEXT = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_UUID_LENGTH, _KEY_BYTES = 36, 16
_HYPHENS, _VERSION_PLACE, _VARIANT_PLACE = (8, 13, 18, 23), 14, 19
_VARIANTS, _HEX_DIGITS = frozenset("89ab"), frozenset("0123456789abcdef")
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


def keys_bytes(keys: Sequence[str]) -> list[bytes]:
    """Return `key_bytes` of each of some texts; when all are UUIDv7s, by a few steps for all."""
    count, text = len(keys), "".join(keys)
    if (
        set(map(len, keys)) == {_UUID_LENGTH}
        and all(text[place::_UUID_LENGTH] == "-" * count for place in _HYPHENS)
        and text[_VERSION_PLACE::_UUID_LENGTH] == "7" * count
        and set(text[_VARIANT_PLACE::_UUID_LENGTH]) <= _VARIANTS
        and set(digits := text.replace("-", "")) <= _HEX_DIGITS
        and len(digits) == 2 * _KEY_BYTES * count
    ):
        whole = bytes.fromhex(digits)
        return [whole[start : start + _KEY_BYTES] for start in range(0, len(whole), _KEY_BYTES)]
    return [key_bytes(key) for key in keys]


def derived_key(name: str, key: bytes) -> bytes:
    """Return the key of an operation that follows from another one: a give-back from its spend."""
    return blake2b(key, digest_size=16, person=name.encode()[:16]).digest()


def _snowflake(number: int) -> bytes:
    return bytes(8) + number.to_bytes(8, "big")


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16, person=b"key").digest()
