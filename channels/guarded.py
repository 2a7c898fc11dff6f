"""
Requests to addresses that users typed in: they must reach nothing that only this machine can reach.

The address is judged where the socket is made, after the name was resolved for the last time: a check before that
would be passed by a name that resolves to something else a moment later, and a check in the resolver is never asked
about addresses that are written as numbers (aiohttp 3.14).
"""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Collection, Mapping
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver

TIMEOUT_SECONDS = 5.0
MAX_ANSWER_BYTES = 64 * 1024
HTTPS_PORT = 443
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_IPV4_BITS = 0xFFFFFFFF
# What IANA keeps for protocols, relays, documentation and routing, and Python calls global.
_RESERVED = tuple(
    ipaddress.ip_network(one) for one in ("192.0.0.0/24", "192.88.99.0/24", "3fff::/20", "5f00::/16")
)


class ForbiddenAddressError(OSError):
    """The address is not one of the public internet, or the port or scheme is not allowed."""

    def __init__(self, reason: str) -> None:
        super().__init__(errno.EACCES, reason)  # what wraps it shows only the text behind a number


class Answer(NamedTuple):
    """What came back: the status, and for how many seconds the other side asks for peace."""

    status: int
    retry_after_seconds: float | None

    @property
    def is_good(self) -> bool:
        """Whether the other side took it."""
        return 200 <= self.status < 300  # noqa: PLR2004 - the range of HTTP


def is_public(address: str) -> bool:
    """Tell whether an address, as a resolver returns it, is one of the public internet."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if found.teredo is not None:
            inner = found.teredo[1]
        if inner is None and found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & _IPV4_BITS)
        if inner is not None:
            return is_public(str(inner))
        if found.is_site_local:
            return False
    if any(found in network for network in _RESERVED):
        return False
    return found.is_global and not (found.is_multicast or found.is_reserved or found.is_unspecified)


class Guarded:
    """
    Posts to addresses of users: by https, to public addresses and allowed ports, within bounds of time and size.

    Args:
        ports: that may be connected to.
        allow_private: for tests and sandboxes: private addresses, http and every port too.
        resolver: in place of the system's.

    """

    def __init__(
        self,
        *,
        ports: Collection[int] = (HTTPS_PORT,),
        allow_private: bool = False,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._ports = frozenset(ports)
        self._allow_private = allow_private
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(
            socket_factory=self._socket, resolver=self._resolver, use_dns_cache=False, force_close=True
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """
        Post, and return what came back.

        Raises:
            ForbiddenAddressError: the address is none that may be posted to.
            aiohttp.ClientError, OSError, TimeoutError, ValueError: it could not be reached, or answered no HTTP.

        """
        if urlsplit(url).scheme != "https" and not self._allow_private:
            raise ForbiddenAddressError("only https is allowed")
        assert self._session is not None
        async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as response:
            # Read, so that a small answer is over; what is longer is of no interest to us.
            await response.content.read(MAX_ANSWER_BYTES)
            return Answer(response.status, _seconds(response.headers.get("Retry-After", "")))

    def _socket(self, found: tuple[Any, ...]) -> socket.socket:
        """Make the socket for an address that was resolved, if it may be connected to."""
        family, kind, protocol, _, place = found
        if not self._allow_private:
            if not is_public(str(place[0])):
                raise ForbiddenAddressError("the address is not public")
            if place[1] not in self._ports:
                raise ForbiddenAddressError(f"port {place[1]} is not allowed")
        return socket.socket(family, kind, protocol)


def _seconds(text: str) -> float | None:
    return min(float(text), 3600.0) if text.isascii() and text.isdigit() else None
