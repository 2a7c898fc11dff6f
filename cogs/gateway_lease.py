"""
The right to talk to Discord's gateway: one process at a time has it for each shard, the others stand by.

It is a lease in the database. Who cannot renew it stops in time, before another process may begin; who gets it
begins. Where one process owns the database, nobody else could begin, and there is no lease.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from cogs.shards import Shards
from quota_core.errors import UnavailableError
from quota_core.leases import Lease, Leases

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
GATEWAY = "gateway"


class GatewayLease:
    """
    Do the work of the gateway while this process may.

    Args:
        leases: where the right stands; None where this process needs none.
        shards: the shards that this process serves, None for all there are.
        on_stand_by: called when another process turns out to have the right.
        monotonic: seconds.

    """

    def __init__(
        self,
        leases: Leases | None,
        shards: Shards | None,
        *,
        on_stand_by: Callable[[], None],
        monotonic: Callable[[], float],
    ) -> None:
        self._leases = leases
        self._shards = shards
        self._name = GATEWAY if shards is None else f"{GATEWAY} {shards}"
        self._on_stand_by = on_stand_by
        self._monotonic = monotonic

    async def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Wait for the right, do `work` with it, and wait again when it was lost; return when `work` does."""
        if self._leases is None:
            await work()
            return
        while True:
            lease = await self._taken(self._leases)
            log.info("this process has the %s now", lease.name)
            if await self._work_with(self._leases, lease, work):
                return
            log.warning("another process may have the %s now; this one stands by", lease.name)
            self._on_stand_by()

    async def _taken(self, leases: Leases) -> Lease:
        told = False
        while True:
            try:
                lease = await leases.take(self._name, meets=self._meets)
            except UnavailableError as error:
                log.warning("the right to the %s cannot be asked for: %s", self._name, error)
            else:
                if lease is not None:
                    return lease
                if not told:
                    log.info("another process has the %s; this one stands by", self._name)
                    self._on_stand_by()
                    told = True
            await asyncio.sleep(LOOK_SECONDS)

    def _meets(self, name: str) -> bool:
        """Tell whether the holder of another lease serves one of our shards."""
        kind, _, text = name.partition(" ")
        if kind != GATEWAY:
            return False
        return not text or self._shards is None or self._shards.meets(Shards.parse(text))

    async def _work_with(self, leases: Leases, lease: Lease, work: Callable[[], Awaitable[None]]) -> bool:
        """Work until that ends (True) or the lease may have gone to somebody else (False)."""
        working = asyncio.ensure_future(work())
        keeping = asyncio.ensure_future(self._keep(leases, lease))
        try:
            await asyncio.wait({working, keeping}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                await working
                return True
            await keeping
            return False
        finally:
            for task in (working, keeping):
                task.cancel()
            await asyncio.gather(working, keeping, return_exceptions=True)
            with contextlib.suppress(UnavailableError, TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await leases.give_back(lease)

    async def _keep(self, leases: Leases, lease: Lease) -> None:
        """Renew the lease until another process has it, or until it could be over."""
        good_seconds = leases.lease_ms / 1000
        # A third is left for hanging up: by then, the next holder may begin.
        stop_at_seconds = self._monotonic() + good_seconds * 2 / 3
        while True:
            await asyncio.sleep(good_seconds / 5)
            asked_seconds = self._monotonic()
            try:
                async with asyncio.timeout(max(0.0, stop_at_seconds - asked_seconds)):
                    if not await leases.renew(lease):
                        return
            except (UnavailableError, TimeoutError) as error:
                log.warning("the right to the %s could not be renewed: %r", lease.name, error)
                if self._monotonic() >= stop_at_seconds:
                    return
            else:
                stop_at_seconds = asked_seconds + good_seconds * 2 / 3
