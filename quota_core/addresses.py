"""Where messages can be sent: the form that an address has for each channel, and how much of it may be shown."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from urllib.parse import urlsplit

from quota_core.store.recipients import Recipient

MAX_ADDRESS = 2048
_MAIL = re.compile(r"[^\s@<>\"(),;:\\\[\]]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+")
_ID = re.compile(r"[1-9][0-9]{5,19}")


def shown(recipient: Recipient) -> str:
    """Return a recipient's address as it may be shown: of a URL, only the host, since its path may be a secret."""
    if recipient.channel in ("slack", "webhook"):
        return f"{urlsplit(recipient.target).hostname}"
    return recipient.target


def fits(channel: str, target: str, schemes: Collection[str]) -> bool:
    """Tell whether a channel can send to this; URLs have one of the `schemes`."""
    if channel == "email":
        # Nothing invisible: no database stores all of it, and no reader sees where such a message goes.
        return len(target) <= 254 and target.isprintable() and _MAIL.fullmatch(target) is not None  # noqa: PLR2004 - RFC 5321
    if channel == "channel":
        return _ID.fullmatch(target) is not None
    try:
        parts = urlsplit(target)
        port = parts.port
    except ValueError:
        return False
    del port
    return bool(
        len(target) <= MAX_ADDRESS
        and target.isascii()
        and target.isprintable()
        and " " not in target
        and parts.scheme in schemes
        and parts.hostname
        and not parts.username
        and not parts.password
        and ("http" in schemes or not _is_private(parts.hostname))
    )


def _is_private(host: str) -> bool:
    """
    Tell whether nothing could ever be posted there, from the name alone, so that this is said at once.

    It keeps nobody out: what a name leads to is looked at where the connection is made.
    """
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return f".{host.rstrip('.')}".endswith(".localhost")
