"""
Buttons whose state is in their id, so that they work after a restart.

discord.py says nothing to the user, and sometimes nothing in the log, when such a button fails; so everything
they do runs inside `OwnedButton.callback`.
"""

from __future__ import annotations

import logging
import re
from typing import Any, ClassVar, Self

import discord

from cogs import custom_ids
from cogs.replies import tell
from cogs.topic import Topic
from quota_core.request_ids import enter_request
from wording.refusals import argument_card

log = logging.getLogger(__name__)


class OwnedButton(discord.ui.DynamicItem[discord.ui.Item[Any]], template=r"v1:nothing"):
    """
    A button that only the person named in its id may press, or a menu from which only that one may choose.

    `topic` is the name of its cog, `own` the command with which anybody else gets theirs.
    """

    topic: ClassVar[str]
    own: ClassVar[str]

    def __init__(self, item: discord.ui.Item[Any], match: re.Match[str]) -> None:
        super().__init__(item)
        self.match = match

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Return what was pressed."""
        return cls(item, match)

    @property
    def chosen(self) -> list[str]:
        """What was chosen from a menu; anything, as all that comes from outside. Nothing of a button."""
        return self.item.values if isinstance(self.item, discord.ui.Select) else []

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Check the owner, then do what the button is for; whatever fails is told to the user."""
        enter_request(f"interaction:{interaction.id}")
        bot: Any = interaction.client
        topic = bot.get_cog(self.topic)
        assert isinstance(topic, Topic), f"{self.topic} is not loaded"
        with bot.under_way:
            try:
                if interaction.user.id == int(self.match["owner"]):
                    await self.press(interaction, topic)
                else:
                    await self._turn_away(interaction, topic)
            except Exception as error:  # noqa: BLE001 - whatever it is, the user is told and the log has it
                await topic.mishaps.report(interaction, error)

    async def _turn_away(self, interaction: discord.Interaction[Any], topic: Topic) -> None:
        words = await topic.speech.words(interaction)
        card = argument_card("not_your_button", words, usage="", command=f"/{self.own}")
        await tell(interaction, card)

    async def press(self, interaction: discord.Interaction[Any], topic: Any) -> None:
        """Do what the button is for; its owner pressed."""
        raise NotImplementedError


def is_expired(custom_id: str, buttons: tuple[type[discord.ui.DynamicItem[Any]], ...]) -> bool:
    """Tell whether an id is one of ours that no button answers to any more."""
    if re.fullmatch(custom_ids.OURS, custom_id) is None:
        return False
    return not any(button.__discord_ui_compiled_template__.fullmatch(custom_id) for button in buttons)
