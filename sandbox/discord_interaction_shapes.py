"""Interactions of the world as Discord sends them to the bot."""

from sandbox import discord_message_shapes as message_shapes
from sandbox.discord_shapes import Json, channel, member, partial_member, role, user
from sandbox.happenings import Interaction
from sandbox.places import APPLICATION_ID, GUILD_ID, GUILD_LOCALE
from sandbox.world import World

MAX_FILE_BYTES = 10 * 1024 * 1024
IN_GUILD = 0
IN_BOT_DM = 1


def interaction(world: World, one: Interaction) -> Json:
    """Return the interaction object: a member in the guild, a user in a direct message, never both."""
    place = world.channels[one.channel_id]
    who = world.users[one.user_id]
    shape: Json = {
        "id": str(one.id),
        "application_id": str(APPLICATION_ID),
        "type": one.type,
        "token": one.token,
        "version": 1,
        "data": one.data,
        "channel_id": str(one.channel_id),
        "channel": channel(world, place) | {"permissions": _permissions(world, one.user_id, one)},
        "locale": who.locale,
        "app_permissions": _permissions(world, APPLICATION_ID, one),
        "attachment_size_limit": MAX_FILE_BYTES,
        "entitlements": [],
        "entitlement_sku_ids": [],
        # In a direct message the guild it was installed to is not told: "0" means the app's own.
        "authorizing_integration_owners": {"0": "0" if place.is_dm else str(GUILD_ID)},
        "context": IN_BOT_DM if place.is_dm else IN_GUILD,
    }
    if one.source_id is not None and one.source_id in world.messages:
        shape["message"] = message_shapes.message(world, world.messages[one.source_id])
    if place.is_dm:
        return shape | {"user": user(who)}
    return shape | {
        "guild_id": str(GUILD_ID),
        "guild": {"id": str(GUILD_ID), "locale": GUILD_LOCALE, "features": []},
        "guild_locale": GUILD_LOCALE,
        "member": member(who) | {"permissions": _permissions(world, one.user_id, one)},
    }


def _permissions(world: World, user_id: int, one: Interaction) -> str:
    return str(int(world.permissions_in(user_id, one.channel_id)))


def resolved(
    world: World, *, user_ids: list[int], role_ids: list[int], channel_ids: list[int], dm: bool
) -> Json:
    """Return the `resolved` object for what options or a select name; empty kinds are left out."""
    shape: Json = {}
    if user_ids:
        shape["users"] = {str(one): user(world.users[one]) for one in user_ids}
        if not dm:
            shape["members"] = {
                str(one): partial_member(world.users[one]) | {"permissions": "0"} for one in user_ids
            }
    if role_ids:
        shape["roles"] = {str(one): role(world.roles[one]) for one in role_ids}
    if channel_ids:
        shape["channels"] = {
            str(one): channel(world, world.channels[one]) | {"permissions": "0"} for one in channel_ids
        }
    return shape
