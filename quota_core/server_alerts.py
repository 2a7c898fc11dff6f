"""
The channel of a server in which its own alerts are told: set by those who manage the server.

It is a recipient of the server's account like any other, so that it is tried, logged and turned off as all are.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection

from quota_core.accounts import AccountRef
from quota_core.book import Book
from quota_core.database import Database
from quota_core.operators import Actor
from quota_core.pools import require_manager
from quota_core.recipients import Recipients
from quota_core.resending import Resending
from quota_core.statements import Work
from quota_core.store import recipients as rows
from quota_core.store.recipients import Recipient

log = logging.getLogger(__name__)


class ServerAlerts:
    """Set and recall it; who may is checked here too and not just at the edge."""

    def __init__(
        self,
        database: Database,
        book: Book,
        recipients: Recipients,
        resending: Resending,
        *,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._book = book
        self._clock = clock
        self._recipients = recipients
        self._resending = resending

    async def of(self, guild_id: int) -> list[Recipient]:
        """Return the channels in which a server's alerts are told; operators may have added some."""
        found = await self._recipients.of(_account(guild_id))
        return [one for one in found if one.channel == "channel"]

    async def tell_in(
        self, guild_id: int, actor: Actor, channel_id: int, *, channels: Collection[int], locale: str
    ) -> None:
        """
        Tell them in this channel and in no other of the server, and send a test there; `channels` are its own.

        Raises:
            NotManagerError: the actor does not manage this server.
            PreferenceError: `many`, there are ten recipients; `soon`, it was set a second ago.

        """
        require_manager(actor, guild_id)
        account = _account(guild_id)
        recipient = await self._database.write(lambda: self._tell_in(account, channel_id, channels, locale))
        log.info("%s set channel %d for alerts of server %d", actor, channel_id, guild_id)
        await self._resending.test(account, recipient)

    async def tell_nowhere(self, guild_id: int, actor: Actor, *, channels: Collection[int]) -> None:
        """
        Tell them in no channel of the server any more.

        Raises:
            NotManagerError: the actor does not manage this server.

        """
        require_manager(actor, guild_id)
        account = _account(guild_id)
        await self._database.write(lambda: self._forget(account, channels, keep=None))
        log.info("%s set no channel for alerts of server %d", actor, guild_id)

    def _tell_in(
        self, account: AccountRef, channel_id: int, channels: Collection[int], locale: str
    ) -> Work[int]:
        one = yield from self._forget(account, channels, keep=channel_id)
        if one is None:
            added = yield from self._recipients.adding(
                account, "channel", str(channel_id), "", locale, proved=True
            )
            return added.id
        yield from rows.enable(one.id)
        return one.id

    def _forget(
        self, account: AccountRef, channels: Collection[int], *, keep: int | None
    ) -> Work[Recipient | None]:
        """Forget the server's channels but the one to `keep`, which is returned."""
        # Locked first, so that of two who set a channel at once the later one forgets the other's.
        states = yield from self._book.states_of([account], now_ms=self._clock(), create=True)
        kept = None
        for one in (yield from rows.of_account(states[account].id)):
            if one.channel != "channel":
                continue
            if one.target == str(keep):
                kept = one
            # What was turned off may be a channel that is gone. One that works elsewhere is an operator's.
            elif int(one.target) in channels or one.disabled_ms is not None:
                yield from rows.remove(one.id)
        return kept


def _account(guild_id: int) -> AccountRef:
    return AccountRef("guild", str(guild_id))
