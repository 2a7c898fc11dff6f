"""
How fast direct channels are opened: bots that open many in a burst get locked out of direct messages.

Writing in a channel that is open already is not limited here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

SHORT_SECONDS = 2.0
LONG_SECONDS = 600.0
MAX_IN_LONG = 20
FIRST_PAUSE_SECONDS = 600.0
MAX_PAUSE_SECONDS = 6 * 3600.0


class OpeningPace:
    """One new channel in two seconds, twenty in ten minutes, and none for a while after Discord complained."""

    def __init__(self, *, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._opened: deque[float] = deque(maxlen=MAX_IN_LONG)
        self._closed_until = float("-inf")
        self._pause_seconds = FIRST_PAUSE_SECONDS

    def wait_seconds(self) -> float:
        """Return how long no channel may be opened; 0 when one may be now."""
        now = self._monotonic()
        until = [self._closed_until]
        if self._opened:
            until.append(self._opened[-1] + SHORT_SECONDS)
        if len(self._opened) == MAX_IN_LONG:
            until.append(self._opened[0] + LONG_SECONDS)
        return max(0.0, max(until) - now)

    def opens(self) -> None:
        """Count a channel that is being opened."""
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
