"""What the control API answers: the world as the page and the tests read it. Every id is a string."""

from typing import Any

from sandbox import discord_message_shapes as message_shapes
from sandbox import discord_shapes as shapes
from sandbox.happenings import Message
from sandbox.places import GUILD_ID, GUILD_NAME, User
from sandbox.world import World

Json = dict[str, Any]


def user(one: User) -> Json:
    """Return a user as the control API shows them."""
    return {
        "id": str(one.id),
        "name": one.name,
        "username": one.username,
        "role": one.role,
        "locale": one.locale,
        "dms_open": one.dms_open,
        "dm_channel": str(one.dm_channel_id),
    }


def world(one: World) -> Json:
    """Return the people and places."""
    channels = [channel for channel in one.channels.values() if not channel.is_dm]
    return {
        "users": [user(person) for person in one.users.values() if not person.is_bot],
        "bot": shapes.user(one.bot),
        "guild": {"id": str(GUILD_ID), "name": GUILD_NAME},
        "channels": [{"id": str(channel.id), "name": channel.name} for channel in channels],
        "message_content": one.message_content_granted,
        "token_revoked": one.token_revoked,
    }


def message(one: World, of: Message) -> Json:
    """Return a message: Discord's own objects inside, and what a viewer is told beside them."""
    full = message_shapes.message(one, of, nested=False)
    kept = (
        "id author content embeds components attachments flags type timestamp edited_timestamp mentions "
        "mention_everyone"
    )
    shape = {key: full[key] for key in kept.split()}
    shape |= {
        "channel": str(of.channel_id),
        "ephemeral": of.is_ephemeral,
        "edited": of.edited_ms is not None,
        "reference": full.get("message_reference"),
        "interaction": None,
    }
    if of.interaction_id is not None:
        interaction = one.interactions[of.interaction_id]
        shape["interaction"] = {
            "id": str(interaction.id),
            "type": interaction.type,
            "user": shapes.user(one.users[interaction.user_id]),
            "name": interaction.name,
        }
    return shape
