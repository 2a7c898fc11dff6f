"""
A server's quota as a pool of its members: what its admins set, and what follows for one member.

They share out what the server owns. Nothing here makes a unit.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from quota_core.accounts import AccountRef
from quota_core.book import Book
from quota_core.catalog import MAX_UNITS
from quota_core.database import Database
from quota_core.errors import AmountError, NotAllowedError
from quota_core.operators import Actor
from quota_core.pool_caps import Draw
from quota_core.statements import Work
from quota_core.store import pools as rows

log = logging.getLogger(__name__)
PERIODS = ("day", "week", "month")
EVERYONE = 0
MAX_CAPS = 75


class NotManagerError(NotAllowedError):
    """The actor does not manage the server that this is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """
    What a server's admins set; `caps` are units of each metric that one member may draw, by (role, window).

    `pays_first` False: after the member's own quota.
    """

    enabled: bool = False
    pays_first: bool = False
    caps: tuple[tuple[int, str, int], ...] = ()

    def draw(self, guild_id: int, roles: Collection[int]) -> Draw | None:
        """
        Return how a member with these roles draws from the pool; None when it is not for members.

        The largest cap of the own roles counts; without any, that of everyone; without that, what is drawn is
        counted and not bounded, in windows for which there is a cap at all.
        """
        if not self.enabled:
            return None
        found: list[tuple[str, int | None]] = []
        for period in PERIODS:
            of_period = {role: units for role, kind, units in self.caps if kind == period}
            if of_period:
                own = [units for role, units in of_period.items() if role in roles and role != EVERYONE]
                found.append((period, max(own) if own else of_period.get(EVERYONE)))
        return Draw(AccountRef("guild", str(guild_id)), self.pays_first, tuple(found))


class Pools:
    """Read and change them; by those who manage the server, checked here too and not just at the edge."""

    def __init__(self, database: Database, book: Book, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._book = book
        self._clock = clock
        self._known: dict[int, Pool] = {}

    async def of(self, guild_id: int) -> Pool:
        """Return what a server set; from memory where no other process can have changed it."""
        pool = self._known.get(guild_id)
        if pool is None:
            pool = await self._database.read(lambda: self._read(guild_id))
            if self._database.alone:
                self._known[guild_id] = pool
        return pool

    async def set_up(
        self, guild_id: int, actor: Actor, *, enabled: bool | None = None, pays_first: bool | None = None
    ) -> Pool:
        """
        Set whether the server's quota is for its members, and whether it pays before their own; None: as it is.

        Raises:
            NotManagerError: the actor does not manage this server.

        """

        def changed(pool: Pool) -> Pool:
            return replace(
                pool,
                enabled=pool.enabled if enabled is None else enabled,
                pays_first=pool.pays_first if pays_first is None else pays_first,
            )

        return await self._change(guild_id, actor, changed)

    async def set_cap(
        self, guild_id: int, actor: Actor, *, role: int, period: str, units: int | None
    ) -> Pool:
        """
        Let a member with this role (0: everyone) draw up to `units` in each window; None: no cap.

        Raises:
            NotManagerError: the actor does not manage this server.
            AmountError: out of bounds, or there are 75 caps already.

        """
        if units is not None and not 0 <= units <= MAX_UNITS:
            raise AmountError(units, minimum=0, maximum=MAX_UNITS)
        assert period in PERIODS

        def changed(pool: Pool) -> Pool:
            caps = {(one, kind): value for one, kind, value in pool.caps}
            caps.pop((role, period), None)
            if units is not None:
                caps[role, period] = units
            if len(caps) > MAX_CAPS:
                raise AmountError(len(caps), minimum=0, maximum=MAX_CAPS)
            return replace(pool, caps=tuple((*place, value) for place, value in sorted(caps.items())))

        return await self._change(guild_id, actor, changed)

    async def _change(self, guild_id: int, actor: Actor, changed: Callable[[Pool], Pool]) -> Pool:
        require_manager(actor, guild_id)
        pool = await self._database.write(lambda: self._write(guild_id, changed))
        # It moves no unit, so it has no entry; who looks for its author finds it here.
        log.info("%s set the quota of server %d: %s", actor, guild_id, pool)
        self._known.pop(guild_id, None)
        return pool

    def _write(self, guild_id: int, changed: Callable[[Pool], Pool]) -> Work[Pool]:
        guild = AccountRef("guild", str(guild_id))
        states = yield from self._book.states_of([guild], now_ms=self._clock(), create=True)
        pool = changed((yield from self._read(guild_id)))
        account = states[guild].id
        yield from rows.put(account, enabled=pool.enabled, pays_first=pool.pays_first)
        yield from rows.put_caps(account, pool.caps)
        return pool

    def _read(self, guild_id: int) -> Work[Pool]:
        found = yield from rows.settings(str(guild_id))
        if not found:
            return Pool()
        caps = yield from rows.caps(str(guild_id))
        return Pool(
            enabled=bool(found[0][0]),
            pays_first=bool(found[0][1]),
            caps=tuple((r[0], r[1], r[2]) for r in caps),
        )


def require_manager(actor: Actor, guild_id: int) -> None:
    """Raise NotManagerError unless the actor manages this server, and asks in it."""
    if actor.guild_id != guild_id or not (actor.administrator or actor.manages_guild):
        raise NotManagerError(f"{actor} does not manage server {guild_id}")
