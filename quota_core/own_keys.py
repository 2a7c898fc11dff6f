"""
The program's own secrets, made once, each in a file of the data folder that only its owner can read.

`signing.key` signs anchors and statements; `secret.key` is for tokens of our own, unless `SECRET_KEY` is set.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from quota_core.errors import UnavailableError
from quota_core.signing import SigningKey

SIGNING_FILE, SECRET_FILE = "signing.key", "secret.key"
SECRET_BYTES = 32


def signing_key(data: Path) -> SigningKey:
    """
    Return the key of this data folder; make it when there is none.

    Raises:
        UnavailableError: the file cannot be read or made, or holds no key.

    """
    content = _once(data / SIGNING_FILE, lambda: SigningKey.new().to_pem())
    try:
        return SigningKey.of_pem(content)
    except ValueError as error:
        raise UnavailableError(f"{data / SIGNING_FILE} holds no Ed25519 key") from error


def secret_key(data: Path, given: str | None) -> bytes:
    """
    Return the secret that was given, else the one of this data folder; make that when there is none.

    Raises:
        UnavailableError: the file cannot be read or made.

    """
    if given is not None:
        return given.encode()
    return _once(data / SECRET_FILE, lambda: secrets.token_hex(SECRET_BYTES).encode())


def _once(file: Path, make: Callable[[], bytes]) -> bytes:
    """Return what the file holds; of several processes that find none, one makes it."""
    try:
        if not file.exists():
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _put(file, make())
        return file.read_bytes()
    except OSError as error:
        raise UnavailableError(f"{file} cannot be read or made: {error}") from error


def _put(file: Path, content: bytes) -> None:
    part = file.with_name(f".{file.name}.{secrets.token_hex(4)}.part")
    descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        # A link, since a rename would take the place of what another process made meanwhile.
        with contextlib.suppress(FileExistsError):
            os.link(part, file)
    finally:
        part.unlink(missing_ok=True)
