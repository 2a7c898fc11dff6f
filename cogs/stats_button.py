"""The button that stands in public in the place of the figures, which hold money."""

from __future__ import annotations

from typing import Any

import discord

from cogs import custom_ids
from cogs.buttons import OwnedButton
from cogs.replies import tell
from wording.admin_card import stats_card


class StatsButton(OwnedButton, template=custom_ids.STATS):
    """Shows the figures privately."""

    topic = "Admin"
    own = "admin_quota stats"

    async def press(self, interaction: discord.Interaction[Any], topic: Any) -> None:
        """Count, for operators only."""
        topic.require(interaction)
        words = await topic.speech.words(interaction)
        await tell(interaction, stats_card(await topic.statistics.now(), topic.catalog, words))
