"""How this process stands with Discord: connected, on its way, or standing by for another one."""

from __future__ import annotations

import asyncio

from cogs.assembly import Parts, make_bot
from cogs.client import QuotaBot
from cogs.connection import DiscordState, run_discord
from cogs.gateway_lease import GatewayLease
from cogs.shards import Shards
from quota_core.leases import Leases


class GatewayProcess:
    """
    The connection to Discord, and how it stands.

    Args:
        parts: of the bots that it makes, one for each attempt to connect.
        leases: where the right to the gateway stands; None where this process needs none.
        shards: the shards that this process serves, None for all there are.

    """

    def __init__(self, parts: Parts, leases: Leases | None, shards: Shards | None) -> None:
        self._parts = parts
        self._shards = shards
        self._state = DiscordState.CONNECTING
        self._settled = asyncio.Event()
        self._bot: QuotaBot | None = None
        self._lease = GatewayLease(leases, shards, on_stand_by=self._stand_by, monotonic=parts.monotonic)

    async def run(self, token: str, *, message_content: bool) -> None:
        """Stay connected, or stand by, until cancelled or until Discord refuses the token."""
        await self._lease.run(
            lambda: run_discord(
                self._make,
                token,
                message_content=message_content,
                on_state=self._note,
                shards=self._shards,
            )
        )

    def _make(self, message_content: bool, shards: Shards | None) -> QuotaBot:  # noqa: FBT001 - the supervisor passes nothing else
        self._bot = make_bot(self._parts, message_content=message_content, shards=shards)
        return self._bot

    def _note(self, state: DiscordState) -> None:
        if self.stands_by and state is not DiscordState.CONNECTING:
            return  # the last words of a bot that hung up
        self._state = state
        if state is DiscordState.CONNECTED:
            self._settled.set()

    def _stand_by(self) -> None:
        self._bot = None
        self._state = DiscordState.STANDING_BY
        self._settled.set()

    async def usable(self) -> None:
        """Wait until people can type commands and use slash commands, here or with another process."""
        await self._settled.wait()
        if self._bot is not None:
            await self._bot.synced.wait()

    @property
    def stands_by(self) -> bool:
        """Whether another process talks to Discord, and this one waits for its end."""
        return self._state is DiscordState.STANDING_BY

    @property
    def trouble(self) -> str | None:
        """Why people are not served by this process, None while they are."""
        return None if self._state is DiscordState.CONNECTED else self._state.value
