"""
Sends what is owed, one message at a time, at least once.

It needs Discord's REST API only, so that it works before the gateway is ready and while that is down. The row of a
notice is claimed before anything is sent and ended after; its nonce is fixed, so that Discord drops a second
copy of a message whose answer was lost.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import discord
from discord.ext import commands

from cogs import custom_ids
from cogs.deliveries import Fate, Verdict, verdict_on
from cogs.opening_pace import OpeningPace
from cogs.receipts import Receipts
from cogs.replies import Button, embed_of, press, view_of
from cogs.waiting import Waiting
from cogs.ways_out import ways_out
from quota_core.catalog import Catalog
from quota_core.crash_points import crash_point
from quota_core.events import ALERT, DISABLED
from quota_core.notices import Notice, Notices
from quota_core.people import People
from quota_core.screening import Screening
from quota_core.sending import Sending
from quota_core.store.recipients import Recipient
from wording.language import language_of
from wording.notice_card import notice_card
from wording.words import Words

log = logging.getLogger(__name__)

SEND_SECONDS = 30.0
NONCE_MS = 3 * 60_000  # for how long we count on Discord to know a nonce
MESSAGES_READ = 30


class PacedError(Exception):
    """No direct channel may be opened yet."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(f"no direct channel may be opened for {seconds:.1f} s")


class NoticeSender(commands.Cog):
    """
    The loop that sends notices while the bot is logged in.

    `on_refused` is called once when Discord refuses the token: then nothing is sent any more.
    """

    def __init__(
        self,
        bot: commands.Bot,
        catalog: Catalog,
        notices: Notices,
        *,
        people: People,
        receipts: Receipts,
        screening: Screening,
        waiting: Waiting,
        can_sell: bool,
        pace: OpeningPace,
        on_refused: Callable[[], None],
        clock: Callable[[], int],
    ) -> None:
        self._bot = bot
        self._catalog = catalog
        self._notices = notices
        self._people = people
        self._receipts = receipts
        self._can_sell = can_sell
        self._pace = pace
        self._on_refused = on_refused
        self._clock = clock
        self._sending = Sending(
            notices,
            screening,
            "dm",
            self._deliver,
            afterwards=lambda notice: waiting.may_have(notice.account),
        )

    async def cog_load(self) -> None:
        """Begin: the bot is logged in."""
        self._sending.start()

    async def cog_unload(self) -> None:
        """Finish the message in hand, and end."""
        await self._sending.stop()

    async def _deliver(self, notice: Notice, recipient: Recipient | None) -> None:
        assert recipient is None
        if notice.account.kind != "user":
            await self._notices.give_up(notice, "not a Discord user")
            return
        try:
            await self._send(notice)
        except PacedError as error:
            await self._notices.try_later(notice, str(error), after_seconds=error.seconds)
        except Exception as error:  # noqa: BLE001 - every kind is classified, none may end the loop
            await self._settle(notice, verdict_on(error))
        else:
            await self._notices.sent(notice)

    async def _send(self, notice: Notice, *, reopened: bool = False) -> None:
        receipt_url = await self._receipts.url_of(notice)
        words = Words(language_of(notice.locale))
        card = notice_card(notice, self._catalog, words, receipt_url=receipt_url, can_sell=self._can_sell)
        embed = embed_of(card)
        try:
            async with asyncio.timeout(SEND_SECONDS):
                channel = await self._channel(notice, reopened=reopened)
                if await self._arrived_before(notice, channel, embed):
                    log.info("notice %d had arrived already", notice.id)
                else:
                    crash_point("outbox.23.before_post")
                    view = view_of(self._buttons(notice, words))
                    await channel.send(embed=embed, view=view, nonce=notice.nonce)
                    crash_point("outbox.24.posted")
        except discord.NotFound as error:
            if reopened or verdict_on(error).fate is not Fate.REOPEN:
                raise
            await self._send(notice, reopened=True)

    def _buttons(self, notice: Notice, words: Words) -> list[Button]:
        """Return the ways out under an alert, and the way to a recipient that was turned off; others need none."""
        owner_id = int(notice.account.external_id)
        if notice.kind == DISABLED and "recipient" in notice.facts:
            found = custom_ids.recipient("show", notice.facts["recipient"], owner_id)
            return [press(words("button.look_at"), found)]
        if notice.kind != ALERT:
            return []
        return ways_out(
            self._catalog,
            notice.facts["plan"],
            notice.facts["metric"],
            words,
            owner_id=owner_id,
            can_sell=self._can_sell,
        )

    async def _channel(self, notice: Notice, *, reopened: bool) -> discord.abc.Messageable:
        """Return the direct channel of the notice's reader, opened now when it is not known."""
        if notice.dm_channel_id is not None and not reopened:
            return self._bot.get_partial_messageable(notice.dm_channel_id, type=discord.ChannelType.private)
        wait_seconds = self._pace.wait_seconds()
        if wait_seconds > 0:
            raise PacedError(wait_seconds)
        self._pace.opens()
        channel = await self._bot.create_dm(discord.Object(int(notice.account.external_id)))
        self._pace.went_well()
        crash_point("outbox.21.channel_opened")
        await self._people.direct_channel(notice.account, channel.id)
        crash_point("outbox.22.channel_saved")
        return channel

    async def _arrived_before(
        self, notice: Notice, channel: discord.abc.Messageable, embed: discord.Embed
    ) -> bool:
        """
        Tell whether an earlier try arrived although its answer was lost.

        Asked only when Discord may have forgotten the nonce by now.
        """
        if notice.attempts <= 1 or self._clock() - notice.created_ms < NONCE_MS:
            return False
        assert self._bot.user is not None
        async for message in channel.history(limit=MESSAGES_READ):
            if message.author.id == self._bot.user.id and any(_same(one, embed) for one in message.embeds):
                return True
        return False

    async def _settle(self, notice: Notice, verdict: Verdict) -> None:
        log.warning("notice %d: %s: %s", notice.id, verdict.fate.value, verdict.reason)
        match verdict.fate:
            case Fate.KEEP:
                await self._notices.keep(notice, verdict.reason)
            case Fate.GIVE_UP:
                await self._notices.give_up(notice, verdict.reason)
            case Fate.SLOW_DOWN:
                pause_seconds = self._pace.trip()
                await self._notices.try_later(notice, verdict.reason, after_seconds=pause_seconds)
            case Fate.STOP:
                await self._notices.try_later(notice, verdict.reason)
                self._sending.end()
                self._on_refused()
            case Fate.LATER | Fate.REOPEN:
                await self._notices.try_later(notice, verdict.reason, after_seconds=verdict.after_seconds)


def _same(sent: discord.Embed, owed: discord.Embed) -> bool:
    """Compare by what names the occasion: the receipt's link may have been missing the first time."""
    if sent.footer.text or owed.footer.text:
        return (sent.title, sent.footer.text) == (owed.title, owed.footer.text)
    return (sent.title, sent.description, sent.fields) == (owed.title, owed.description, owed.fields)
