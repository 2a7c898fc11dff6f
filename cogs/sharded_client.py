"""The bot where Discord deals its servers out to several connections."""

from __future__ import annotations

from discord.ext import commands

from cogs.client import QuotaBot


class ShardedQuotaBot(QuotaBot, commands.AutoShardedBot):
    """The same bot with a connection for each of its shards; `shard_ids` and `shard_count` say which."""
