"""REST: messages of channels and direct messages."""

from typing import Any

from sandbox import discord_fields as fields
from sandbox import discord_message_shapes as shapes
from sandbox.discord_call import Call, Route
from sandbox.discord_errors import Problems, forbidden, invalid, unknown
from sandbox.discord_places import require_channel
from sandbox.discord_rules import Place, message_parts
from sandbox.discord_shapes import Json
from sandbox.happenings import Message, MessageType
from sandbox.places import Channel, Permission

MAX_LISTED = 100


def require_message(call: Call, channel: Channel) -> Message:
    """
    Return the message in the path; an ephemeral one is not there for a bot's token.

    Raises:
        DiscordError: 10008.

    """
    message = call.world.messages.get(call.id("message_id"))
    if message is None or message.channel_id != channel.id or message.is_ephemeral:
        raise unknown("message")
    return message


async def create(call: Call) -> Json:
    """Send a message; one with an enforced nonce of the last minutes is returned, not sent again."""
    world = call.world
    needed = Permission.SEND_MESSAGES | (Permission.ATTACH_FILES if call.uploads else 0)
    channel = require_channel(call, needed)
    if channel.recipient_id is not None and not world.users[channel.recipient_id].dms_open:
        raise forbidden(50007)
    answered = _answered(call, channel)
    place = Place(
        channel_id=channel.id,
        author_id=world.bot.id,
        replied_author_id=None if answered is None else answered.author_id,
    )
    parts = message_parts(world, call.form, call.uploads, place)
    nonce = call.form.get("nonce")
    if nonce is not None and call.form.get("enforce_nonce"):
        sent = world.message_with_nonce(world.bot.id, nonce)
        if sent is not None:
            return shapes.message(world, sent)
    if answered is not None:
        parts |= {"reply_to": answered.id, "type": MessageType.REPLY}
    message = world.add_message(channel_id=channel.id, author_id=world.bot.id, **parts)
    return shapes.message(world, message)


def _answered(call: Call, channel: Channel) -> Message | None:
    """Return the message that the new one replies to."""
    if call.form.get("message_reference") is None:
        return None
    path = ("message_reference",)
    problems = Problems()
    reference = fields.mapping(problems, call.form["message_reference"], path) or {}
    message_id = fields.snowflake(problems, reference, "message_id", path, required=True)
    fields.choice(problems, reference, "type", path, among={0})
    problems.refuse()
    answered = call.world.messages.get(message_id or 0)
    if answered is not None and answered.channel_id == channel.id and not answered.is_ephemeral:
        return answered
    if reference.get("fail_if_not_exists", True):
        raise invalid(path, "MESSAGE_REFERENCE_UNKNOWN_MESSAGE", "Unknown message")
    return None


async def edit(call: Call) -> Json:
    """Change one of the bot's own messages."""
    channel = require_channel(call)
    message = require_message(call, channel)
    if message.author_id != call.world.bot.id:
        raise forbidden(50005)
    place = Place(channel_id=channel.id, author_id=call.world.bot.id, previous=message)
    parts = message_parts(call.world, call.form, call.uploads, place)
    parts.pop("nonce", None)
    return shapes.message(call.world, call.world.edit_message(message, **parts))


async def delete(call: Call) -> None:
    """Delete a message: the bot's own anywhere, others' with the permission and never in direct messages."""
    channel = require_channel(call)
    message = require_message(call, channel)
    if message.author_id != call.world.bot.id:
        if channel.is_dm:
            raise forbidden(50003)
        require_channel(call, Permission.MANAGE_MESSAGES)
    call.world.delete_message(message)


async def get(call: Call) -> Json:
    """Return one message."""
    channel = require_channel(call, Permission.READ_MESSAGE_HISTORY)
    return shapes.message(call.world, require_message(call, channel))


async def listed(call: Call) -> list[Json]:
    """Return messages, newest first: the latest, or those around the one named."""
    channel = require_channel(call, Permission.READ_MESSAGE_HISTORY)
    query: dict[str, Any] = {
        key: int(value) if value.isdigit() else value for key, value in call.request.query.items()
    }
    problems = Problems()
    limit = fields.integer(problems, query, "limit", low=1, high=MAX_LISTED) or 50
    bounds = {key: fields.snowflake(problems, query, key) for key in ("before", "after", "around")}
    problems.refuse()
    found = [one for one in call.world.messages_in(channel.id) if not one.is_ephemeral]
    if bounds["before"] is not None:
        found = [one for one in found if one.id < bounds["before"]]
    if bounds["after"] is not None:
        # The oldest after the bound, yet newest first, as Discord gives them.
        found = [one for one in found if one.id > bounds["after"]][:limit]
    if bounds["around"] is not None:
        older = sum(one.id < bounds["around"] for one in found)
        found = found[max(0, older - limit // 2) :][:limit]
    return [shapes.message(call.world, one) for one in reversed(found[-limit:])]


CHANNEL_MESSAGES = "/channels/{channel_id}/messages"
ONE_MESSAGE = "/channels/{channel_id}/messages/{message_id}"
ROUTES = (
    Route(method="POST", path=CHANNEL_MESSAGES, handle=create, bucket="create message"),
    Route(method="GET", path=CHANNEL_MESSAGES, handle=listed, bucket="list messages"),
    Route(method="GET", path=ONE_MESSAGE, handle=get, bucket="get message"),
    Route(method="PATCH", path=ONE_MESSAGE, handle=edit, bucket="edit message"),
    Route(method="DELETE", path=ONE_MESSAGE, handle=delete, bucket="delete message"),
)
