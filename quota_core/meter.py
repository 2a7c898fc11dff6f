"""
What the program reports of its own work, for whoever watches it; nothing here knows by which library.

The core reports a batch at a time and the edges a request at a time, always as plain numbers and short words: no
account, user or key is ever part of a report.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Iterable
from typing import Protocol, TypeVar

from quota_core import errors

T = TypeVar("T")
ALLOWED = "allowed"
_OUTCOMES: tuple[tuple[type[Exception], str], ...] = (
    (errors.OutOfQuotaError, "refused"),
    (errors.AccountBlockedError, "blocked"),
    (errors.NotInPlanError, "not_in_plan"),
    (errors.ConflictingReplayError, "conflict"),
    (errors.UnavailableError, "unavailable"),
    (errors.QuotaError, "invalid"),
)


class Meter(Protocol):
    """Where reports go; every call returns at once and never fails."""

    def checked(self, source: str, outcome: str, count: int = 1) -> None:
        """Count what an edge (`http`, `batch`, `discord`, …) was told, `count` times, when it asked for units."""
        ...

    def decided(self, operations: int, seconds: float) -> None:
        """Count a batch that was answered, its oldest operation after `seconds`."""
        ...

    def committed(self, operations: int, seconds: float) -> None:
        """Count a transaction of so many operations, from its wait for the database to its commit."""
        ...

    def alerted(self, severity: str, overage_policy: str) -> None:
        """Count an account that crossed a threshold (`info`, `warning`, `critical`; `block` or `charge`)."""
        ...

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count an answered HTTP request; `route` is the pattern that it matched, empty for none."""
        ...

    def delivered(self, outcome: str, *, trusted: bool) -> None:
        """Count a delivery of the payment provider; one that is not trusted may be anybody's."""
        ...

    def asked_discord(self, status: int, scope: str) -> None:
        """Count an answer of Discord's REST API; `scope` says whose rate limit a 429 met, else empty."""
        ...


class _Unmetered:
    """Takes no note of anything."""

    def checked(self, source: str, outcome: str, count: int = 1) -> None:
        """Take no note."""

    def decided(self, operations: int, seconds: float) -> None:
        """Take no note."""

    def committed(self, operations: int, seconds: float) -> None:
        """Take no note."""

    def alerted(self, severity: str, overage_policy: str) -> None:
        """Take no note."""

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Take no note."""

    def delivered(self, outcome: str, *, trusted: bool) -> None:
        """Take no note."""

    def asked_discord(self, status: int, scope: str) -> None:
        """Take no note."""


UNMETERED: Meter = _Unmetered()
"""Where nobody watches."""


def outcome_of(outcome: object) -> str:
    """Return the word for what came of a request for units: a spend, or the refusal of one."""
    return _word_for(type(outcome))


def _word_for(kind: type) -> str:
    if not issubclass(kind, Exception):
        return ALLOWED
    return next((word for known, word in _OUTCOMES if issubclass(kind, known)), "error")


async def checked(meter: Meter, source: str, asked: Awaitable[T]) -> T:
    """Wait for a request for units, and report what came of it."""
    try:
        answer = await asked
    except Exception as error:
        meter.checked(source, outcome_of(error))
        raise
    meter.checked(source, ALLOWED)
    return answer


def checked_many(meter: Meter, source: str, outcomes: Iterable[object]) -> None:
    """Report what came of several."""
    for kind, count in Counter(map(type, outcomes)).items():
        meter.checked(source, _word_for(kind), count)
