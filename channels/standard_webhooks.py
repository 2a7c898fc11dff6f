"""
How deliveries are signed, so that their receiver knows who sent them and when.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

_PREFIX = "whsec_"


def signed_headers(message_id: str, at_seconds: int, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """
    Return the headers of a delivery.

    Args:
        message_id: the same for each try, so that a receiver can tell a repetition.
        at_seconds: of this try, UTC.
        body: as it is sent, to the byte.
        secrets: `whsec_…`; with several, during a rotation, each makes a signature.

    """
    signed = f"{message_id}.{at_seconds}.".encode() + body
    signatures = [
        base64.b64encode(hmac.new(_key(secret), signed, hashlib.sha256).digest()).decode()
        for secret in secrets
    ]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at_seconds),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(_PREFIX))
