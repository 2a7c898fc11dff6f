"""Forms of a few lines; what fails while one is taken is told like everything else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

import discord

from cogs.errors import Mishaps

MAX_LABEL = 45  # https://docs.discord.com/developers/components/reference#text-input
MAX_ANSWER = 512


class Question(NamedTuple):
    """One line of a form; `name` is what its answer is called."""

    name: str
    label: str
    required: bool = True


Take = Callable[[discord.Interaction[Any], dict[str, str]], Awaitable[None]]
"""Called with the answers by their names."""


class Form(discord.ui.Modal):
    """Asks, and hands the answers on."""

    def __init__(self, title: str, questions: Sequence[Question], take: Take, mishaps: Mishaps) -> None:
        super().__init__(title=title[:MAX_LABEL], timeout=900)
        self._take = take
        self._mishaps = mishaps
        self._inputs: dict[str, discord.ui.TextInput[Any]] = {}
        for question in questions:
            line: discord.ui.TextInput[Any] = discord.ui.TextInput(
                label=question.label[:MAX_LABEL],
                custom_id=question.name,
                required=question.required,
                max_length=MAX_ANSWER,
            )
            self._inputs[question.name] = line
            self.add_item(line)

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        """Hand the answers on; whatever fails is told to the user."""
        try:
            await self._take(interaction, {name: line.value for name, line in self._inputs.items()})
        except Exception as error:  # noqa: BLE001 - whatever it is, the user is told and the log has it
            await self._mishaps.report(interaction, error)
