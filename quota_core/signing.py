"""
Signatures on what leaves the program: anchors and statements, with one Ed25519 key (RFC 8032).

What is signed is canonical JSON: keys sorted, no blanks, UTF-8, whole numbers only. Two programs that agree on the
facts agree on the bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

SIGNATURE, PUBLIC_KEY = "signature", "public_key"


class SigningKey:
    """The private key; it never appears in a `repr`."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @classmethod
    def new(cls) -> SigningKey:
        """Draw a key."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def of_pem(cls, pem: bytes) -> SigningKey:
        """
        Return the key that `to_pem` wrote.

        Raises:
            ValueError: it is no Ed25519 key.

        """
        key = load_pem_private_key(pem, password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError("this is no Ed25519 key")  # noqa: TRY004 - the file is wrong, not the caller
        return cls(key)

    def to_pem(self) -> bytes:
        """Return the key as PKCS #8, for a file that only its owner can read."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def public_key(self) -> str:
        """The public key, 64 hexadecimal digits: anybody may know it."""
        return self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()

    def signed(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return the document with the public key and the signature over all the rest."""
        whole = {**document, PUBLIC_KEY: self.public_key}
        return {**whole, SIGNATURE: self._key.sign(canonical(whole)).hex()}


def canonical(document: Mapping[str, Any]) -> bytes:
    """Return a document as the bytes that are signed."""
    return json.dumps(
        document, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    ).encode()


def is_signed(document: Mapping[str, Any]) -> bool:
    """Tell whether the signature fits the document and the key that it names; not whose key that is."""
    rest = {name: value for name, value in document.items() if name != SIGNATURE}
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(str(document.get(PUBLIC_KEY))))
        public.verify(bytes.fromhex(str(document.get(SIGNATURE))), canonical(rest))
    except (ValueError, InvalidSignature):
        return False
    return True
