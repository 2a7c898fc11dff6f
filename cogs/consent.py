"""Asks before a metered command uses the first paid units of a window: use them, wait, or buy more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

import discord

from cogs import custom_ids
from cogs.actors import account_of
from cogs.buttons import OwnedButton
from cogs.cover import cover_card
from cogs.errors import Mishaps
from cogs.replies import Button, Who, interaction_of, press, tell, tell_privately, user_of
from cogs.speech import Speech
from cogs.topic import Topic
from quota_core.accounts import AccountRef
from quota_core.answers import Spend
from quota_core.catalog import Catalog
from quota_core.consumes import Consume
from quota_core.paid_units import Consents, PaidUnitsError
from wording.card import Card
from wording.paid_card import agreed_card, paid_card
from wording.words import Words

PATIENCE_SECONDS = 300.0


class DeclinedError(Exception):
    """Nobody agreed, or not in time: the command is not run, and nothing was taken."""


class AskButton(OwnedButton, template=custom_ids.PAID_ASK):
    """Shows the question privately."""

    topic = "PaidUnits"
    own = "quota"

    async def press(self, interaction: discord.Interaction[Any], topic: PaidUnits) -> None:
        """Look again at what would be taken."""
        metric, units = self.match["metric"], int(self.match["units"])
        error = await topic.consents.look(account_of(interaction.user), metric, units)
        if error is None:
            await topic.agree(interaction, metric)
            return
        words = await topic.speech.words(interaction)
        await tell(interaction, *topic.question(error, interaction.user.id, words, waits=True))


class UseButton(OwnedButton, template=custom_ids.PAID_USE):
    """Agrees, until the window ends."""

    topic = "PaidUnits"
    own = "quota"

    async def press(self, interaction: discord.Interaction[Any], topic: PaidUnits) -> None:
        """Note it, and let the command go on that waits for it."""
        await topic.agree(interaction, self.match["metric"])


class PaidUnits(Topic):
    """
    Ask and take.

    A command that came as a message waits five minutes for the answer and then goes on by itself; one that came as
    an interaction is sent again, since what it would answer to is used up by the question.
    """

    buttons: ClassVar[tuple[type[discord.ui.DynamicItem[Any]], ...]] = (AskButton, UseButton)

    def __init__(
        self,
        speech: Speech,
        mishaps: Mishaps,
        catalog: Catalog,
        consents: Consents,
        *,
        can_sell: bool,
    ) -> None:
        super().__init__(speech, mishaps)
        self.consents = consents
        self._catalog = catalog
        self._can_sell = can_sell
        self._waiting: dict[tuple[AccountRef, str], set[asyncio.Event]] = {}

    async def take(self, who: Who, operation: Consume, take: Callable[[Consume], Awaitable[Spend]]) -> Spend:
        """
        Spend or hold units by `take`, and ask first if paid ones of the user would be the first of their window.

        What a server pays for its members is not asked about: it is not the user's.

        Raises:
            DeclinedError: nobody agreed; nothing was taken.
            QuotaError: as `take`.

        """
        try:
            return await take(operation._replace(free_only=True))
        except PaidUnitsError as error:
            if not await self.consents.given(operation.account, error.metric):
                await self._ask(who, error)
        # The same key: whatever happened meanwhile, it is charged once.
        return await take(operation)

    async def _ask(self, who: Who, error: PaidUnitsError) -> None:
        owner_id = user_of(who).id
        words = await self.speech.words(who)
        waits = interaction_of(who) is None
        place = (account_of(user_of(who)), error.metric)
        agreed = asyncio.Event()
        if waits:
            self._waiting.setdefault(place, set()).add(agreed)
        try:
            card, buttons = self.question(error, owner_id, words, waits=waits)
            opener = press(
                words("button.show_privately"), custom_ids.paid_ask(error.metric, error.units_asked, owner_id)
            )
            await tell_privately(
                who, card, buttons, cover=cover_card(words("paid.title"), words), opener=opener
            )
            if not waits:
                raise DeclinedError
            async with asyncio.timeout(PATIENCE_SECONDS):
                await agreed.wait()
        except TimeoutError as late:
            raise DeclinedError from late
        finally:
            self._waiting.get(place, set()).discard(agreed)

    def question(
        self, error: PaidUnitsError, owner_id: int, words: Words, *, waits: bool
    ) -> tuple[Card, list[Button]]:
        """Return the card with its buttons; waiting needs none."""
        buttons = [
            press(
                words("button.use_paid"),
                custom_ids.paid_use(error.metric, owner_id),
                discord.ButtonStyle.primary,
            )
        ]
        if self._can_sell and any(one.metric == error.metric for one in self._catalog.packages.values()):
            buttons.append(press(words("button.options"), custom_ids.shop(owner_id)))
        return paid_card(error, self._catalog, words, waits=waits), buttons

    async def agree(self, interaction: discord.Interaction[Any], metric: str) -> None:
        """Note that the one who pressed agrees, and wake what waits for it."""
        account = account_of(interaction.user)
        await self.consents.give(account, metric)
        waiting = self._waiting.pop((account, metric), set())
        for one in waiting:
            one.set()
        words = await self.speech.words(interaction)
        await tell(interaction, agreed_card(words, goes_on=bool(waiting)))
