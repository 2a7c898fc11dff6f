"""
REST: what follows the first answer to an interaction: its message, and follow-ups.

https://discord.com/developers/docs/interactions/receiving-and-responding#followup-messages
"""

from dataclasses import replace

from sandbox import discord_message_shapes as shapes
from sandbox.discord_call import Call, Route
from sandbox.discord_errors import expired_token, unknown
from sandbox.discord_interactions import add_answer, origin
from sandbox.discord_rules import Place, message_parts
from sandbox.discord_shapes import Json
from sandbox.happenings import (
    TOKEN_LIVES_MS,
    AnswerType,
    Interaction,
    Message,
    MessageFlag,
    MessageType,
)
from sandbox.places import APPLICATION_ID

ORIGINAL = "@original"
UPDATES = {AnswerType.DEFERRED_UPDATE, AnswerType.UPDATE}


def require_interaction(call: Call) -> Interaction:
    """
    Return the answered interaction whose token is in the path.

    Raises:
        DiscordError: 10015 for an unknown token or before the first answer, 50027 after 15 minutes.

    """
    interaction = call.world.interaction_with_token(call.request.match_info["token"])
    if call.id("application_id") != APPLICATION_ID or interaction is None:
        raise unknown("webhook")
    if call.world.now_ms() - interaction.made_ms > TOKEN_LIVES_MS:
        raise expired_token()
    if interaction.answer is None:
        raise unknown("webhook")
    return interaction


def require_message(call: Call, interaction: Interaction) -> Message:
    """
    Return the message in the path, `@original` or a follow-up of this interaction.

    Raises:
        DiscordError: 10008.

    """
    named = call.request.match_info["message_id"]
    message_id = interaction.original_id if named == ORIGINAL else call.id("message_id")
    message = call.world.messages.get(message_id or 0)
    if message is None:
        raise unknown("message")
    if message.interaction_id != interaction.id and message.id != interaction.original_id:
        raise unknown("message")
    return message


async def follow_up(call: Call) -> Json | None:
    """Send a further message; the first one after a deferred answer fills that answer's message."""
    interaction = require_interaction(call)
    waiting = call.world.messages.get(interaction.original_id or 0) if interaction.waiting_fill else None
    if waiting is not None:
        message = _fill(call, interaction, waiting)
    else:
        place = Place(channel_id=interaction.channel_id, author_id=call.world.bot.id, keeps_ephemeral=True)
        parts = origin(interaction) | message_parts(call.world, call.form, call.uploads, place)
        if interaction.original_id is not None:
            parts |= {"type": MessageType.REPLY, "reply_to": interaction.original_id}
        ephemeral = bool(parts.get("flags", 0) & MessageFlag.EPHEMERAL)
        message = add_answer(call.world, interaction, parts, ephemeral=ephemeral)
    return shapes.message(call.world, message) if call.flag("wait") else None


def _fill(call: Call, interaction: Interaction, waiting: Message) -> Message:
    """
    Give the deferred answer its content; who sees it was settled when it was deferred.

    The message is as good as new for the rules: it has nothing yet that an edit could keep.
    """
    blank = replace(waiting, flags=waiting.flags & ~MessageFlag.LOADING)
    place = Place(channel_id=waiting.channel_id, author_id=waiting.author_id, previous=blank)
    parts = message_parts(call.world, call.form, call.uploads, place)
    interaction.waiting_fill = False
    return call.world.edit_message(waiting, **parts)


async def get(call: Call) -> Json:
    """Return the answer or a follow-up."""
    return shapes.message(call.world, require_message(call, require_interaction(call)))


async def edit(call: Call) -> Json:
    """Change the answer or a follow-up."""
    interaction = require_interaction(call)
    message = require_message(call, interaction)
    if message.is_loading:
        return shapes.message(call.world, _fill(call, interaction, message))
    place = Place(channel_id=message.channel_id, author_id=message.author_id, previous=message)
    parts = message_parts(call.world, call.form, call.uploads, place)
    return shapes.message(call.world, call.world.edit_message(message, **parts))


async def delete(call: Call) -> None:
    """Delete the answer or a follow-up."""
    interaction = require_interaction(call)
    message = require_message(call, interaction)
    interaction.waiting_fill = interaction.waiting_fill and message.id != interaction.original_id
    call.world.delete_message(message)


WEBHOOK = "/webhooks/{application_id}/{token}"
ONE_MESSAGE = "/webhooks/{application_id}/{token}/messages/{message_id}"
ROUTES = (
    Route(method="POST", path=WEBHOOK, handle=follow_up, bucket="follow up", needs_token=False),
    Route(method="GET", path=ONE_MESSAGE, handle=get, bucket="answer message", needs_token=False),
    Route(method="PATCH", path=ONE_MESSAGE, handle=edit, bucket="answer message", needs_token=False),
    Route(method="DELETE", path=ONE_MESSAGE, handle=delete, bucket="answer message", needs_token=False),
)
