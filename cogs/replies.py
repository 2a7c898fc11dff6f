"""
The one place that answers on Discord.

`tell` answers where the question was asked: only its author sees the answer to an interaction, everybody
in the channel the one to a message. `tell_privately` is for what only the author may see: it sends
it where that is proved, and otherwise a button that shows it. Never `Context.send(ephemeral=True)`: when
Discord or a clock disagrees, it turns into a public message without a word.
"""

from __future__ import annotations

import io
import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum
from typing import Any, NamedTuple, TypeAlias

import aiohttp
import discord
from discord.ext import commands

from cogs.rows import Menu, Rows
from wording.card import Card

log = logging.getLogger(__name__)

Who: TypeAlias = "commands.Context[Any] | discord.Interaction[Any]"
Part: TypeAlias = "Button | Menu"

MAX_LABEL_LENGTH = 80
MAX_LINK_LENGTH = 512
MAX_BUTTONS = 25

# https://docs.discord.com/developers/topics/opcodes-and-status-codes#json-json-error-codes
ALREADY_ANSWERED = 40060
TOO_LATE = frozenset((10062, 10015, 50027))  # unknown interaction, unknown webhook, invalid webhook token
MESSAGE_GONE = 10008

_PRIVATE = "quota_private"  # in Interaction.extras: we deferred it privately, or answered after that
_CONNECTION_ERRORS = (aiohttp.ClientError, OSError, TimeoutError)


def embed_of(card: Card) -> discord.Embed:
    """Return the embed that shows a card."""
    embed = discord.Embed(title=card.title, description=card.description or None, colour=card.tone.value)
    for field in card.fields:
        embed.add_field(name=field.name, value=field.value, inline=field.inline)
    if card.footer:
        embed.set_footer(text=card.footer)
    return embed


class Button(NamedTuple):
    """
    What a button says and does: it sends `custom_id` back, or opens `url`.

    A value of our own: ours are drawn and never called, so that discord.py's, which can be both, would only cost.
    """

    label: str
    style: discord.ButtonStyle
    custom_id: str | None = None
    url: str | None = None

    def drawn(self) -> dict[str, Any]:
        """Return it as Discord takes it."""
        # https://docs.discord.com/developers/components/reference#button
        target = {"url": self.url} if self.custom_id is None else {"custom_id": self.custom_id}
        return {"type": 2, "style": self.style.value, "label": self.label, "disabled": False, **target}


def press(label: str, custom_id: str, style: discord.ButtonStyle = discord.ButtonStyle.secondary) -> Button:
    """Return a button that sends its id back."""
    return Button(label=label[:MAX_LABEL_LENGTH], custom_id=custom_id, style=style)


def link(label: str, url: str) -> Button:
    """Return a button that opens an address of at most 512 characters."""
    return Button(label=label[:MAX_LABEL_LENGTH], url=url, style=discord.ButtonStyle.link)


def view_of(buttons: Sequence[Part]) -> discord.ui.View:
    """Return what draws these buttons, 25 at most."""
    return Rows(buttons[:MAX_BUTTONS])


def interaction_of(who: Who) -> discord.Interaction[Any] | None:
    """Return the interaction behind a command, None when it was a message."""
    return who.interaction if isinstance(who, commands.Context) else who


def user_of(who: Who) -> discord.User | discord.Member:
    """Return the person who asked."""
    return who.author if isinstance(who, commands.Context) else who.user


def source_id(who: Who) -> int:
    """Return the id of what asked: of the interaction, or of the message. It never comes twice."""
    if isinstance(who, commands.Context):
        return who.message.id if who.interaction is None else who.interaction.id
    return who.id


def in_direct_messages(who: Who) -> bool:
    """Tell whether nobody but the user and the bot reads along."""
    return isinstance(who.channel, discord.DMChannel)


async def tell(who: Who, card: Card, buttons: Sequence[Part] = ()) -> None:
    """Answer where it was asked: to an interaction for its user alone, to a message in its channel."""
    interaction = interaction_of(who)
    if interaction is None:
        assert isinstance(who, commands.Context)
        await _reply(who, card, buttons)
    elif await _whisper(interaction, card, buttons) is _Whispered.NOT_PRIVATE:
        await _follow_in_public(interaction, card, buttons)


async def tell_privately(
    who: Who, card: Card, buttons: Sequence[Part] = (), *, cover: Card, opener: Button
) -> bool:
    """
    Answer so that only the person who asked can read it, and tell whether `card` was shown.

    Where that cannot be proved, `cover` is shown instead, with the button `opener`, which asks again in
    an interaction.
    """
    interaction = interaction_of(who)
    if interaction is not None:
        whispered = await _whisper(interaction, card, buttons)
        if whispered is _Whispered.NOT_PRIVATE:
            await _follow_in_public(interaction, cover, [opener])
        return whispered is _Whispered.SENT
    assert isinstance(who, commands.Context)
    if in_direct_messages(who):
        await _reply(who, card, buttons)
        return True
    await _reply(who, cover, [opener])
    return False


