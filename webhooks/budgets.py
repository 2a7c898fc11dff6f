"""
How many requests one caller may make: a fixed window a caller, in memory, in a table that cannot grow.

The `limits` library brings the strategy. Its own memory storages start a thread or a task at each hit and look
through every key they hold, so the storage is ours.
"""

from __future__ import annotations

import ipaddress
import math
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from aiohttp import web
from limits import RateLimitItemPerMinute
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

from webhooks.problems import ProblemError, refused

WINDOW_SECONDS = 60
CAPACITY = 10_000
MAX_FORWARDED = 20  # entries of X-Forwarded-For that are looked at, from the right

IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


class WindowStorage(Storage):
    """
    Counters that end; at most `capacity` of them, the oldest is forgotten first.

    All windows of one storage are equally long, so the order of insertion is the order in which they end.
    """

    STORAGE_SCHEME = ["jauge-window"]  # noqa: RUF012 - the library's registry reads it from the class

    def __init__(self, *, monotonic: Callable[[], float], capacity: int = CAPACITY) -> None:
        super().__init__()
        self._monotonic = monotonic
        self._capacity = capacity
        self._windows: OrderedDict[str, tuple[int, float]] = OrderedDict()

    @property
    def base_exceptions(self) -> type[Exception]:
        """What the storage itself raises: nothing of its own."""
        return ValueError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count `amount` more, in a window of `expiry` seconds when none is open; return the count."""
        now_seconds = self._monotonic()
        count, ends_seconds = self._windows.get(key, (0, 0.0))
        if ends_seconds <= now_seconds:
            self._windows.pop(key, None)
            self._make_room(now_seconds)
            count, ends_seconds = 0, now_seconds + expiry
        self._windows[key] = (count + amount, ends_seconds)
        return count + amount

    def get(self, key: str) -> int:
        """Return the count of the open window, 0 when none is open."""
        count, ends_seconds = self._windows.get(key, (0, 0.0))
        return count if ends_seconds > self._monotonic() else 0

    def get_expiry(self, key: str) -> float:
        """Return when the window ends, by the same clock."""
        return self._windows.get(key, (0, self._monotonic()))[1]

    def check(self) -> bool:
        """Memory is always there."""
        return True

    def reset(self) -> int:
        """Forget all windows; return how many there were."""
        count = len(self._windows)
        self._windows.clear()
        return count

    def clear(self, key: str) -> None:
        """Forget one window."""
        self._windows.pop(key, None)

    def __len__(self) -> int:
        return len(self._windows)

    def _make_room(self, now_seconds: float) -> None:
        while self._windows:
            key, (_, ends_seconds) = next(iter(self._windows.items()))
            if ends_seconds > now_seconds and len(self._windows) < self._capacity:
                return
            del self._windows[key]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Where a caller stands after a request."""

    policy: str
    limit: int
    left: int
    reset_seconds: int
    allowed: bool

    @property
    def headers(self) -> dict[str, str]:
        """The fields of draft-ietf-httpapi-ratelimit-headers."""
        return {
            "RateLimit-Policy": f'"{self.policy}";q={self.limit};w={WINDOW_SECONDS}',
            "RateLimit": f'"{self.policy}";r={self.left};t={self.reset_seconds}',
        }


class Budget:
    """So many requests a minute for each caller; `policy` names it to callers."""

    def __init__(
        self, policy: str, per_minute: int, *, monotonic: Callable[[], float], capacity: int = CAPACITY
    ) -> None:
        self._policy = policy
        self._item = RateLimitItemPerMinute(per_minute)
        self._monotonic = monotonic
        self._storage = WindowStorage(monotonic=monotonic, capacity=capacity)
        self._limiter = FixedWindowRateLimiter(self._storage)

    def __len__(self) -> int:
        """Return how many callers are remembered."""
        return len(self._storage)

    def spend(self, caller: str) -> Spent:
        """
        Count a request.

        Raises:
            ProblemError: 429, the caller has had its share of this minute.

        """
        allowed = self._limiter.hit(self._item, caller)
        ends_seconds, left = self._limiter.get_window_stats(self._item, caller)
        spent = Spent(
            policy=self._policy,
            limit=self._item.amount,
            left=left,
            reset_seconds=max(1, math.ceil(ends_seconds - self._monotonic())),
            allowed=allowed,
        )
        if not allowed:
            raise _too_many(spent)
        return spent


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
