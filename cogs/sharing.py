"""The buttons under what a server could give a member: one shows it to its owner alone, one does it."""

from __future__ import annotations

from typing import Any

import discord

from cogs import custom_ids
from cogs.actors import account_of, actor_of
from cogs.buttons import OwnedButton
from cogs.cover import cover_card
from cogs.replies import Who, press, redraw, tell_privately, user_of
from cogs.speech import Speech
from quota_core.catalog import Catalog
from quota_core.errors import NotAllowedError
from quota_core.moving import TransferRefusedError
from quota_core.operators import Actor
from quota_core.pools import require_manager
from quota_core.transfers import Transfers
from wording.share_card import share_card, shared_card


class OfferButton(OwnedButton, template=custom_ids.OFFER):
    """Shows privately what would be shared."""

    topic = "ServerQuota"
    own = "server_quota"

    async def press(self, interaction: discord.Interaction[Any], topic: Any) -> None:
        """Look again, as the one who presses may now."""
        units, member_id = int(self.match["units"]), int(self.match["member"])
        await topic.sharing.offer(interaction, self.match["metric"], units, member_id)


class ShareButton(OwnedButton, template=custom_ids.SHARE):
    """Shares; who presses must manage the server now, whatever they did before."""

    topic = "ServerQuota"
    own = "server_quota"

    async def press(self, interaction: discord.Interaction[Any], topic: Any) -> None:
        """Move the units; the message of the button is the key, so that pressing it again moves nothing more."""
        assert interaction.message is not None
        units, member_id = int(self.match["units"]), int(self.match["member"])
        await topic.sharing.share(
            interaction, self.match["metric"], units, member_id, key=f"share:{interaction.message.id}"
        )


class Sharing:
    """Ask, and share what was agreed to."""

    def __init__(self, speech: Speech, catalog: Catalog, transfers: Transfers) -> None:
        self._speech = speech
        self._catalog = catalog
        self._transfers = transfers

    async def offer(self, who: Who, metric: str, units: int, member_id: int) -> None:
        """Show what sharing these units means, with the button that does it, where only the one who asked reads."""
        actor, guild_id = _manager(who)
        member = await _member(who, guild_id, member_id)
        looked = await self._transfers.look(guild_id, account_of(member), units, actor=actor, metric=metric)
        words, owner_id = await self._speech.words(who), user_of(who).id
        share = custom_ids.share(metric, units, member_id, owner_id)
        await tell_privately(
            who,
            share_card(looked, member_id, metric, self._catalog, words),
            [press(words("button.share"), share, discord.ButtonStyle.primary)],
            cover=cover_card(words("share.ask"), words),
            opener=press(
                words("button.show_privately"), custom_ids.offer(metric, units, member_id, owner_id)
            ),
        )

    async def share(
        self, interaction: discord.Interaction[Any], metric: str, units: int, member_id: int, *, key: str
    ) -> None:
        """Move the units, and draw what became of it in the place of the question."""
        actor, guild_id = _manager(interaction)
        member = await _member(interaction, guild_id, member_id)
        moved = await self._transfers.move(
            guild_id,
            account_of(member),
            units,
            actor=actor,
            key=key,
            metric=metric,
            server_name=member.guild.name,
        )
        words = await self._speech.words(interaction)
        await redraw(interaction, shared_card(moved, member_id, metric, self._catalog, words), [])


def _manager(who: Who) -> tuple[Actor, int]:
    """Return who asks, and the server they manage and ask in; NotAllowedError when they do not."""
    actor = actor_of(who)
    if actor.guild_id is None:
        raise NotAllowedError("not in a server of this bot")
    require_manager(actor, actor.guild_id)
    return actor, actor.guild_id


async def _member(who: Who, guild_id: int, member_id: int) -> discord.Member:
    """
    Return the member as Discord knows them now.

    Raises:
        TransferRefusedError: they are none of this server, or a bot.

    """
    guild = who.guild
    try:
        # What is remembered of members is not told when they leave, without a privileged intent.
        member = None if guild is None or guild.id != guild_id else await guild.fetch_member(member_id)
    except discord.NotFound:
        member = None
    if member is None:
        raise TransferRefusedError("not_here")
    if member.bot:
        raise TransferRefusedError("not_a_person")
    return member
