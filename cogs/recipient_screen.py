"""One place where somebody's messages go: what it hears of, how it does, and what can be done with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import discord

from cogs import custom_ids
from cogs.actors import account_of
from cogs.buttons import OwnedButton
from cogs.errors import Mishaps
from cogs.forms import Form, Question
from cogs.replies import Button, press, redraw_privately, tell
from cogs.rows import Menu, Option
from cogs.speech import Speech
from cogs.topic import Topic
from quota_core.errors import PreferenceError
from quota_core.events import EVENTS
from quota_core.messages import Messages
from quota_core.outbox_log import Delivery
from quota_core.store.recipients import Recipient
from wording.notifications_card import delivery_label, kind_name, recipient_card, secret_card
from wording.words import Words

MAX_DELIVERIES = 10
MAX_DIGITS = 18
KINDS = tuple(kind for kind, event in EVENTS.items() if not event.operators_only)


class RecipientButton(OwnedButton, template=custom_ids.RECIPIENT):
    """Does something with one recipient."""

    topic = "RecipientScreen"
    own = "notifications"

    async def press(self, interaction: discord.Interaction[Any], topic: RecipientScreen) -> None:
        """Show it, or change it and show what is left."""
        account, number = account_of(interaction.user), int(self.match["number"])
        recipients = topic.messages.recipients
        match self.match["what"]:
            case "show":
                await topic.show(interaction, number)
            case "code":
                await topic.ask_code(interaction, number)
            case "rotate":
                secret = await recipients.rotate(account, number)
                words = await topic.speech.words(interaction)
                if secret is None:
                    await topic.overview(interaction)
                else:
                    await tell(interaction, secret_card(secret, words))
            case "enable":
                await recipients.enable(account, number)
                await topic.show(interaction, number)
            case "test":
                await topic.messages.resending.test(account, number)
                await topic.show(interaction, number)
            case "remove":
                await recipients.remove(account, number)
                await topic.overview(interaction)
            case _:
                await topic.overview(interaction)


class KindsMenu(OwnedButton, template=custom_ids.KINDS):
    """Chooses what one recipient hears of."""

    topic = "RecipientScreen"
    own = "notifications"

    async def press(self, interaction: discord.Interaction[Any], topic: RecipientScreen) -> None:
        """Keep the choice and show the recipient."""
        number = int(self.match["number"])
        if self.chosen:
            # All of them are also those that are still to come.
            kinds = () if set(self.chosen) >= set(KINDS) else self.chosen
            await topic.messages.recipients.choose(account_of(interaction.user), number, kinds)
        await topic.show(interaction, number)


class ReplayMenu(OwnedButton, template=custom_ids.REPLAY):
    """Sends one message to a recipient once more."""

    topic = "RecipientScreen"
    own = "notifications"

    async def press(self, interaction: discord.Interaction[Any], topic: RecipientScreen) -> None:
        """Owe it again and show the recipient."""
        number = int(self.match["number"])
        for text in self.chosen:
            notice = int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS else 0
            if not await topic.messages.resending.replay(account_of(interaction.user), number, notice):
                raise PreferenceError("delivery", text)
        await topic.show(interaction, number)


class RecipientScreen(Topic):
    """Show one recipient; `overview` shows all of them, with everything else about messages."""

    buttons: ClassVar[tuple[type[discord.ui.DynamicItem[Any]], ...]] = (
        RecipientButton,
        KindsMenu,
        ReplayMenu,
    )

    def __init__(
        self,
        speech: Speech,
        mishaps: Mishaps,
        messages: Messages,
        *,
        overview: Callable[[discord.Interaction[Any]], Awaitable[None]],
    ) -> None:
        super().__init__(speech, mishaps)
        self.messages = messages
        self.overview = overview

    async def show(self, interaction: discord.Interaction[Any], number: int) -> None:
        """Show one recipient of whoever pressed, with its log; without such a one, all of theirs."""
        account = account_of(interaction.user)
        found = [one for one in await self.messages.recipients.of(account) if one.id == number]
        if not found:
            await self.overview(interaction)
            return
        [one] = found
        words = await self.speech.words(interaction)
        deliveries = await self.messages.log.of_recipient(one, limit=MAX_DELIVERIES)
        card = recipient_card(one, deliveries, words)
        owner_id = interaction.user.id
        parts: list[Button | Menu] = [*_buttons(one, owner_id, words), _kinds(one, owner_id, words)]
        if deliveries and _may_leave(one):
            zone = ZoneInfo((await self.messages.preferences.of(account)).zone)
            parts.append(_replay(one, deliveries, owner_id, words, zone))
        await redraw_privately(interaction, card, parts)

    async def ask_code(self, interaction: discord.Interaction[Any], number: int) -> None:
        """Open the form for the code that was sent to an address."""
        words = await self.speech.words(interaction)

        async def take(sent: discord.Interaction[Any], given: dict[str, str]) -> None:
            await self.messages.recipients.prove(account_of(sent.user), number, given["code"])
            await self.show(sent, number)

        form = Form(words("form.code"), (Question("code", words("form.code_label")),), take, self.mishaps)
        await interaction.response.send_modal(form)


def _may_leave(one: Recipient) -> bool:
    return one.disabled_ms is None and one.code is None


def _buttons(one: Recipient, owner_id: int, words: Words) -> list[Button]:
    offered = {
        "code": one.code is not None,
        "test": _may_leave(one),
        "rotate": one.secret is not None,
        "enable": one.disabled_ms is not None,
    }
    labels = {
        "code": "button.enter_code",
        "test": "button.send_test",
        "rotate": "button.rotate",
        "enable": "button.enable",
    }
    return [
        press(words("button.back"), custom_ids.notify(owner_id)),
        press(words("button.refresh"), custom_ids.recipient("show", one.id, owner_id)),
        *(
            press(words(labels[what]), custom_ids.recipient(what, one.id, owner_id))
            for what, wanted in offered.items()
            if wanted
        ),
        press(
            words("button.remove"),
            custom_ids.recipient("remove", one.id, owner_id),
            discord.ButtonStyle.danger,
        ),
    ]


def _kinds(one: Recipient, owner_id: int, words: Words) -> Menu:
    chosen = one.kinds.split() or KINDS
    return Menu(
        placeholder=words("notify.choose_kinds"),
        custom_id=custom_ids.kinds(one.id, owner_id),
        options=tuple(
            Option(kind_name(kind, words), kind, EVENTS[kind].type, chosen=kind in chosen) for kind in KINDS
        ),
        several=True,
    )


def _replay(
    one: Recipient, deliveries: Sequence[Delivery], owner_id: int, words: Words, zone: ZoneInfo
) -> Menu:
    return Menu(
        placeholder=words("notify.choose_replay"),
        custom_id=custom_ids.replay(one.id, owner_id),
        options=tuple(
            Option(delivery_label(delivery, words, zone), str(delivery.id)) for delivery in deliveries
        ),
    )
