"""What is kept of a person: shown, handed out, forgotten. `!privacy`, for the eyes of its author alone."""

from __future__ import annotations

from typing import Any, ClassVar

import discord
from discord.ext import commands

from cogs import custom_ids
from cogs.actors import account_of
from cogs.buttons import OwnedButton
from cogs.cover import cover_card
from cogs.errors import Mishaps
from cogs.replies import Button, defer_privately, press, tell, tell_privately, tell_with_file
from cogs.slash_texts import command_english
from cogs.speech import Speech
from cogs.topic import Topic
from quota_core.catalog import Catalog
from quota_core.erasure import Erasures, Outlook
from quota_core.personal_data import PersonalData
from wording.card import Card
from wording.privacy_card import data_card, forget_card, kept_card, planned_card, privacy_card
from wording.words import Words


class PrivacyButton(OwnedButton, template=custom_ids.PRIVACY):
    """Shows the card privately."""

    topic = "Privacy"
    own = "privacy"

    async def press(self, interaction: discord.Interaction[Any], topic: Privacy) -> None:
        """Look again."""
        words = await topic.speech.words(interaction)
        outlook = await topic.erasures.outlook(account_of(interaction.user))
        await tell(interaction, topic.card(outlook, words), topic.row(outlook, interaction.user.id, words))


class DataButton(OwnedButton, template=custom_ids.DATA):
    """Sends everything that is kept, as a file."""

    topic = "Privacy"
    own = "privacy"

    async def press(self, interaction: discord.Interaction[Any], topic: Privacy) -> None:
        """Make the file and send it."""
        await defer_privately(interaction)
        words = await topic.speech.words(interaction)
        content = await topic.data.of(account_of(interaction.user))
        assert content is not None, "whoever presses a button has an account: their language is kept"
        await tell_with_file(
            interaction, data_card(words), name=f"my-data-{interaction.user.id}.json", content=content
        )


class ForgetButton(OwnedButton, template=custom_ids.FORGET):
    """Asks whether the person is sure."""

    topic = "Privacy"
    own = "privacy"

    async def press(self, interaction: discord.Interaction[Any], topic: Privacy) -> None:
        """Show what would be lost, and when it would be done."""
        words = await topic.speech.words(interaction)
        outlook = await topic.erasures.outlook(account_of(interaction.user))
        sure = press(
            words("button.forget_surely"),
            custom_ids.forget_surely(interaction.user.id),
            discord.ButtonStyle.danger,
        )
        await tell(interaction, forget_card(outlook, topic.catalog, words), [sure])


class ForgetSurelyButton(OwnedButton, template=custom_ids.FORGET_SURELY):
    """Plans that the person is forgotten."""

    topic = "Privacy"
    own = "privacy"

    async def press(self, interaction: discord.Interaction[Any], topic: Privacy) -> None:
        """Plan it, and say how it is called off."""
        words = await topic.speech.words(interaction)
        outlook = await topic.erasures.ask(account_of(interaction.user))
        await tell(interaction, planned_card(outlook, words), [topic.way_back(interaction.user.id, words)])


class RememberButton(OwnedButton, template=custom_ids.REMEMBER):
    """Calls it off."""

    topic = "Privacy"
    own = "privacy"

    async def press(self, interaction: discord.Interaction[Any], topic: Privacy) -> None:
        """Plan it no more."""
        words = await topic.speech.words(interaction)
        await topic.erasures.cancel(account_of(interaction.user))
        await tell(interaction, kept_card(words))


class Privacy(Topic):
    """Show, hand out, forget."""

    buttons: ClassVar[tuple[type[discord.ui.DynamicItem[Any]], ...]] = (
        PrivacyButton,
        DataButton,
        ForgetButton,
        ForgetSurelyButton,
        RememberButton,
    )

    def __init__(
        self,
        speech: Speech,
        mishaps: Mishaps,
        catalog: Catalog,
        erasures: Erasures,
        data: PersonalData,
        *,
        policy_url: str | None,
    ) -> None:
        super().__init__(speech, mishaps)
        self.catalog = catalog
        self.erasures = erasures
        self.data = data
        self._policy_url = policy_url

    @commands.hybrid_command(name="privacy", description=command_english("privacy"))  # type: ignore[arg-type]  # discord.py's own types do not see methods of cogs
    async def privacy(self, context: commands.Context[Any]) -> None:
        """Show what is kept of the author."""
        words = await self.speech.words(context)
        author_id = context.author.id
        outlook = await self.erasures.outlook(account_of(context.author))
        await tell_privately(
            context,
            self.card(outlook, words),
            self.row(outlook, author_id, words),
            cover=cover_card(words("privacy.title"), words),
            opener=press(words("button.show_privately"), custom_ids.privacy(author_id)),
        )

    def card(self, outlook: Outlook, words: Words) -> Card:
        """Return the card."""
        return privacy_card(outlook, words, policy_url=self._policy_url)

    def row(self, outlook: Outlook, owner_id: int, words: Words) -> list[Button]:
        """Return the buttons below it."""
        last = (
            self.way_back(owner_id, words)
            if outlook.asked
            else press(words("button.forget"), custom_ids.forget(owner_id), discord.ButtonStyle.danger)
        )
        return [press(words("button.data"), custom_ids.data(owner_id)), last]

    def way_back(self, owner_id: int, words: Words) -> Button:
        """Return the button that calls it off."""
        return press(words("button.remember"), custom_ids.remember(owner_id), discord.ButtonStyle.primary)
