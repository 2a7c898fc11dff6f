"""
Leases: of several processes on one database, one at a time does a piece of work.

A lease is a row with an end, by the database's clock. Its holder moves the end while it lives; after the end
another process may take it. The fence grows with each holder, so who slept too long finds out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from quota_core.database import Database
from quota_core.errors import HaltedError
from quota_core.statements import Work
from quota_core.store import leases as rows

LEASE_MS = 15_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A lease in the hands of this process."""

    name: str
    fence: int


class Leases:
    """
    Take, keep and give back leases.

    Args:
        database: where they stand.
        holder: names this process for people.
        clock: UTC milliseconds, for an engine without a clock of its own.
        lease_ms: for how long one is good that is not renewed.

    """

    def __init__(
        self, database: Database, *, holder: str, clock: Callable[[], int], lease_ms: int = LEASE_MS
    ) -> None:
        self._database = database
        self._holder = holder
        self._clock = clock
        self.lease_ms = lease_ms

    async def take(self, name: str, *, meets: Callable[[str], bool] = lambda _: False) -> Lease | None:
        """
        Take a lease that nobody holds; None while somebody does, or holds another one that `meets` names.

        Raises:
            UnavailableError: the database cannot be written just now.

        """
        fence = await self._database.write(lambda: self._take(name, meets))
        return None if fence is None else Lease(name=name, fence=fence)

    def _take(self, name: str, meets: Callable[[str], bool]) -> Work[int | None]:
        found = yield from rows.all_leases()
        # Read after the wait for the lock: by an earlier time, a lease could seem to live that has ended.
        now_ms = yield from rows.now_for_all(self._clock())
        for other, _, _, until_ms in found:
            if until_ms > now_ms and (other == name or meets(other)):
                return None
        return (yield from rows.put(name, self._holder, until_ms=now_ms + self.lease_ms))

    async def renew(self, lease: Lease) -> bool:
        """
        Move the end of a lease; False when another process has it by now.

        While writes are stopped its end cannot move; then it is ours for as long as nobody else takes it.

        Raises:
            UnavailableError: the database cannot be asked just now.

        """
        try:
            return await self._database.write(lambda: self._extend(lease))
        except HaltedError:
            row = await self._database.read(lambda: rows.lease(lease.name))
            return row is not None and row[0] == lease.fence

    def _extend(self, lease: Lease) -> Work[bool]:
        now_ms = yield from rows.now_for_all(self._clock())
        return (yield from rows.extend(lease.name, lease.fence, until_ms=now_ms + self.lease_ms))

    async def give_back(self, lease: Lease) -> None:
        """
        End a lease at once, so that nobody has to wait for its end.

        Raises:
            UnavailableError: the database cannot be written just now; the lease ends by itself.

        """
        await self._database.write(lambda: rows.end(lease.name, lease.fence))
