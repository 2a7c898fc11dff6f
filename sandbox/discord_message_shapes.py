"""Messages of the world as Discord's JSON objects."""

import mimetypes

from sandbox.discord_shapes import Json, partial_member, timestamp, user
from sandbox.happenings import Attachment, Interaction, InteractionType, Message, MessageFlag, MessageType
from sandbox.places import APPLICATION_ID, GUILD_ID
from sandbox.world import World


def attachment(world: World, channel_id: int, one: Attachment) -> Json:
    """Return an attachment object."""
    url = f"{world.base_url}/attachments/{channel_id}/{one.id}/{one.filename}"
    shape: Json = {
        "id": str(one.id),
        "filename": one.filename,
        "size": len(one.content),
        "url": url,
        "proxy_url": url,
        "content_type": one.content_type,
    }
    return shape if one.description is None else shape | {"description": one.description}


def guessed_type(filename: str) -> str:
    """Return the content type that a file's name promises."""
    return mimetypes.guess_type(filename)[0] or "application/octet-stream"


def message(world: World, one: Message, *, nested: bool = True) -> Json:
    """Return a message object as REST gives it; `nested` also gives the message it answers."""
    author = world.users[one.author_id]
    shape: Json = {
        "id": str(one.id),
        "channel_id": str(one.channel_id),
        "author": user(author),
        "content": one.content,
        "timestamp": timestamp(one.sent_ms),
        "edited_timestamp": None if one.edited_ms is None else timestamp(one.edited_ms),
        "type": one.type,
        "flags": int(one.flags),
        "tts": False,
        "pinned": False,
        "mention_everyone": one.mention_everyone,
        "mentions": [user(world.users[user_id]) for user_id in one.mention_ids],
        "mention_roles": [str(role_id) for role_id in one.mention_role_ids],
        "attachments": [attachment(world, one.channel_id, file) for file in one.attachments],
        "embeds": list(one.embeds) if not one.flags & MessageFlag.SUPPRESS_EMBEDS else [],
        "components": list(one.components),
    }
    if one.nonce is not None:
        shape["nonce"] = one.nonce
    if one.interaction_id is not None:
        shape |= {"application_id": str(APPLICATION_ID), "webhook_id": str(APPLICATION_ID)}
        shape |= _origin(world, world.interactions[one.interaction_id])
    if one.reply_to is not None:
        shape |= _reference(world, one, one.reply_to, nested=nested)
    return shape


def _reference(world: World, one: Message, reply_to: int, *, nested: bool) -> Json:
    """Return what tells of the message that `one` answers; a deleted one is null."""
    reference = {"type": 0, "message_id": str(reply_to), "channel_id": str(one.channel_id)}
    if not world.channels[one.channel_id].is_dm:
        reference["guild_id"] = str(GUILD_ID)
    shape: Json = {"message_reference": reference}
    if nested and one.type == MessageType.REPLY:
        answered = world.messages.get(reply_to)
        shape["referenced_message"] = None if answered is None else message(world, answered, nested=False)
    return shape


def _origin(world: World, interaction: Interaction) -> Json:
    """Return what tells of the interaction that a message answers."""
    shape: Json = {"interaction_metadata": _origin_metadata(world, interaction)}
    if interaction.type == InteractionType.COMMAND:
        shape["interaction"] = {
            "id": str(interaction.id),
            "type": interaction.type,
            "name": interaction.name,
            "user": user(world.users[interaction.user_id]),
        }
    return shape


def _origin_metadata(world: World, interaction: Interaction) -> Json:
    shape: Json = {
        "id": str(interaction.id),
        "type": interaction.type,
        "user": user(world.users[interaction.user_id]),
        "authorizing_integration_owners": {"0": str(GUILD_ID)},
    }
    if interaction.type == InteractionType.COMMAND:
        shape |= {"name": interaction.name, "command_type": 1}
    if interaction.type == InteractionType.COMPONENT:
        shape["interacted_message_id"] = str(interaction.source_id)
    if interaction.type == InteractionType.MODAL and interaction.parent_id is not None:
        parent = world.interactions[interaction.parent_id]
        shape["triggering_interaction_metadata"] = _origin_metadata(world, parent)
    return shape


def gateway_message(world: World, one: Message) -> Json:
    """Return a message as the gateway carries it: in the guild with its author and mentions as members."""
    shape = message(world, one)
    if world.channels[one.channel_id].is_dm:
        return shape
    shape["guild_id"] = str(GUILD_ID)
    shape["member"] = partial_member(world.users[one.author_id])
    shape["mentions"] = [
        user(world.users[user_id]) | {"member": partial_member(world.users[user_id])}
        for user_id in one.mention_ids
    ]
    return shape


def without_content(shape: Json) -> Json:
    """Return a message as a bot without the message-content intent gets it."""
    return shape | {"content": "", "embeds": [], "components": [], "attachments": []}
