"""Sends what is owed to channels of servers: to operators, or to whoever looks after an account."""

from __future__ import annotations

import asyncio

from discord.ext import commands

from cogs.deliveries import Fate, verdict_on
from cogs.replies import embed_of
from quota_core.catalog import Catalog
from quota_core.events import EVENTS
from quota_core.messages import Messages
from quota_core.notices import Notice
from quota_core.sending import Sending
from quota_core.store.recipients import Recipient
from wording.card import Card, Field
from wording.language import language_of
from wording.names import account_name
from wording.notice_card import notice_card
from wording.safe import Safe
from wording.words import Words

SEND_SECONDS = 30.0


class ChannelNotices(commands.Cog):
    """The loop that writes in channels while the bot is logged in; `can_sell`: whether more can be bought."""

    def __init__(self, bot: commands.Bot, catalog: Catalog, messages: Messages, *, can_sell: bool) -> None:
        self._bot = bot
        self._catalog = catalog
        self._notices = messages.notices
        self._recipients = messages.recipients
        self._can_sell = can_sell
        self._sending = Sending(messages.notices, messages.screening, "channel", self._deliver)

    async def cog_load(self) -> None:
        """Begin: the bot is logged in."""
        self._sending.start()

    async def cog_unload(self) -> None:
        """Finish the message in hand, and end."""
        await self._sending.stop()

    async def _deliver(self, notice: Notice, recipient: Recipient | None) -> None:
        assert recipient is not None
        words = Words(language_of(notice.locale))
        card = notice_card(notice, self._catalog, words, can_sell=self._can_sell)
        if recipient.account != notice.account_id:
            card = _about(card, account_name(notice.account), words)
        elif notice.account.kind == "guild" and notice.kind in EVENTS:
            card = _about(card, words("notice.this_server"), words)
        try:
            async with asyncio.timeout(SEND_SECONDS):
                channel = self._bot.get_partial_messageable(int(recipient.target))
                await channel.send(embed=embed_of(card), nonce=notice.nonce)
        except Exception as error:  # noqa: BLE001 - every kind is classified, none may end the loop
            await self._failed(notice, recipient, error)
        else:
            await self._notices.sent(notice)
            await self._recipients.worked(recipient)

    async def _failed(self, notice: Notice, recipient: Recipient, error: Exception) -> None:
        verdict = verdict_on(error)
        final = verdict.fate in (Fate.KEEP, Fate.GIVE_UP, Fate.REOPEN)
        if final:
            # Discord's own refusals are never repeated: too many of them lead to a ban.
            await self._notices.give_up(notice, verdict.reason)
        else:
            await self._notices.try_later(notice, verdict.reason, after_seconds=verdict.after_seconds)
        if verdict.fate is Fate.STOP:
            self._sending.end()
        await self._recipients.failed(recipient, notice, gone=final)


def _about(card: Card, whose: Safe, words: Words) -> Card:
    """Return a card that names the account it is about."""
    field = Field(words("notice.account"), whose)
    return Card(card.title, card.description, (field, *card.fields), card.footer, card.tone)
