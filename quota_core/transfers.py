"""
What those who manage a server give of its units to a member: out of the server's lots, into the member's.

For the lot it came from, a unit that moved is as if it was spent, so that a refund of it later makes the server owe
it. The member's lot ends when the server's would.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from quota_core.accounts import AccountRef
from quota_core.book import Book
from quota_core.crash_points import crash_point
from quota_core.database import Database
from quota_core.errors import AmountError, MetricKindError
from quota_core.events import RECEIVED
from quota_core.keys import key_bytes
from quota_core.moving import Moved, Transfer, TransferRefusedError
from quota_core.notices import Notices
from quota_core.operators import Actor
from quota_core.pools import require_manager
from quota_core.statements import Work


class Transfers:
    """
    Look and move; by those who manage the server, checked here too and not just at the edge.

    `max_units` bounds one transfer; `default_locale` is of members whose language is not known.
    """

    def __init__(
        self,
        database: Database,
        book: Book,
        notices: Notices,
        *,
        max_units: int,
        default_locale: str = "en",
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._book = book
        self._notices = notices
        self._max_units = max_units
        self._default_locale = default_locale
        self._clock = clock

    async def look(
        self, guild_id: int, member: AccountRef, units: int, *, actor: Actor, metric: str | None = None
    ) -> Moved:
        """Return what `move` would do now; raises what it would raise."""
        work = self._transfer(guild_id, member, units, actor=actor, key="look", metric=metric)
        return await self._database.read(lambda: work.look(self._clock()))

    async def move(
        self,
        guild_id: int,
        member: AccountRef,
        units: int,
        *,
        actor: Actor,
        key: str | int | UUID,
        metric: str | None = None,
        server_name: str = "",
    ) -> Moved:
        """
        Move `units` (1..MAX_GRANT) of what the server owns into the member's account, whole or not at all.

        The member is told, with the name that the server has.

        Raises:
            NotManagerError: the actor does not manage this server, or asks elsewhere.
            AmountError, UnknownMetricError, MetricKindError: nothing was moved.
            TransferRefusedError: for the reason it gives.
            ConflictingReplayError: the key was used for something else.

        """
        work = self._transfer(guild_id, member, units, actor=actor, key=key, metric=metric)
        moved = await self._database.write(lambda: self._move(work, server_name))
        if isinstance(moved, TransferRefusedError):
            raise moved
        crash_point("admin.74.move_committed")
        self._notices.wake.set()
        return moved

    def _transfer(
        self,
        guild_id: int,
        member: AccountRef,
        units: int,
        *,
        actor: Actor,
        key: str | int | UUID,
        metric: str | None,
    ) -> Transfer:
        require_manager(actor, guild_id)
        if not 1 <= units <= self._max_units:
            raise AmountError(units, minimum=1, maximum=self._max_units)
        name = self._book.catalog.primary_metric if metric is None else metric
        if self._book.catalog.metric(name).kind == "gauge":
            raise MetricKindError(name, "gauge")
        if member.kind != "user":
            raise TransferRefusedError("not_a_person")
        guild = AccountRef("guild", str(guild_id))
        by = AccountRef("user", str(actor.user_id))
        return Transfer(self._book, guild, member, by, name, units, key_bytes(key))

    def _move(self, work: Transfer, server_name: str) -> Work[Moved | TransferRefusedError]:
        now_ms = self._clock()
        states, before = yield from work.lock(now_ms)
        if before:
            return (yield from work.replayed(states, before))
        server, member = yield from work.payers(states, now_ms)
        refusal = yield from work.refusal(server, member, now_ms)
        if refusal is not None:
            return refusal  # raised, it would end the transaction, and with it all that is in memory
        entries = yield from work.write(server, member, states[work.by].id, now_ms)
        crash_point("admin.73.moved")
        moved = work.moved(server, member, now_ms)
        told = {
            "metric": work.metric,
            "units": work.units,
            "server": str(work.guild),
            "server_name": server_name,
            "after": moved.member_left,
            "entry": entries[-1].id,
        }
        locale = member.state.locale or self._default_locale
        about = f"{entries[-1].id}"
        yield from self._notices.owe(member.state, RECEIVED, about, told, locale=locale, now_ms=now_ms)
        return moved
