"""
Heads of requests that were read before, byte for byte, and what answers the next request with the same.

A service sends its operations with one key, one host and one agent, so that the head of nearly every request is one
that the server library has read already. Nothing is read here in the library's place: the same bytes mean the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from aiohttp import hdrs

from webhooks.ready_answer import Again

CAPACITY = 1024
MAX_BYTES = 2048
END = b"\r\n\r\n"
_NOT_AGAIN = (
    *(hdrs.EXPECT, hdrs.UPGRADE, hdrs.TRANSFER_ENCODING, hdrs.CONTENT_ENCODING),
    "X-Request-ID",  # of this request alone, so that no other has the same head
)


class Known(NamedTuple):
    """A head that was read before: how many bytes follow it, and what answers them."""

    length: int
    again: Again


class KnownHeads:
    """At most `capacity` heads; the one that was learned first is forgotten first."""

    def __init__(self, *, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._known: dict[bytes, Known] = {}
        self.find = self._known.get

    def __len__(self) -> int:
        """Return how many heads are known."""
        return len(self._known)

    def learn(self, head: bytes, headers: Mapping[str, str], length: int | None, again: Again) -> None:
        """Remember what answers a head, if it says nothing unusual; `length` is that of the body."""
        if (
            length is None
            or len(head) > MAX_BYTES
            or headers.get(hdrs.CONTENT_TYPE) != "application/json"
            or any(name in headers for name in _NOT_AGAIN)
        ):
            return
        self._known.pop(head, None)
        if len(self._known) >= self._capacity:
            del self._known[next(iter(self._known))]
        self._known[head] = Known(length, again)
