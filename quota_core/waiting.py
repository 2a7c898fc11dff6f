"""Who waits for the answers of a batch of operations, and how they get them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from quota_core.answers import Spend
from quota_core.errors import QuotaError, UnavailableError


class Waiter(Protocol):
    """One who waits for one operation: a future, or what is as quick to be told."""

    def done(self) -> bool:
        """Tell whether nobody waits any more."""
        ...

    def set_result(self, result: Spend, /) -> None:
        """Take the answer; never fails."""
        ...

    def set_exception(self, exception: Exception, /) -> None:
        """Take the refusal; never fails."""
        ...


class Together(NamedTuple):
    """One who waits for several operations at once."""

    future: asyncio.Future[Sequence[Spend | Exception]]
    size: int


def whole(waiting: Sequence[Waiter | Together], operations: int, most: int) -> tuple[int, int]:
    """Return how many operations make the next batch, and how many wait for them: for several at once, for all."""
    count = min(operations, most)
    if len(waiting) == operations:
        return count, count
    taken = number = 0
    while taken < count:
        one = waiting[number]
        taken += one.size if isinstance(one, Together) else 1
        number += 1
    return taken, number


def release(waiting: Sequence[Waiter | Together], outcomes: Sequence[Spend | Exception]) -> None:
    """Give everyone who waits the outcomes that are theirs; who was cancelled can ask again with the key."""
    place = 0
    for one in waiting:
        if isinstance(one, Together):
            if not one.future.done():
                one.future.set_result(outcomes[place : place + one.size])
            place += one.size
            continue
        outcome = outcomes[place]
        place += 1
        if one.done():
            continue
        if type(outcome) is Spend:
            one.set_result(outcome)
        else:
            assert isinstance(outcome, Exception)
            one.set_exception(outcome)


def decided(outcomes: Iterable[Spend | Exception]) -> list[Spend | QuotaError]:
    """Return what several operations led to; raise what kept one from leading to anything."""
    for outcome in outcomes:
        if type(outcome) is not Spend and (
            not isinstance(outcome, QuotaError) or isinstance(outcome, UnavailableError)
        ):
            assert isinstance(outcome, Exception)
            raise outcome
    return list(outcomes)  # type: ignore[arg-type]  # see above
