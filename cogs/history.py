"""What changed a balance: `!quota_history`, page by page, for the eyes of its owner, or of an operator."""

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
from cogs.cover import cover_card
from cogs.errors import Mishaps
from cogs.replies import (
    Button,
    defer_privately,
    in_direct_messages,
    press,
    redraw,
    tell,
    tell_privately,
    tell_with_file,
)
from cogs.slash_texts import command_english, option_english
from cogs.speech import Speech
from cogs.topic import Topic
from quota_core.account_statement import Statements
from quota_core.accounts import AccountRef
from quota_core.catalog import Catalog
from quota_core.errors import NotAllowedError
from quota_core.history import History, HistoryPage
from quota_core.operators import Operators
from quota_core.pools import require_manager
from wording.card import Card
from wording.history_card import history_card, statement_card
from wording.safe import safe_name
from wording.words import Words


class HistoryButton(OwnedButton, template=custom_ids.HISTORY):
    """Shows the newest page privately."""

    topic = "PurchaseHistory"
    own = "quota_history"

    async def press(self, interaction: discord.Interaction[Any], topic: PurchaseHistory) -> None:
        """Open the history."""
        words = await topic.speech.words(interaction)
        card, buttons = await topic.screen(interaction.user, 0, words)
        await tell(interaction, card, buttons)


class PageButton(OwnedButton, template=custom_ids.PAGE):
    """Turns an open history to another page."""

    topic = "PurchaseHistory"
    own = "quota_history"

    async def press(self, interaction: discord.Interaction[Any], topic: PurchaseHistory) -> None:
        """Draw the page where the history stands, if nobody else reads that; otherwise privately."""
        words = await topic.speech.words(interaction)
        card, buttons = await topic.screen(interaction.user, int(self.match["page"]), words)
        message = interaction.message
        if message is not None and (message.flags.ephemeral or in_direct_messages(interaction)):
            await redraw(interaction, card, buttons)
        else:
            await tell(interaction, card, buttons)


class HistoryOfButton(OwnedButton, template=custom_ids.HISTORY_OF):
    """Shows an operator a page of somebody's history; who presses must be an operator now."""

    topic = "PurchaseHistory"
    own = "quota_history"

    async def press(self, interaction: discord.Interaction[Any], topic: PurchaseHistory) -> None:
        """Look again, where nobody else reads along."""
        if not topic.operators.allow(actor_of(interaction)):
            raise OperatorsOnlyError
        subject_id = int(self.match["subject"])
        try:
            subject = interaction.client.get_user(subject_id) or await interaction.client.fetch_user(
                subject_id
            )
        except discord.NotFound as error:
            raise BadUserError(str(subject_id)) from error
        words = await topic.speech.words(interaction)
        card, buttons = await topic.screen_of(subject, int(self.match["page"]), interaction.user.id, words)
        await tell(interaction, card, buttons)


class ServerPageButton(OwnedButton, template=custom_ids.SERVER_PAGE):
    """Shows a page of the server's history to who manages it now."""

    topic = "PurchaseHistory"
    own = "server_quota"

    async def press(self, interaction: discord.Interaction[Any], topic: PurchaseHistory) -> None:
        """Look, where nobody else reads along."""
        words = await topic.speech.words(interaction)
        card, buttons = await topic.screen_of_server(interaction, int(self.match["page"]), words)
        await tell(interaction, card, buttons)


class StatementButton(OwnedButton, template=custom_ids.STATEMENT):
    """Sends the signed statement of all entries, privately."""

    topic = "PurchaseHistory"
    own = "quota_history"

    async def press(self, interaction: discord.Interaction[Any], topic: PurchaseHistory) -> None:
        """Make the file and send it."""
        await defer_privately(interaction)
        await topic.send_statement(interaction)


