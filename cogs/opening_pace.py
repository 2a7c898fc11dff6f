"""
How fast direct channels are opened: bots that open many in a burst get locked out of direct messages.

Writing in a channel that is open already is not limited here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

BURST = 5
REFILL_SECONDS = 2.0
LONG_SECONDS = 600.0
MAX_IN_LONG = 20
FIRST_PAUSE_SECONDS = 600.0
MAX_PAUSE_SECONDS = 6 * 3600.0


class OpeningPace:
    """
    Five new channels at once, then one in two seconds, never more than twenty in ten minutes.

    None for a while after Discord complained. `monotonic` counts seconds.
    """

    def __init__(self, *, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._opened: deque[float] = deque(maxlen=MAX_IN_LONG)
        self._tokens = float(BURST)
        self._counted = monotonic()
        self._closed_until = float("-inf")
        self._pause_seconds = FIRST_PAUSE_SECONDS

    def wait_seconds(self) -> float:
        """Return how long no channel may be opened; 0 when one may be now."""
        now = self._monotonic()
        self._tokens = min(float(BURST), self._tokens + (now - self._counted) / REFILL_SECONDS)
        self._counted = now
        waits = [0.0, self._closed_until - now, (1 - self._tokens) * REFILL_SECONDS]
        if len(self._opened) == MAX_IN_LONG:
            waits.append(self._opened[0] + LONG_SECONDS - now)
        return max(waits)

    def opens(self) -> None:
        """Count a channel that is being opened; `wait_seconds` was 0 just now."""
        self._tokens -= 1
        self._opened.append(self._monotonic())

    def went_well(self) -> None:
        """Forget earlier complaints."""
        self._pause_seconds = FIRST_PAUSE_SECONDS

    def trip(self) -> float:
        """Open nothing for ten minutes, twice as long each further time; return the pause in seconds."""
        pause_seconds = self._pause_seconds
        self._closed_until = self._monotonic() + pause_seconds
        self._pause_seconds = min(MAX_PAUSE_SECONDS, 2 * pause_seconds)
        return pause_seconds
