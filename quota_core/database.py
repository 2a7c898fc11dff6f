"""What the core needs of a database; each engine is a module of its own, and the only one that knows its driver."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from quota_core.late_balances import LateBalances
from quota_core.statements import Work

T = TypeVar("T")


class Cache(Protocol):
    """
    What stays in memory between transactions; both calls come in the database's thread.

    `late` is set by a database whose balances may be written late.
    """

    late: LateBalances | None

    def make_room(self) -> None:
        """Keep within bounds; called before each `write`, when nothing that was decided ahead is left to append."""
        ...

    def forget(self) -> None:
        """Drop everything: what is in memory may not stand in the file."""
        ...


class Database(Protocol):
    """
    A ledger's database, whichever engine runs it.

    Work is a generator of statements (see `statements`) that may be run more than once: it locks, looks what it
    finds by its keys, and decides on that.
    """

    @property
    def alone(self) -> bool:
        """Whether this process is the only one that writes, so that states may stay in memory."""
        ...

    @property
    def halted(self) -> str | None:
        """Why writes are stopped, None while they are not."""
        ...

    def halt(self, reason: str) -> None:
        """Stop all writes of this process until it is started again; reads go on."""
        ...

    def attach(self, cache: Cache) -> None:
        """Tell `cache` when to make room and when to forget."""
        ...

    async def open(self) -> None:
        """
        Open the database; DatabaseInUseError, SchemaError or UnavailableError say why it cannot be used.

        The schema is brought up to date by `migrations.migrate`.
        """
        ...

    async def close(self) -> None:
        """Let what is under way end, and close."""
        ...

    async def read(self, work: Callable[[], Work[T]]) -> T:
        """
        Run `work`, which only reads; all its statements see one moment.

        Raises:
            UnavailableError: the database cannot be read just now.

        """
        ...

    async def write(self, work: Callable[[], Work[T]]) -> T:
        """
        Run `work` in one transaction and return once it is durable.

        Raises:
            HaltedError: writes are stopped.
            UnavailableError: the database cannot be written just now.
            ConstraintError: the schema refuses a row.

        """
        ...

    async def append(self, work: Callable[[], Work[T]]) -> T:
        """Write what was decided in memory while it was not `busy`; as `write`, in the order of the calls."""
        ...

    @property
    def busy(self) -> bool:
        """Whether work is under way that reads before it writes, so that nobody may decide ahead of it."""
        ...

    async def quiet(self) -> None:
        """Wait until no such work is under way."""
        ...

    async def back_up(self, target: Path, on_step: Callable[[int, int], None]) -> None:
        """Copy the ledger into the empty file `target` while work goes on; UnavailableError when it cannot be."""
        ...
