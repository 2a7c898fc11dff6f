"""The people and places of the sandbox's Discord: fixed ids, who they are, and what they may do."""

from dataclasses import dataclass, field
from enum import IntFlag
from typing import Literal

Role = Literal["member", "friend", "admin", "operator"]

GUILD_ID = 1101500000000000010
GENERAL_ID = 1101500000000000021
BOT_COMMANDS_ID = 1101500000000000022
APPLICATION_ID = 1101500000000000100
MEMBER_ID = 1101500000000000201
FRIEND_ID = 1101500000000000202
ADMIN_ID = 1101500000000000203
OPERATOR_ID = 1101500000000000204
# The role of everyone has the id of its guild.
EVERYONE_ROLE_ID = GUILD_ID
ADMIN_ROLE_ID = 1101500000000000401
BOT_ROLE_ID = 1101500000000000402
GUILD_NAME = "Jauge Sandbox"
GUILD_LOCALE = "en-US"

# https://discord.com/developers/docs/reference#locales
LOCALE_CODES = """
    bg cs da de el en-GB en-US es-419 es-ES fi fr hi hr hu id it ja ko lt nl no pl pt-BR ro ru sv-SE th tr uk
    vi zh-CN zh-TW
"""
LOCALES = frozenset(LOCALE_CODES.split())


class Permission(IntFlag):
    """The permissions this world looks at. https://discord.com/developers/docs/topics/permissions."""

    ADMINISTRATOR = 1 << 3
    MANAGE_GUILD = 1 << 5
    ADD_REACTIONS = 1 << 6
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    USE_EXTERNAL_EMOJIS = 1 << 18
    USE_APPLICATION_COMMANDS = 1 << 31
    SEND_MESSAGES_IN_THREADS = 1 << 38


ALL_PERMISSIONS = (1 << 53) - 1
EVERYDAY_PERMISSIONS = (
    Permission.ADD_REACTIONS
    | Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.SEND_MESSAGES_IN_THREADS
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.READ_MESSAGE_HISTORY
    | Permission.USE_EXTERNAL_EMOJIS
    | Permission.USE_APPLICATION_COMMANDS
)
# In a direct message nobody manages anything and everybody may write.
DM_PERMISSIONS = EVERYDAY_PERMISSIONS | Permission.MENTION_EVERYONE


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person, or the bot; `dm_channel_id` is where they and the bot write each other."""

    id: int
    username: str
    name: str
    role: Role = "member"
    locale: str = "en-US"
    dms_open: bool = True
    is_bot: bool = False
    role_ids: tuple[int, ...] = ()
    dm_channel_id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GuildRole:
    """A role of the guild."""

    id: int
    name: str
    permissions: int
    position: int
    colour: int = 0
    managed_by: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overwrite:
    """What a channel takes from, and then gives to, one role or one member."""

    allow: int = 0
    deny: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """
    A text channel of the guild, or a direct message with the bot when `recipient_id` is set.

    Attributes:
        overwrites: by id of a role or of a member.

    """

    id: int
    name: str = ""
    position: int = 0
    topic: str | None = None
    recipient_id: int | None = None
    overwrites: dict[int, Overwrite] = field(default_factory=dict)

    @property
    def is_dm(self) -> bool:
        """Whether this is a direct message."""
        return self.recipient_id is not None


def first_roles() -> dict[int, GuildRole]:
    """Return the guild's roles, lowest first."""
    roles = (
        GuildRole(id=EVERYONE_ROLE_ID, name="@everyone", permissions=EVERYDAY_PERMISSIONS, position=0),
        GuildRole(
            id=BOT_ROLE_ID,
            name="Jauge",
            permissions=EVERYDAY_PERMISSIONS | Permission.MANAGE_MESSAGES,
            position=1,
            managed_by=APPLICATION_ID,
        ),
        GuildRole(
            id=ADMIN_ROLE_ID, name="Admin", permissions=Permission.ADMINISTRATOR, position=2, colour=0xE67E22
        ),
    )
    return {role.id: role for role in roles}


def first_users() -> dict[int, User]:
    """Return the four people and the bot; the operator holds no role, the admin operates nothing."""
    users = (
        User(id=MEMBER_ID, username="lea.moreau", name="Léa Moreau", role="member"),
        User(id=FRIEND_ID, username="sam_okafor", name="Sam Okafor", role="friend"),
        User(
            id=ADMIN_ID,
            username="chloe.durand",
            name="Chloé Durand",
            role="admin",
            role_ids=(ADMIN_ROLE_ID,),
        ),
        User(id=OPERATOR_ID, username="ines_castro", name="Inês Castro", role="operator"),
        User(id=APPLICATION_ID, username="Jauge", name="Jauge", is_bot=True, role_ids=(BOT_ROLE_ID,)),
    )
    return {user.id: user for user in users}


def first_channels() -> dict[int, Channel]:
    """Return the guild's channels in the order shown."""
    channels = (
        Channel(id=GENERAL_ID, name="general", position=0, topic="Anything goes"),
        Channel(id=BOT_COMMANDS_ID, name="bot-commands", position=1, topic="Talk to the bot"),
    )
    return {channel.id: channel for channel in channels}


def guild_permissions(user: User, roles: dict[int, GuildRole]) -> int:
    """Return what `user` may do in the guild as a whole."""
    held = roles[EVERYONE_ROLE_ID].permissions
    for role_id in user.role_ids:
        held |= roles[role_id].permissions if role_id in roles else 0
    return ALL_PERMISSIONS if held & Permission.ADMINISTRATOR else held


def channel_permissions(user: User, channel: Channel, roles: dict[int, GuildRole]) -> int:
    """
    Return what `user` may do in `channel`.

    Overwrites apply in Discord's order: everyone, the user's roles together, the user.
    https://discord.com/developers/docs/topics/permissions#permission-overwrites
    """
    if channel.is_dm:
        return DM_PERMISSIONS if user.is_bot or user.id == channel.recipient_id else 0
    held = guild_permissions(user, roles)
    if held & Permission.ADMINISTRATOR:
        return held
    nothing = Overwrite()
    everyone = channel.overwrites.get(EVERYONE_ROLE_ID, nothing)
    held = held & ~everyone.deny | everyone.allow
    by_role = [channel.overwrites.get(role_id, nothing) for role_id in user.role_ids]
    for overwrite in by_role:
        held &= ~overwrite.deny
    for overwrite in by_role:
        held |= overwrite.allow
    own = channel.overwrites.get(user.id, nothing)
    held = held & ~own.deny | own.allow
    # Who cannot see a channel can do nothing in it.
    return held if held & Permission.VIEW_CHANNEL else 0
