"""
How many requests one caller may make: a fixed window a caller, in memory, in a table that cannot grow.

Each API call passes here, so a window is one entry of a dictionary and a count is one look-up.
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

from aiohttp import web

from webhooks.problems import ProblemError, refused

WINDOW_SECONDS = 60
CAPACITY = 10_000
MAX_FORWARDED = 20  # entries of X-Forwarded-For that are looked at, from the right

IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


class Spent(NamedTuple):
    """Where a caller stands after a request: what is left of `limit` for `reset_seconds` more."""

    policy: str
    limit: int
    left: int
    reset_seconds: int

    @property
    def headers(self) -> dict[str, str]:
        """The fields of draft-ietf-httpapi-ratelimit-headers."""
        return {
            "RateLimit-Policy": f'"{self.policy}";q={self.limit};w={WINDOW_SECONDS}',
            "RateLimit": f'"{self.policy}";r={self.left};t={self.reset_seconds}',
        }

    @property
    def lines(self) -> bytes:
        """The same fields as they stand in an answer."""
        policy, limit, left, reset_seconds = self
        return (
            f'RateLimit-Policy: "{policy}";q={limit};w={WINDOW_SECONDS}\r\n'
            f'RateLimit: "{policy}";r={left};t={reset_seconds}\r\n'
        ).encode("ascii")


class Budget:
    """
    So many requests a minute for each caller; `policy` names it to callers, `monotonic` gives seconds.

    At most `capacity` callers are remembered. All windows are equally long, so the order of insertion is the
    order in which they end, and the oldest is forgotten first.
    """

    def __init__(
        self, policy: str, per_minute: int, *, monotonic: Callable[[], float], capacity: int = CAPACITY
    ) -> None:
        self._policy = policy
        self._limit = per_minute
        self._monotonic = monotonic
        self._capacity = capacity
        self._windows: dict[str, tuple[int, float]] = {}

    def __len__(self) -> int:
        """Return how many callers are remembered."""
        return len(self._windows)

    def spend(self, caller: str) -> Spent:
        """
        Count a request.

        Raises:
            ProblemError: 429, the caller has had its share of this minute.

        """
        now_seconds = self._monotonic()
        count, ends_seconds = self._windows.get(caller, (0, 0.0))
        if ends_seconds <= now_seconds:
            self._windows.pop(caller, None)
            self._make_room(now_seconds)
            count, ends_seconds = 0, now_seconds + WINDOW_SECONDS
        self._windows[caller] = (count + 1, ends_seconds)
        reset_seconds = math.ceil(ends_seconds - now_seconds)
        if count >= self._limit:
            raise _too_many(Spent(self._policy, self._limit, 0, reset_seconds))
        return Spent(self._policy, self._limit, self._limit - count - 1, reset_seconds)

    def spend_at_once(self, caller: str) -> Spent | None:
        """Count a request as `spend` does; None, with nothing counted, where that has more to do than count."""
        now_seconds = self._monotonic()
        window = self._windows.get(caller)
        if window is None:
            return None
        count, ends_seconds = window
        if count >= self._limit or ends_seconds <= now_seconds:
            return None
        self._windows[caller] = (count + 1, ends_seconds)
        return Spent(
            self._policy, self._limit, self._limit - count - 1, math.ceil(ends_seconds - now_seconds)
        )

    def _make_room(self, now_seconds: float) -> None:
        while self._windows:
            caller, (_, ends_seconds) = next(iter(self._windows.items()))
            if ends_seconds > now_seconds and len(self._windows) < self._capacity:
                return
            del self._windows[caller]


def _too_many(spent: Spent) -> ProblemError:
    headers = {"Retry-After": str(spent.reset_seconds), **spent.headers}
    return refused(
        429,
        "too-many-requests",
        "Too many requests",
        f"At most {spent.limit} a minute; again in {spent.reset_seconds} seconds.",
        **headers,
    )


class Callers:
    """
    Tell callers apart by address: an IPv6 caller is its /64.

    `X-Forwarded-For` is read only when the peer is one of `trusted_proxies` (addresses or networks), from the
    right, up to the first address that is no trusted proxy: what is left of it anybody may have written.
    """

    def __init__(self, trusted_proxies: Iterable[str] = ()) -> None:
        self._trusted: tuple[IpNetwork, ...] = tuple(
            ipaddress.ip_network(text, strict=False) for text in trusted_proxies
        )

    def of(self, request: web.Request) -> str:
        """Return the caller's name for a budget."""
        caller = _address(request.remote or "")
        if caller is None:
            return "unknown"
        if self._is_trusted(caller):
            lines = request.headers.getall("X-Forwarded-For", [])
            entries = [entry for line in lines for entry in line.split(",")]
            for entry in entries[: -MAX_FORWARDED - 1 : -1]:
                found = _address(entry.strip())
                if found is None:
                    break
                caller = found
                if not self._is_trusted(found):
                    break
        if caller.version == 6:  # noqa: PLR2004 - the version of the protocol
            return str(ipaddress.ip_network((caller, 64), strict=False))
        return str(caller)

    def _is_trusted(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
        return any(address in network for network in self._trusted)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found
