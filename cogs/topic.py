"""What every cog of this program is: a topic with its words, its way to refuse, and its buttons."""

from __future__ import annotations

from typing import Any, ClassVar

import discord
from discord.ext import commands

from cogs.errors import Mishaps
from cogs.speech import Speech


class Topic(commands.Cog):
    """A cog whose buttons (`buttons`, by their patterns) the bot registers together with it."""

    buttons: ClassVar[tuple[type[discord.ui.DynamicItem[Any]], ...]] = ()

    def __init__(self, speech: Speech, mishaps: Mishaps) -> None:
        self.speech = speech
        self.mishaps = mishaps
