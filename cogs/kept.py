"""
Messages that could not be sent, shown privately at the user's next command.

An interaction shows them at once, for its user alone; in a server the prefix form offers a button that only its
owner can open; in direct messages they simply follow.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, ClassVar

import discord
from discord import app_commands
from discord.ext import commands

from cogs import custom_ids
from cogs.actors import account_of
from cogs.buttons import OwnedButton
from cogs.errors import Mishaps
from cogs.receipts import Receipts
from cogs.replies import Button, Who, in_direct_messages, interaction_of, press, tell, tell_privately, user_of
from cogs.speech import Speech
from cogs.topic import Topic
from cogs.waiting import Waiting
from quota_core.catalog import Catalog
from quota_core.errors import QuotaError
from quota_core.notices import Notice, Notices
from wording.card import Card
from wording.language import language_of
from wording.notice_card import notice_card
from wording.words import Words

log = logging.getLogger(__name__)


class KeptButton(OwnedButton, template=custom_ids.KEPT):
    """Shows the messages that wait for the one who pressed."""

    topic = "KeptNotices"
    own = "quota"

    async def press(self, interaction: discord.Interaction[Any], topic: KeptNotices) -> None:
        """Show what waits; when nothing does any more, the way to the history."""
        kept = await topic.notices.kept(account_of(interaction.user))
        if kept:
            await topic.show(interaction, kept)
        else:
            words = await topic.speech.words(interaction)
            await tell(interaction, Card(words("notice.unknown"), words("notice.unknown_line")))


class KeptNotices(Topic):
    """Show kept notices after commands."""

    buttons: ClassVar[tuple[type[discord.ui.DynamicItem[Any]], ...]] = (KeptButton,)

    def __init__(
        self,
        speech: Speech,
        mishaps: Mishaps,
        catalog: Catalog,
        notices: Notices,
        receipts: Receipts,
        *,
        waiting: Waiting,
    ) -> None:
        super().__init__(speech, mishaps)
        self.notices = notices
        self._waiting = waiting
        self._catalog = catalog
        self._receipts = receipts

    @commands.Cog.listener("on_command_completion")
    async def after_command(self, context: commands.Context[Any]) -> None:
        """Look after a command in prefix or hybrid form."""
        await self._after(context)

    @commands.Cog.listener("on_app_command_completion")
    async def after_slash_command(
        self,
        interaction: discord.Interaction[Any],
        command: app_commands.Command[Any, ..., Any] | app_commands.ContextMenu,
    ) -> None:
        """Look after a command that exists as a slash command only; hybrid ones were seen already."""
        if not isinstance(command, commands.hybrid.HybridAppCommand):
            await self._after(interaction)

    async def _after(self, who: Who) -> None:
        try:
            kept = await self._waiting.of(account_of(user_of(who)))
            if not kept:
                return
            if interaction_of(who) is not None or in_direct_messages(who):
                await self.show(who, kept)
            else:
                await self._offer(who, len(kept))
        except (QuotaError, discord.DiscordException, OSError):
            # It stays kept, and the next command shows it.
            log.exception("could not show user %d what is kept", user_of(who).id)

    async def show(self, who: Who, kept: Sequence[Notice]) -> None:
        """Show notices where nobody else reads along, and record those that were shown."""
        shown = []
        words = await self.speech.words(who)
        for notice in kept:
            receipt_url = await self._receipts.url_of(notice)
            card = notice_card(
                notice, self._catalog, Words(language_of(notice.locale)), receipt_url=receipt_url
            )
            if not await tell_privately(
                who, card, cover=_cover(len(kept), words), opener=_opener(who, words)
            ):
                break
            shown.append(notice)
        if shown:
            await self.notices.shown(shown)

    async def _offer(self, who: Who, count: int) -> None:
        words = await self.speech.words(who)
        await tell(who, _cover(count, words), [_opener(who, words)])


def _cover(count: int, words: Words) -> Card:
    title = words("hint.waiting_one") if count == 1 else words("hint.waiting_many", n=count)
    return Card(title, words("hint.press_to_see"))


def _opener(who: Who, words: Words) -> Button:
    return press(words("button.read"), custom_ids.kept(user_of(who).id), discord.ButtonStyle.primary)
