"""
Reading in many steps what stood at one moment, where the engine can keep a moment.

PostgreSQL can, and must: its entries become visible in another order than that of their numbers, so a count that
goes on while others write would pass over some. SQLite is written by this process alone, in order: each step of a
reader sees its own moment, and counts what came meanwhile.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar, runtime_checkable

from quota_core.database import Database
from quota_core.statements import Work

T = TypeVar("T")


class Read(Protocol):
    """Runs work that only reads, as `Database.read` does."""

    async def __call__(self, work: Callable[[], Work[T]], /) -> T:
        """Run `work` and return its result."""
        ...


@runtime_checkable
class KeepsMoments(Protocol):
    """An engine that can show the rows of one moment for as long as one likes."""

    def moment(self) -> AbstractAsyncContextManager[Read]:
        """Give a `read` for a block, every call of which sees the same rows."""
        ...


@contextlib.asynccontextmanager
async def one_moment(database: Database) -> AsyncIterator[Read]:
    """Yield how to read in this block."""
    if isinstance(database, KeepsMoments):
        async with database.moment() as read:
            yield read
    else:
        yield database.read
