"""Help in the reader's language: `!help`, `/help`, in the place of discord.py's own."""

from __future__ import annotations

from typing import Any

from discord import app_commands
from discord.ext import commands

from cogs.actors import actor_of
from cogs.errors import Mishaps
from cogs.replies import tell
from cogs.slash_texts import command_english, option_english
from cogs.speech import Speech
from cogs.topic import Topic
from quota_core.operators import Operators
from wording.help_card import ARGUMENTS, GROUP, help_card


class Help(Topic):
    """Explain the commands."""

    def __init__(self, speech: Speech, mishaps: Mishaps, operators: Operators, *, prefix: str) -> None:
        super().__init__(speech, mishaps)
        self._operators = operators
        self._prefix = prefix

    @commands.hybrid_command(name="help", description=command_english("help"))  # type: ignore[arg-type]  # discord.py's own types do not see methods of cogs
    @app_commands.describe(command=option_english("help", "command"))
    async def help(self, context: commands.Context[Any], *, command: str | None = None) -> None:
        """List the commands, or explain one; operators' commands to operators only."""
        words = await self.speech.words(context)
        card = help_card(
            command,
            words,
            prefix=self._prefix if context.interaction is None else "/",
            operator=self._operators.allow(actor_of(context)),
            loaded={one.qualified_name for one in context.bot.walk_commands()},
            others=_others(context.bot),
        )
        await tell(context, card)


def _others(bot: commands.Bot) -> list[tuple[str, str]]:
    """Return names and descriptions of what other cogs bring, hidden commands left out."""
    found = {
        command.qualified_name: command.description or command.short_doc
        for command in bot.walk_commands()
        if not command.hidden
    }
    for command in bot.tree.walk_commands():
        if isinstance(command, app_commands.Command):
            found.setdefault(command.qualified_name, command.description)
    ours = {*ARGUMENTS, GROUP}
    return [(name, text or "…") for name, text in sorted(found.items()) if name not in ours]
