"""
A gateway session: which news a bot is told, numbered and kept for a resume.

https://discord.com/developers/docs/events/gateway
"""

import secrets
from collections import deque
from enum import IntFlag
from typing import Any

from sandbox import discord_interaction_shapes as interaction_shapes
from sandbox import discord_message_shapes as message_shapes
from sandbox.discord_shapes import Json, application_flags, arriving_guild, own_user, partial_member, user
from sandbox.happenings import (
    InteractionMade,
    Message,
    MessageCreated,
    MessageDeleted,
    MessageEdited,
    News,
    TypingStarted,
)
from sandbox.places import APPLICATION_ID, GUILD_ID
from sandbox.snowflakes import TIME_SHIFT_BITS
from sandbox.world import World

REPLAYED_EVENTS = 1000


class Intent(IntFlag):
    """The intents this world looks at. https://discord.com/developers/docs/events/gateway#gateway-intents."""

    GUILDS = 1 << 0
    GUILD_MEMBERS = 1 << 1
    GUILD_PRESENCES = 1 << 8
    GUILD_MESSAGES = 1 << 9
    GUILD_MESSAGE_TYPING = 1 << 11
    DIRECT_MESSAGES = 1 << 12
    DIRECT_MESSAGE_TYPING = 1 << 14
    MESSAGE_CONTENT = 1 << 15


KNOWN_INTENTS = (1 << 26) - 1


class Session:
    """
    What one identified client is told.

    Attributes:
        id: what a resume names.
        sequence: the number of the last event.

    """

    def __init__(self, world: World, *, intents: int, shard: tuple[int, int], resume_url: str) -> None:
        self._world = world
        self._intents = intents
        self._shard = shard
        self._resume_url = resume_url
        self._kept: deque[Json] = deque(maxlen=REPLAYED_EVENTS)
        self.id = secrets.token_hex(16)
        self.sequence = 0

    def event(self, name: str, data: Any) -> Json:
        """Return an event with the next number; it is kept for a resume."""
        self.sequence += 1
        payload = {"op": 0, "t": name, "s": self.sequence, "d": data}
        self._kept.append(payload)
        return payload

    def missed_since(self, sequence: int) -> list[Json] | None:
        """Return the events after `sequence`, or None when they are no longer kept."""
        missed = [payload for payload in self._kept if payload["s"] > sequence]
        return missed if len(missed) == self.sequence - sequence else None

    def first_events(self) -> list[Json]:
        """Return READY, and the guild when this shard has it and the bot asked for guilds."""
        here = self._has_guild()
        ready = {
            "v": 10,
            "user": own_user(self._world.bot),
            "guilds": [{"id": str(GUILD_ID), "unavailable": True}] if here else [],
            "session_id": self.id,
            "resume_gateway_url": self._resume_url,
            "shard": list(self._shard),
            "application": {"id": str(APPLICATION_ID), "flags": application_flags(self._world)},
            "private_channels": [],
            "presences": [],
            "relationships": [],
        }
        events = [self.event("READY", ready)]
        if here and self._intents & Intent.GUILDS:
            with_members = bool(self._intents & Intent.GUILD_MEMBERS)
            events.append(self.event("GUILD_CREATE", arriving_guild(self._world, with_members=with_members)))
        return events

    def _has_guild(self) -> bool:
        """Return whether the guild falls to this shard."""
        number, count = self._shard
        return (GUILD_ID >> TIME_SHIFT_BITS) % count == number

    def _concerns(self, channel_id: int) -> bool:
        """Return whether what happens in a channel falls to this shard; direct messages go to the first."""
        return self._shard[0] == 0 if self._world.channels[channel_id].is_dm else self._has_guild()

    def told_of(self, news: News) -> list[Json]:
        """Return the events that tell this client of `news`, if any."""
        match news:
            case MessageCreated(message=message):
                return self._message_event("MESSAGE_CREATE", message)
            case MessageEdited(message=message):
                return self._message_event("MESSAGE_UPDATE", message)
            case MessageDeleted(message=message) if self._hears(message):
                return [
                    self.event("MESSAGE_DELETE", self._place(message.channel_id) | {"id": str(message.id)})
                ]
            case InteractionMade(interaction=interaction) if self._concerns(interaction.channel_id):
                shape = interaction_shapes.interaction(self._world, interaction)
                return [self.event("INTERACTION_CREATE", shape)]
            case TypingStarted():
                return self._typing_event(news)
            case _:
                return []

    def _hears(self, message: Message) -> bool:
        """Return whether the client asked for messages of that place; nobody is told of ephemeral ones."""
        dm = self._world.channels[message.channel_id].is_dm
        wanted = Intent.DIRECT_MESSAGES if dm else Intent.GUILD_MESSAGES
        heard = bool(self._intents & wanted) and self._concerns(message.channel_id)
        return heard and not message.is_ephemeral

    def _message_event(self, name: str, message: Message) -> list[Json]:
        if not self._hears(message):
            return []
        shape = message_shapes.gateway_message(self._world, message)
        if not self._reads(message):
            shape = message_shapes.without_content(shape)
        return [self.event(name, shape)]

    def _reads(self, message: Message) -> bool:
        """
        Return whether the client gets the content.

        https://discord.com/developers/docs/events/gateway#message-content-intent
        """
        return bool(
            self._intents & Intent.MESSAGE_CONTENT
            or self._world.channels[message.channel_id].is_dm
            or message.author_id == APPLICATION_ID
            or APPLICATION_ID in message.mention_ids
        )

    def _place(self, channel_id: int) -> Json:
        """Return the ids that say where; a direct message has no guild, not even a null one."""
        place = {"channel_id": str(channel_id)}
        return place if self._world.channels[channel_id].is_dm else place | {"guild_id": str(GUILD_ID)}

    def _typing_event(self, news: TypingStarted) -> list[Json]:
        dm = self._world.channels[news.channel_id].is_dm
        wanted = Intent.DIRECT_MESSAGE_TYPING if dm else Intent.GUILD_MESSAGE_TYPING
        if not self._intents & wanted or not self._concerns(news.channel_id):
            return []
        shape = self._place(news.channel_id) | {
            "user_id": str(news.user_id),
            "timestamp": self._world.now_ms() // 1000,
        }
        if not dm:
            one = self._world.users[news.user_id]
            shape["member"] = partial_member(one) | {"user": user(one)}
        return [self.event("TYPING_START", shape)]

    def member_chunk(self, wish: Json) -> Json:
        """Return GUILD_MEMBERS_CHUNK for a request by ids, or by the start of a name."""
        wanted = wish.get("user_ids") or []
        ids = {str(one) for one in (wanted if isinstance(wanted, list) else [wanted])}
        query = str(wish.get("query") or "").lower()
        found = [
            one
            for one in self._world.users.values()
            if (str(one.id) in ids if ids else one.username.lower().startswith(query))
        ]
        limit = int(wish.get("limit") or 0) or len(found)
        chunk: Json = {
            "guild_id": str(GUILD_ID),
            "members": [partial_member(one) | {"user": user(one)} for one in found[:limit]],
            "chunk_index": 0,
            "chunk_count": 1,
            "not_found": sorted(ids - {str(one.id) for one in found}),
        }
        if wish.get("nonce") is not None:
            chunk["nonce"] = wish["nonce"]
        return self.event("GUILD_MEMBERS_CHUNK", chunk)
