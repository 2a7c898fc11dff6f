"""What somebody has left: `!quota`, `/quota`, and the bot's answer to a bare mention."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar

import discord
from discord import app_commands
from discord.ext import commands

from cogs import custom_ids
from cogs.actors import account_of, actor_of
from cogs.arguments import BadUserError, OperatorsOnlyError, Person
from cogs.buttons import OwnedButton
from cogs.errors import Mishaps
from cogs.replies import Button, press, redraw, tell
from cogs.slash_texts import command_english, option_english
from cogs.speech import Speech
from cogs.topic import Topic
from quota_core.balances import Balances
from quota_core.catalog import Catalog
from quota_core.operators import Operators
from wording.card import Card
from wording.quota_card import Dashboards, mention_card, quota_card
from wording.words import Words


class RefreshButton(OwnedButton, template=custom_ids.QUOTA):
    """Draws the card again where it stands."""

    topic = "Balance"
    own = "quota"

    async def press(self, interaction: discord.Interaction[Any], topic: Balance) -> None:
        """Look again; at somebody else's account only as an operator."""
        subject_id = int(self.match["subject"])
        if subject_id != interaction.user.id and not topic.operators.allow(actor_of(interaction)):
            raise OperatorsOnlyError
        words = await topic.speech.words(interaction)
        user = interaction.user
        if subject_id != user.id:
            try:
                user = interaction.client.get_user(subject_id) or await interaction.client.fetch_user(
                    subject_id
                )
            except discord.NotFound as error:
                raise BadUserError(str(subject_id)) from error
        card = await topic.card(user, words, viewer_id=interaction.user.id)
        await redraw(interaction, card, topic.row(subject_id, interaction.user.id, words))


class Balance(Topic):
    """Show balances."""

    buttons: ClassVar[tuple[type[discord.ui.DynamicItem[Any]], ...]] = (RefreshButton,)

    def __init__(
        self,
        speech: Speech,
        mishaps: Mishaps,
        catalog: Catalog,
        balances: Balances,
        operators: Operators,
        *,
        clock: Callable[[], int],
    ) -> None:
        super().__init__(speech, mishaps)
        self.operators = operators
        self._catalog = catalog
        self._balances = balances
        self._clock = clock
        self._dashboards = Dashboards(catalog)

    @commands.hybrid_command(name="quota", description=command_english("quota"))  # type: ignore[arg-type]  # discord.py's own types do not see methods of cogs
    @app_commands.describe(user=option_english("quota", "user"))
    async def quota(
        self, context: commands.Context[Any], user: Annotated[discord.User | None, Person] = None
    ) -> None:
        """Show what the author has left; what somebody else has, to operators only."""
        subject = user or context.author
        if subject.id != context.author.id and not self.operators.allow(actor_of(context)):
            raise OperatorsOnlyError
        words = await self.speech.words(context)
        card = await self.card(subject, words, viewer_id=context.author.id)
        await tell(context, card, self.row(subject.id, context.author.id, words))

    @commands.Cog.listener("on_bare_mention")
    async def greet(self, context: commands.Context[Any]) -> None:
        """Answer a message that begins with a mention of the bot and names no command."""
        try:
            words = await self.speech.words(context)
            author = context.author
            balance = await self._balances.of(account_of(author))
            card = mention_card(balance, self._catalog, words, now_ms=self._clock())
            await tell(context, card, self.row(author.id, author.id, words))
        except Exception as error:  # noqa: BLE001 - whatever it is, the user is told and the log has it
            await self.mishaps.report(context, error)

    async def card(self, subject: discord.User | discord.Member, words: Words, *, viewer_id: int) -> Card:
        """Return the card of a user's balance, with the name when somebody else looks at it."""
        balance, now_ms = await self._balances.of(account_of(subject)), self._clock()
        if subject.id == viewer_id:
            return self._dashboards.card(balance, words, now_ms=now_ms)
        return quota_card(balance, self._catalog, words, whose=subject.display_name, now_ms=now_ms)

    def row(self, subject_id: int, owner_id: int, words: Words) -> list[Button]:
        """Return the buttons below a card; shop and history only below one's own."""
        again = press(words("button.refresh"), custom_ids.quota(subject_id, owner_id))
        if subject_id != owner_id:
            return [again]
        return [
            press(
                words("button.buy" if self._catalog.packages else "button.plans"),
                custom_ids.shop(owner_id),
                discord.ButtonStyle.primary,
            ),
            press(words("button.history"), custom_ids.history(owner_id)),
            again,
        ]
