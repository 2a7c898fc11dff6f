"""
Counts of what the program did since it started, as plain numbers.

They are added to on the way of every request, where a metric object of the library would cost more than what it
counts; `exposition` turns them into metrics when somebody asks.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import accumulate

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
OPERATIONS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
OTHER = "other"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SCOPES = frozenset({"user", "global", "shared"})


class Spread:
    """How often a value lay between two of the `bounds`, the last of them infinite."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float, times: int = 1) -> None:
        """Count a value."""
        self.counts[bisect_left(self.bounds, value)] += times
        self.total += value * times

    def buckets(self) -> list[tuple[str, float]]:
        """Return how many values were at most each bound, as Prometheus counts them."""
        names = [*(str(float(bound)) for bound in self.bounds), "+Inf"]
        return list(zip(names, accumulate(self.counts), strict=True))


class Tallies:
    """The meter of a process; `clock` gives UTC milliseconds."""

    def __init__(self, *, clock: Callable[[], int]) -> None:
        self._clock = clock
        self.checks: Counter[tuple[str, str]] = Counter()
        self.check_seconds = Spread(SECONDS)
        self.batch_operations = Spread(OPERATIONS)
        self.commit_seconds = Spread(SECONDS)
        self.alerts: Counter[tuple[str, str]] = Counter()
        self.answers: Counter[tuple[str, str, int]] = Counter()
        self.answer_seconds: dict[str, Spread] = {}
        self.deliveries: Counter[str] = Counter()
        self.last_delivery_ms: int | None = None
        self.discord_answers: Counter[str] = Counter()
        self.discord_limits: Counter[str] = Counter()
        self.loop_lag_seconds = Spread(SECONDS)

    def checked(self, source: str, outcome: str, count: int = 1) -> None:
        """Count what an edge was told, `count` times, when it asked for units."""
        self.checks[source, outcome] += count

    def decided(self, operations: int, seconds: float) -> None:
        """Count a batch; each of its operations as long as the one that waited longest."""
        self.check_seconds.add(seconds, operations)

    def committed(self, operations: int, seconds: float) -> None:
        """Count a transaction."""
        self.batch_operations.add(operations)
        self.commit_seconds.add(seconds)

    def alerted(self, severity: str, overage_policy: str) -> None:
        """Count a threshold that an account crossed."""
        self.alerts[severity, overage_policy] += 1

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count an answered request; what anybody can make up is no label."""
        # Of each strange path and method a series would stay for ever, and anybody can send a million of them.
        route = route or OTHER
        self.answers[route, method if method in _METHODS else OTHER, status] += 1
        spread = self.answer_seconds.get(route)
        if spread is None:
            spread = self.answer_seconds[route] = Spread(SECONDS)
        spread.add(seconds)

    def delivered(self, outcome: str, *, trusted: bool) -> None:
        """Count a delivery of the payment provider, and remember when the last real one came."""
        self.deliveries[outcome] += 1
        if trusted:
            self.last_delivery_ms = self._clock()

    def asked_discord(self, status: int, scope: str) -> None:
        """Count an answer of Discord by its class, and the rate limits met."""
        self.discord_answers[f"{status // 100}xx"] += 1
        if status == 429:  # noqa: PLR2004 - Too Many Requests
            self.discord_limits[scope if scope in _SCOPES else OTHER] += 1
