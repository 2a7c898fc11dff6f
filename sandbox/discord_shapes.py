"""The world's things as Discord's JSON objects. Ids become strings here and nowhere else."""

from datetime import UTC, datetime
from typing import Any

from sandbox import places
from sandbox.places import APPLICATION_ID, GUILD_ID, GUILD_LOCALE, GUILD_NAME, Channel, GuildRole, User
from sandbox.world import World

Json = dict[str, Any]
# https://discord.com/developers/docs/resources/application#application-object-application-flags
GATEWAY_MESSAGE_CONTENT_LIMITED = 1 << 19
JOINED_AT = "2026-01-05T09:00:00.000000+00:00"


def timestamp(at_ms: int) -> str:
    """Return a time as Discord writes it."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="microseconds")


def user(one: User) -> Json:
    """Return a user object."""
    shape: Json = {
        "id": str(one.id),
        "username": one.username,
        "discriminator": "0",
        "global_name": None if one.is_bot else one.name,
        "avatar": None,
        "public_flags": 0,
        "flags": 0,
    }
    if one.is_bot:
        shape["bot"] = True
        shape["discriminator"] = "0001"
    return shape


def own_user(one: User) -> Json:
    """Return the bot's user object as it sees itself."""
    return user(one) | {
        "verified": True,
        "mfa_enabled": True,
        "email": None,
        "locale": "en-US",
        "system": False,
    }


def partial_member(one: User) -> Json:
    """Return a member object without its user, as messages carry it."""
    return {
        "roles": [str(role_id) for role_id in one.role_ids],
        "joined_at": JOINED_AT,
        "nick": None,
        "avatar": None,
        "premium_since": None,
        "communication_disabled_until": None,
        "deaf": False,
        "mute": False,
        "pending": False,
        "flags": 0,
    }


def member(one: User) -> Json:
    """Return a member object."""
    return partial_member(one) | {"user": user(one)}


def role(one: GuildRole) -> Json:
    """Return a role object."""
    shape: Json = {
        "id": str(one.id),
        "name": one.name,
        "permissions": str(int(one.permissions)),
        "position": one.position,
        "color": one.colour,
        "colors": {"primary_color": one.colour, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": one.managed_by is not None,
        "mentionable": False,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    }
    if one.managed_by is not None:
        shape["tags"] = {"bot_id": str(one.managed_by)}
    return shape


def channel(world: World, one: Channel) -> Json:
    """Return a channel object; a direct message has recipients and no guild."""
    last_id = world.last_message_id(one.id)
    shape: Json = {
        "id": str(one.id),
        "last_message_id": None if last_id is None else str(last_id),
        "flags": 0,
    }
    if one.recipient_id is not None:
        return shape | {"type": 1, "recipients": [user(world.users[one.recipient_id])]}
    return shape | {
        "type": 0,
        "guild_id": str(GUILD_ID),
        "name": one.name,
        "position": one.position,
        "topic": one.topic,
        "nsfw": False,
        "rate_limit_per_user": 0,
        "parent_id": None,
        "permission_overwrites": [
            {
                "id": str(owner_id),
                "type": 0 if owner_id in world.roles else 1,
                "allow": str(int(overwrite.allow)),
                "deny": str(int(overwrite.deny)),
            }
            for owner_id, overwrite in one.overwrites.items()
        ],
    }


def guild(world: World) -> Json:
    """Return the guild object, as REST gives it."""
    return {
        "id": str(GUILD_ID),
        "name": GUILD_NAME,
        "icon": None,
        "splash": None,
        "discovery_splash": None,
        "description": None,
        "owner_id": str(places.ADMIN_ID),
        "afk_channel_id": None,
        "afk_timeout": 300,
        "verification_level": 1,
        "default_message_notifications": 1,
        "explicit_content_filter": 0,
        "mfa_level": 0,
        "nsfw_level": 0,
        "premium_tier": 0,
        "premium_subscription_count": 0,
        "premium_progress_bar_enabled": False,
        "preferred_locale": GUILD_LOCALE,
        "features": [],
        "emojis": [],
        "stickers": [],
        "roles": [role(one) for one in world.roles.values()],
        "system_channel_id": str(places.GENERAL_ID),
        "system_channel_flags": 0,
        "rules_channel_id": None,
        "public_updates_channel_id": None,
        "vanity_url_code": None,
        "max_members": 500_000,
        "max_presences": None,
    }


def arriving_guild(world: World, *, with_members: bool) -> Json:
    """Return the guild as GUILD_CREATE carries it; without the members intent the bot sees only itself."""
    people = world.users.values() if with_members else [world.bot]
    return guild(world) | {
        "joined_at": JOINED_AT,
        "large": False,
        "unavailable": False,
        "member_count": len(world.users),
        "channels": [channel(world, one) for one in world.channels.values() if not one.is_dm],
        "members": [member(one) for one in people],
        "threads": [],
        "voice_states": [],
        "presences": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def application_flags(world: World) -> int:
    """Return the flags of the bot's application: they tell which privileged intents it may use."""
    return GATEWAY_MESSAGE_CONTENT_LIMITED if world.message_content_granted else 0


def application(world: World) -> Json:
    """Return the bot's application object."""
    return {
        "id": str(APPLICATION_ID),
        "name": world.bot.name,
        "icon": None,
        "description": "",
        "summary": "",
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": "0" * 64,
        "flags": application_flags(world),
        "owner": user(world.users[places.OPERATOR_ID]),
        "team": None,
        "rpc_origins": [],
        "redirect_uris": [],
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "integration_types_config": {"0": {}},
        "approximate_guild_count": 1,
        "approximate_user_install_count": 0,
    }
