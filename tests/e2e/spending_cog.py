"""Metered commands of an operator's own, loaded by the setting EXTRA_COGS."""

from __future__ import annotations

from typing import Any

from discord.ext import commands

from cogs.metered import metered


class Spending(commands.Cog):
    """Use units in bulk, and fail on purpose."""

    @commands.hybrid_command()  # type: ignore[arg-type]  # discord.py's own types do not see methods of cogs
    async def spend(self, context: commands.Context[Any], units: int) -> None:
        """Use some units."""

        @metered(cost=units)
        async def answer(context: commands.Context[Any]) -> None:
            await context.reply(f"spent {units}", mention_author=False)

        await answer(context)

    @commands.hybrid_command()  # type: ignore[arg-type]  # the same
    @metered(cost=7)
    async def stumble(self, context: commands.Context[Any]) -> None:
        """Take seven units, and fail half way."""
        raise RuntimeError(f"stumbled over {context.author.id}")


async def setup(bot: commands.Bot) -> None:
    """Load the cog."""
    await bot.add_cog(Spending())
