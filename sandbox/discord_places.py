"""REST: users, the application, the guild, its members and channels, and direct messages."""

from typing import Any

from sandbox import discord_fields as fields
from sandbox import discord_shapes as shapes
from sandbox.discord_call import Call, Route
from sandbox.discord_errors import Problems, forbidden, unknown
from sandbox.discord_shapes import Json
from sandbox.happenings import TypingStarted
from sandbox.places import GUILD_ID, GUILD_NAME, Channel, Permission, guild_permissions


def require_channel(call: Call, permission: int = 0) -> Channel:
    """
    Return the channel in the path, in which the bot holds `permission`.

    Raises:
        DiscordError: 10003 when there is none, 50001 when the bot cannot see it, 50013 without `permission`.

    """
    channel = call.world.channels.get(call.id("channel_id"))
    if channel is None:
        raise unknown("channel")
    held = call.world.permissions_in(call.world.bot.id, channel.id)
    if not held & Permission.VIEW_CHANNEL:
        raise forbidden(50001)
    if held & permission != permission:
        raise forbidden(50013)
    return channel


def require_guild(call: Call) -> None:
    """Refuse, with 10004, any guild but the one there is."""
    if call.id("guild_id") != GUILD_ID:
        raise unknown("guild")


async def own_user(call: Call) -> Json:
    """Return the bot's user."""
    return shapes.own_user(call.world.bot)


async def one_user(call: Call) -> Json:
    """Return a user."""
    found = call.world.users.get(call.id("user_id"))
    if found is None:
        raise unknown("user")
    return shapes.user(found)


async def own_guilds(call: Call) -> list[Json]:
    """Return the guilds of the bot, in brief."""
    return [
        {
            "id": str(GUILD_ID),
            "name": GUILD_NAME,
            "icon": None,
            "owner": False,
            "permissions": str(int(guild_permissions(call.world.bot, call.world.roles))),
            "features": [],
        }
    ]


async def application(call: Call) -> Json:
    """Return the bot's application."""
    return shapes.application(call.world)


async def guild(call: Call) -> Json:
    """Return the guild."""
    require_guild(call)
    counts = {"approximate_member_count": len(call.world.users), "approximate_presence_count": 1}
    return shapes.guild(call.world) | (counts if call.flag("with_counts") else {})


async def guild_channels(call: Call) -> list[Json]:
    """Return the guild's channels."""
    require_guild(call)
    return [shapes.channel(call.world, one) for one in call.world.channels.values() if not one.is_dm]


async def guild_roles(call: Call) -> list[Json]:
    """Return the guild's roles."""
    require_guild(call)
    return [shapes.role(one) for one in call.world.roles.values()]


async def guild_member(call: Call) -> Json:
    """Return a member of the guild."""
    require_guild(call)
    found = call.world.users.get(call.id("user_id"))
    if found is None:
        raise unknown("member")
    return shapes.member(found)


async def guild_members(call: Call) -> list[Json]:
    """Return the members; only with the privileged members intent."""
    require_guild(call)
    if not call.world.members_granted:
        raise forbidden(50001)
    return [shapes.member(one) for one in call.world.users.values()]


async def channel(call: Call) -> Json:
    """Return a channel."""
    return shapes.channel(call.world, require_channel(call))


async def typing(call: Call) -> None:
    """Show the bot as typing."""
    found = require_channel(call, Permission.SEND_MESSAGES)
    call.world.publish(TypingStarted(channel_id=found.id, user_id=call.world.bot.id))


async def open_dm(call: Call) -> Json:
    """Return the direct message with a user. It opens also when they take none: only sending is refused."""
    problems = Problems()
    user_id = fields.snowflake(problems, call.form, "recipient_id", required=True)
    problems.refuse()
    found: Any = call.world.users.get(user_id or 0)
    if found is None:
        raise unknown("user")
    if found.is_bot:
        raise forbidden(50007)
    return shapes.channel(call.world, call.world.channels[found.dm_channel_id])


ROUTES = (
    Route(method="GET", path="/users/@me", handle=own_user, bucket="own user"),
    Route(method="GET", path="/users/@me/guilds", handle=own_guilds, bucket="own guilds"),
    Route(method="POST", path="/users/@me/channels", handle=open_dm, bucket="open dm"),
    Route(method="GET", path="/users/{user_id}", handle=one_user, bucket="users"),
    Route(method="GET", path="/oauth2/applications/@me", handle=application, bucket="application"),
    Route(method="GET", path="/applications/@me", handle=application, bucket="application"),
    Route(method="GET", path="/guilds/{guild_id}", handle=guild, bucket="guild"),
    Route(method="GET", path="/guilds/{guild_id}/channels", handle=guild_channels, bucket="guild"),
    Route(method="GET", path="/guilds/{guild_id}/roles", handle=guild_roles, bucket="guild"),
    Route(method="GET", path="/guilds/{guild_id}/members", handle=guild_members, bucket="members"),
    Route(method="GET", path="/guilds/{guild_id}/members/{user_id}", handle=guild_member, bucket="members"),
    Route(method="GET", path="/channels/{channel_id}", handle=channel, bucket="channels"),
    Route(method="POST", path="/channels/{channel_id}/typing", handle=typing, bucket="typing"),
)
