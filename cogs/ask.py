"""A small metered command, to try the guard with: `!ask <question>`. It answers as an oracle does."""

from __future__ import annotations

import zlib
from typing import Any

from discord import app_commands
from discord.ext import commands

from cogs.errors import Mishaps
from cogs.metered import metered, spends_of
from cogs.replies import tell
from cogs.slash_texts import command_english, option_english
from cogs.speech import Speech
from cogs.topic import Topic
from quota_core.catalog import Catalog
from wording.card import Card

ANSWERS = 3


class Ask(Topic):
    """Answer questions for one unit each."""

    def __init__(self, speech: Speech, mishaps: Mishaps, catalog: Catalog) -> None:
        super().__init__(speech, mishaps)
        self._catalog = catalog

    @commands.hybrid_command(name="ask", description=command_english("ask"))  # type: ignore[arg-type]  # discord.py's own types do not see methods of cogs
    @app_commands.describe(question=option_english("ask", "question"))
    @metered()
    async def ask(self, context: commands.Context[Any], *, question: str) -> None:
        """Answer a question; the same one gets the same answer."""
        words = await self.speech.words(context)
        number = zlib.crc32(question.casefold().encode()) % ANSWERS + 1
        lines = [words("ask.asked", question=question)]
        for spend in spends_of(context):
            units = words.units(spend.units, self._catalog, spend.metric)
            if spend.allowance_left is not None:
                left = words.number(spend.allowance_left + spend.purchased_left)
                lines.append(words("ask.used", units=units, left=left))
        await tell(context, Card(words(f"ask.reply_{number}"), "\n".join(lines)))