async def defer_privately(interaction: discord.Interaction[Any]) -> None:
    """Win fifteen minutes for an answer that only the user sees."""
    await _settled(lambda: interaction.response.defer(ephemeral=True, thinking=True))
    interaction.extras[_PRIVATE] = "deferred"


async def tell_with_file(
    interaction: discord.Interaction[Any], card: Card, *, name: str, content: bytes
) -> None:
    """Answer with a file what `defer_privately` deferred, for its user alone."""
    await _settled(
        lambda: interaction.edit_original_response(
            embed=embed_of(card), attachments=[discord.File(io.BytesIO(content), filename=name)]
        )
    )
    interaction.extras[_PRIVATE] = "answered"


async def redraw(interaction: discord.Interaction[Any], card: Card, buttons: Sequence[Part]) -> None:
    """Change the message whose button was pressed."""
    view = view_of(buttons)
    try:
        await _settled(lambda: interaction.response.edit_message(embed=embed_of(card), view=view))
    except discord.HTTPException as error:
        # Deleted meanwhile, or out of our reach: a fresh answer is as good.
        if error.code != MESSAGE_GONE and not isinstance(error, discord.Forbidden):
            raise
        await tell(interaction, card, buttons)


async def redraw_privately(
    interaction: discord.Interaction[Any], card: Card, buttons: Sequence[Part]
) -> None:
    """Answer for the user alone, in place of what was pressed if nobody else reads that."""
    message = interaction.message
    if message is not None and (message.flags.ephemeral or in_direct_messages(interaction)):
        await redraw(interaction, card, buttons)
    else:
        await tell(interaction, card, buttons)


class _Whispered(Enum):
    SENT = "sent"
    TOO_LATE = "too late"
    NOT_PRIVATE = "not private"  # it cannot be proved, so nothing was sent


async def _whisper(interaction: discord.Interaction[Any], card: Card, buttons: Sequence[Part]) -> _Whispered:
    """Answer for the user alone, or not at all."""
    embed, view = embed_of(card), view_of(buttons)
    response = interaction.response
    private = interaction.extras.get(_PRIVATE)
    if private == "deferred":
        # Editing what was deferred keeps it private, and can be repeated.
        arrived = await _settled(lambda: interaction.edit_original_response(embed=embed, view=view))
        interaction.extras[_PRIVATE] = "answered"
    elif not response.is_done():
        arrived = await _settled(lambda: response.send_message(embed=embed, view=view, ephemeral=True))
    elif private is None and response.type is discord.InteractionResponseType.deferred_channel_message:
        # Another cog deferred, perhaps in public; what follows is then public, whatever its flags say.
        return _Whispered.NOT_PRIVATE
    else:
        arrived = await _settled(
            lambda: interaction.followup.send(embed=embed, view=view, ephemeral=True), again=False
        )
    return _Whispered.SENT if arrived else _Whispered.TOO_LATE


async def _follow_in_public(
    interaction: discord.Interaction[Any], card: Card, buttons: Sequence[Part]
) -> None:
    await _settled(
        lambda: interaction.followup.send(embed=embed_of(card), view=view_of(buttons)), again=False
    )


async def _settled(call: Callable[[], Awaitable[object]], *, again: bool = True) -> bool:
    """
    Make one call of an interaction, and tell whether Discord has it.

    A lost connection says nothing about the call, so it is made once more (unless that could show something
    twice); "already acknowledged" then means that the first one arrived.
    """
    for is_last in (not again, True):
        try:
            await call()
        except discord.InteractionResponded:
            return True
        except discord.HTTPException as error:
            if error.code == ALREADY_ANSWERED:
                return True
            if error.code in TOO_LATE:
                log.info("an answer came too late: %s", error.text)
                return False
            raise
        except _CONNECTION_ERRORS:
            if is_last:
                raise
        else:
            return True
    return False


async def _reply(context: commands.Context[Any], card: Card, buttons: Sequence[Part]) -> None:
    """Answer a message in its channel; with one nonce, so that a second try shows nothing twice."""
    nonce = secrets.token_hex(12)
    # The message may be deleted by the time it is answered.
    reference = context.message.to_reference(fail_if_not_exists=False)
    for is_last in (False, True):
        try:
            await context.channel.send(
                embed=embed_of(card),
                view=view_of(buttons),
                reference=reference,
                mention_author=False,
                nonce=nonce,
            )
        except discord.Forbidden as error:
            log.info("may not answer in channel %d: %s", context.channel.id, error.text)
        except _CONNECTION_ERRORS:
            if is_last:
                raise
            continue
        except discord.DiscordServerError:
            if is_last:
                raise
            continue
        return
