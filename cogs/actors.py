"""Who acts, as the core's operators see it."""

from __future__ import annotations

import discord
from discord.ext import commands

from cogs.replies import Who
from quota_core.accounts import AccountRef
from quota_core.operators import Actor


def account_of(user: discord.abc.Snowflake) -> AccountRef:
    """Return the account of a Discord user."""
    return AccountRef("user", str(user.id))


def actor_of(who: Who) -> Actor:
    """
    Return who asked, where, and whether as an Administrator of that server.

    In a server that the bot is no member of (a user-installed app), nobody counts as an Administrator: there
    Discord's word is about a server that says nothing to us.
    """
    interaction = who.interaction if isinstance(who, commands.Context) else who
    if interaction is not None:
        is_member = interaction.guild_id is not None and interaction.is_guild_integration()
        return Actor(
            user_id=interaction.user.id,
            guild_id=interaction.guild_id if is_member else None,
            administrator=is_member and interaction.permissions.administrator,
            manages_guild=is_member and interaction.permissions.manage_guild,
        )
    assert isinstance(who, commands.Context)
    author = who.author
    if isinstance(author, discord.Member):
        return Actor(
            user_id=author.id,
            guild_id=author.guild.id,
            administrator=author.guild_permissions.administrator,
            manages_guild=author.guild_permissions.manage_guild,
        )
    return Actor(user_id=author.id)
