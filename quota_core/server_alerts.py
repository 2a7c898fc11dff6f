"""
The channel of a server in which its own alerts are told: set by those who manage the server.

It is a recipient of the server's account like any other, so that it is tried, logged and turned off as all are.
"""

from __future__ import annotations

import logging
from collections.abc import Collection

from quota_core.accounts import AccountRef
from quota_core.operators import Actor
from quota_core.pools import require_manager
from quota_core.recipients import Recipients
from quota_core.resending import Resending
from quota_core.store.recipients import Recipient

log = logging.getLogger(__name__)


class ServerAlerts:
    """Set and recall it; who may is checked here too and not just at the edge."""

    def __init__(self, recipients: Recipients, resending: Resending) -> None:
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
        known = {one.target: one for one in await self.of(guild_id)}
        one = known.pop(str(channel_id), None)
        await self._forget(account, known.values(), channels)
        if one is None:
            one = await self._recipients.add(account, "channel", str(channel_id), locale=locale)
        else:
            await self._recipients.enable(account, one.id)
        log.info("%s set channel %d for alerts of server %d", actor, channel_id, guild_id)
        await self._resending.test(account, one.id)

    async def tell_nowhere(self, guild_id: int, actor: Actor, *, channels: Collection[int]) -> None:
        """
        Tell them in no channel of the server any more.

        Raises:
            NotManagerError: the actor does not manage this server.

        """
        require_manager(actor, guild_id)
        await self._forget(_account(guild_id), await self.of(guild_id), channels)
        log.info("%s set no channel for alerts of server %d", actor, guild_id)

    async def _forget(
        self, account: AccountRef, found: Collection[Recipient], channels: Collection[int]
    ) -> None:
        for one in found:
            # What was turned off may be a channel that is gone. One that works elsewhere is an operator's.
            if int(one.target) in channels or one.disabled_ms is not None:
                await self._recipients.remove(account, one.id)


def _account(guild_id: int) -> AccountRef:
    return AccountRef("guild", str(guild_id))