class PurchaseHistory(Topic):
    """Show histories."""

    buttons: ClassVar[tuple[type[discord.ui.DynamicItem[Any]], ...]] = (
        HistoryButton,
        PageButton,
        HistoryOfButton,
        ServerPageButton,
        StatementButton,
    )

    def __init__(
        self,
        speech: Speech,
        mishaps: Mishaps,
        catalog: Catalog,
        history: History,
        *,
        statements: Statements,
        operators: Operators,
    ) -> None:
        super().__init__(speech, mishaps)
        self.operators = operators
        self._statements = statements
        self._catalog = catalog
        self._history = history

    @commands.hybrid_command(name="quota_history", description=command_english("quota_history"))  # type: ignore[arg-type]  # discord.py's own types do not see methods of cogs
    @app_commands.describe(user=option_english("quota_history", "user"))
    async def quota_history(
        self, context: commands.Context[Any], user: Annotated[discord.User | None, Person] = None
    ) -> None:
        """Show the changes of the author's balance; of somebody else's, to operators only."""
        if user is not None and user.id != context.author.id:
            await self._show_other(context, user)
            return
        words = await self.speech.words(context)
        card, buttons = await self.screen(context.author, 0, words)
        await tell_privately(
            context,
            card,
            buttons,
            cover=cover_card(words("history.title"), words),
            opener=press(words("button.show_privately"), custom_ids.history(context.author.id)),
        )

    async def _show_other(self, context: commands.Context[Any], subject: discord.User) -> None:
        if not self.operators.allow(actor_of(context)):
            raise OperatorsOnlyError
        words, owner_id = await self.speech.words(context), context.author.id
        card, buttons = await self.screen_of(subject, 0, owner_id, words)
        await tell_privately(
            context,
            card,
            buttons,
            cover=cover_card(words("history.title_of", who=safe_name(subject.display_name)), words),
            opener=press(words("button.show_privately"), custom_ids.history_of(subject.id, 0, owner_id)),
        )

    async def screen_of(
        self, subject: discord.User | discord.Member, number: int, owner_id: int, words: Words
    ) -> tuple[Card, list[Button]]:
        """Return a page of somebody's history for the operator `owner_id`, with the buttons to its neighbours."""
        page = await self._history.page(account_of(subject), number)
        buttons = _turns(page, words, lambda number: custom_ids.history_of(subject.id, number, owner_id))
        return history_card(page, self._catalog, words, whose=subject.display_name), buttons

    async def screen_of_server(
        self, interaction: discord.Interaction[Any], number: int, words: Words
    ) -> tuple[Card, list[Button]]:
        """Return a page of the history of the server that is asked in, for those who manage it."""
        actor, owner_id = actor_of(interaction), interaction.user.id
        if actor.guild_id is None:
            raise NotAllowedError("not in a server of this bot")
        require_manager(actor, actor.guild_id)
        page = await self._history.page(AccountRef("guild", str(actor.guild_id)), number)
        buttons = _turns(page, words, lambda number: custom_ids.server_page(number, owner_id))
        name = str(actor.guild_id) if interaction.guild is None else interaction.guild.name
        return history_card(page, self._catalog, words, whose=name), buttons

    async def screen(
        self, user: discord.User | discord.Member, number: int, words: Words
    ) -> tuple[Card, list[Button]]:
        """Return a page of the user's history, and the buttons to its neighbours."""
        account = account_of(user)
        page = await self._history.page(account, number)
        buttons = _turns(page, words, lambda number: custom_ids.page(number, user.id))
        if await self._statements.has_entries(account):
            buttons.append(press(words("button.statement"), custom_ids.statement(user.id)))
        return history_card(page, self._catalog, words), buttons

    async def send_statement(self, interaction: discord.Interaction[Any]) -> None:
        """Send the user's statement as a file, or say that there is nothing to state."""
        words = await self.speech.words(interaction)
        statement = await self._statements.of(account_of(interaction.user))
        if statement is None:
            await tell(interaction, Card(words("history.title"), words("history.empty")))
            return
        card = statement_card(statement.entries, statement.earlier, words)
        name = f"statement-{interaction.user.id}.json"
        await tell_with_file(interaction, card, name=name, content=statement.content)


def _turns(page: HistoryPage, words: Words, id_of: Callable[[int], str]) -> list[Button]:
    """Return the buttons to a page's neighbours; `id_of` names the one to a page."""
    found = []
    if page.number > 0:
        found.append(press(words("button.previous"), id_of(page.number - 1)))
    if page.number + 1 < page.pages:
        found.append(press(words("button.next"), id_of(page.number + 1)))
    return found
