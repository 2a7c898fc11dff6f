"""
Rate limits as Discord shows and enforces them: one window per bucket and major parameter.

https://discord.com/developers/docs/topics/rate-limits
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.discord_shapes import Json


@dataclass(slots=True, kw_only=True)
class Window:
    """The requests of one bucket since its window opened; `opened_seconds` is monotonic."""

    opened_seconds: float
    used: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a request may pass, the headers of its answer, and the body when it may not."""

    passes: bool
    headers: dict[str, str]
    body: Json


class RateLimits:
    """
    Fixed windows.

    Args:
        requests: how many a bucket takes per window.
        window_seconds: how long a window is.
        clock: the time in seconds since 1970, for the header that tells when the window ends.
        monotonic: the clock that windows run on, in seconds.

    """

    def __init__(
        self,
        *,
        requests: int,
        window_seconds: float,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self._requests = requests
        self._window_seconds = window_seconds
        self._clock = clock
        self._monotonic = monotonic
        self._windows: dict[tuple[str, str], Window] = {}

    def take(self, bucket: str, major: str) -> Verdict:
        """Count a request to `bucket` for the major parameter (a channel, a guild, a token)."""
        now_seconds = self._monotonic()
        window = self._windows.get((bucket, major))
        if window is None or now_seconds - window.opened_seconds >= self._window_seconds:
            window = Window(opened_seconds=now_seconds)
            self._windows[bucket, major] = window
        passes = window.used < self._requests
        window.used += passes
        left_seconds = max(0.0, window.opened_seconds + self._window_seconds - now_seconds)
        headers = {
            "X-RateLimit-Limit": str(self._requests),
            "X-RateLimit-Remaining": str(self._requests - window.used),
            "X-RateLimit-Reset": f"{self._clock() + left_seconds:.3f}",
            "X-RateLimit-Reset-After": f"{left_seconds:.3f}",
            "X-RateLimit-Bucket": hashlib.sha256(bucket.encode()).hexdigest()[:32],
            # discord.py takes a 429 without it for a ban by the network in front of Discord.
            "Via": "1.1 google",
        }
        if passes:
            return Verdict(passes=True, headers=headers, body={})
        headers |= {"Retry-After": str(int(left_seconds) + 1), "X-RateLimit-Scope": "user"}
        body = {
            "message": "You are being rate limited.",
            "retry_after": round(left_seconds, 3),
            "global": False,
        }
        return Verdict(passes=False, headers=headers, body=body)
