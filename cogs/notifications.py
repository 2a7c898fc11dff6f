"""Which messages somebody gets, and where: `!notifications`, for the eyes of its author alone."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, ClassVar

import discord
from discord.ext import commands

from cogs import custom_ids
from cogs.actors import account_of
from cogs.buttons import OwnedButton
from cogs.cover import cover_card
from cogs.errors import Mishaps
from cogs.forms import Form, Question
from cogs.replies import Button, press, redraw_privately, tell, tell_privately
from cogs.slash_texts import command_english
from cogs.speech import Speech
from cogs.topic import Topic
from quota_core.accounts import AccountRef
from quota_core.errors import PreferenceError
from quota_core.messages import Messages
from quota_core.preferences import Preference
from wording.card import Card
from wording.notifications_card import notifications_card, secret_card
from wording.words import Words

_HOURS = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)\s*-\s*([01]?\d|2[0-3]):([0-5]\d)")
_FORMS = ("quiet", "email", "slack", "webhook")


class NotifyButton(OwnedButton, template=custom_ids.NOTIFY):
    """Shows the choices privately."""

    topic = "Notifications"
    own = "notifications"

    async def press(self, interaction: discord.Interaction[Any], topic: Notifications) -> None:
        """Look again."""
        await topic.show(interaction)


class ToggleButton(OwnedButton, template=custom_ids.TOGGLE):
    """Turns a kind of messages, or direct ones, on or off."""

    topic = "Notifications"
    own = "notifications"

    async def press(self, interaction: discord.Interaction[Any], topic: Notifications) -> None:
        """Keep the choice and show all of them."""
        account, what = account_of(interaction.user), self.match["what"]
        preference = await topic.messages.preferences.of(account)
        await topic.messages.preferences.keep(account, toggled(preference, what))
        await topic.show(interaction)


class EnterButton(OwnedButton, template=custom_ids.ENTER):
    """Opens a form."""

    topic = "Notifications"
    own = "notifications"

    async def press(self, interaction: discord.Interaction[Any], topic: Notifications) -> None:
        """Ask for quiet hours, or for an address."""
        what = self.match["what"]
        if what in _FORMS:
            await topic.ask(interaction, what)


class Notifications(Topic):
    """Show and keep choices."""

    buttons: ClassVar[tuple[type[discord.ui.DynamicItem[Any]], ...]] = (
        NotifyButton,
        ToggleButton,
        EnterButton,
    )

    def __init__(self, speech: Speech, mishaps: Mishaps, messages: Messages) -> None:
        super().__init__(speech, mishaps)
        self.messages = messages

    @commands.hybrid_command(name="notifications", description=command_english("notifications"))  # type: ignore[arg-type]  # discord.py's own types do not see methods of cogs
    async def notifications(self, context: commands.Context[Any]) -> None:
        """Show what the author chose."""
        words = await self.speech.words(context)
        card, buttons = await self._screen(account_of(context.author), context.author.id, words)
        await tell_privately(
            context,
            card,
            buttons,
            cover=cover_card(words("notify.title"), words),
            opener=press(words("button.show_privately"), custom_ids.notify(context.author.id)),
        )

    async def show(self, interaction: discord.Interaction[Any]) -> None:
        """Show all choices, in place of what was pressed if nobody else reads that."""
        words = await self.speech.words(interaction)
        card, buttons = await self._screen(account_of(interaction.user), interaction.user.id, words)
        await redraw_privately(interaction, card, buttons)

    async def ask(self, interaction: discord.Interaction[Any], what: str) -> None:
        """Open the form of quiet hours, or of an address."""
        words = await self.speech.words(interaction)
        if what == "quiet":
            questions = (
                Question("hours", words("form.hours"), required=False),
                Question("zone", words("form.zone"), required=False),
            )
            await interaction.response.send_modal(
                Form(words("form.quiet"), questions, self._take_hours, self.mishaps)
            )
            return

        async def take(sent: discord.Interaction[Any], given: dict[str, str]) -> None:
            await self._add(sent, what, given["target"])

        label = words("form.address" if what == "email" else "form.url")
        form = Form(words(f"form.{what}"), (Question("target", label),), take, self.mishaps)
        await interaction.response.send_modal(form)

    async def _take_hours(self, interaction: discord.Interaction[Any], given: dict[str, str]) -> None:
        account = account_of(interaction.user)
        preference = await self.messages.preferences.of(account)
        zone = given["zone"].strip() or preference.zone
        preference = replace(preference, quiet=hours_in(given["hours"]), zone=zone)
        await self.messages.preferences.keep(account, preference)
        await self.show(interaction)

    async def _add(self, interaction: discord.Interaction[Any], channel: str, target: str) -> None:
        words = await self.speech.words(interaction)
        added = await self.messages.recipients.add(
            account_of(interaction.user),
            channel,
            target.strip(),
            locale=str(interaction.locale),
            proved=False,
        )
        if added.secret is not None:
            await tell(interaction, secret_card(added.secret, words))
        else:
            await self.show(interaction)

    async def _screen(self, account: AccountRef, owner_id: int, words: Words) -> tuple[Card, list[Button]]:
        preference = await self.messages.preferences.of(account)
        recipients = await self.messages.recipients.of(account)
        on = {"dm": preference.dm == "on", **{t: t not in preference.muted for t in ("alerts", "billing")}}
        buttons = [
            press(
                words("button.toggle_off" if on[what] else "button.toggle_on", what=words(f"notify.{what}")),
                custom_ids.toggle(what, owner_id),
            )
            for what in on
        ]
        allowed = self.messages.recipients.channels
        buttons += [
            press(words(f"form.{what}"), custom_ids.enter(what, owner_id))
            for what in _FORMS
            if what == "quiet" or what in allowed
        ]
        buttons += [
            press(words("button.show_recipient", n=number), custom_ids.recipient("show", one.id, owner_id))
            for number, one in enumerate(recipients, 1)
        ]
        return notifications_card(preference, recipients, words), buttons


def toggled(preference: Preference, what: str) -> Preference:
    """Return the choices with one of them turned over; `dm` is on or off from then on."""
    if what == "dm":
        return replace(preference, dm="off" if preference.dm == "on" else "on")
    if what in ("alerts", "billing"):
        return replace(preference, muted=preference.muted ^ {what})
    return preference


def hours_in(text: str) -> tuple[int, int] | None:
    """
    Return the minutes of the day that a text such as `22:00-07:00` names, None when it is empty.

    Raises:
        PreferenceError: it names none.

    """
    if not text.strip():
        return None
    found = _HOURS.fullmatch(text.strip())
    if found is None:
        raise PreferenceError("hours", text)
    first, second, third, fourth = map(int, found.groups())
    return first * 60 + second, third * 60 + fourth
