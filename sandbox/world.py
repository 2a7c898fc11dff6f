"""The state of the sandbox's Discord, in memory: a guild, its people, messages, interactions and commands."""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import replace
from itertools import takewhile
from typing import Any, Unpack

from sandbox import places
from sandbox.happenings import (
    ANSWER_WITHIN_MS,
    Interaction,
    InteractionFailed,
    InteractionMade,
    Message,
    MessageCreated,
    MessageDeleted,
    MessageEdited,
    News,
    TokenRevoked,
    WorldChanged,
)
from sandbox.message_parts import MessageParts
from sandbox.places import APPLICATION_ID, Channel, GuildRole, Permission, User
from sandbox.snowflakes import Snowflakes

# "Enforce nonce" looks at the past few minutes.
# https://discord.com/developers/docs/resources/message#create-message
NONCE_LIVES_MS = 5 * 60 * 1_000
FIRST_DM_CHANNEL_ID = 1101500000000000301


class World:
    """
    What the sandbox's Discord knows. Readers may look at its dictionaries; changes go through its methods.

    Attributes:
        message_content_granted: whether the bot may ask for the message-content intent.
        token_revoked: whether every token is refused.
        answer_within_ms: how long a bot has for its first answer to an interaction; Discord gives three seconds.
        base_url: where the sandbox listens, for the addresses of attachments.

    """

    def __init__(self, *, clock: Callable[[], float], base_url: str = "") -> None:
        self._clock = clock
        self._listeners: list[Callable[[News], None]] = []
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._nonces: dict[tuple[int, str], tuple[int, int]] = {}
        self.base_url = base_url
        self.snowflakes = Snowflakes(self.now_ms)
        self.roles: dict[int, GuildRole] = places.first_roles()
        self.channels: dict[int, Channel] = places.first_channels()
        self.users: dict[int, User] = {}
        self.messages: dict[int, Message] = {}
        self._messages_by_channel: dict[int, dict[int, Message]] = {}
        self.interactions: dict[int, Interaction] = {}
        self._interaction_by_token: dict[str, Interaction] = {}
        self.commands: dict[int, dict[str, Any]] = {}
        self.message_content_granted = True
        self.members_granted = False
        self.presences_granted = False
        self.token_revoked = False
        self.answer_within_ms = ANSWER_WITHIN_MS
        for index, user in enumerate(places.first_users().values()):
            self._settle_in(user, dm_channel_id=FIRST_DM_CHANNEL_ID + index)

    def now_ms(self) -> int:
        """Return the time, in UTC milliseconds."""
        return int(self._clock() * 1000)

    @property
    def bot(self) -> User:
        """The bot; its id is also the application's."""
        return self.users[APPLICATION_ID]

    # News

    def subscribe(self, listener: Callable[[News], None]) -> Callable[[], None]:
        """Call `listener` with all news from now on; the function returned ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def publish(self, news: News) -> None:
        """Tell every listener, in the order they subscribed."""
        for listener in tuple(self._listeners):
            listener(news)

    def close(self) -> None:
        """Stop the timers of interactions that still wait for an answer."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    # People and places

    def _settle_in(self, user: User, *, dm_channel_id: int) -> User:
        """Give a user a place in the guild, and a direct message with the bot."""
        if not user.is_bot:
            user = replace(user, dm_channel_id=dm_channel_id)
            self.channels[dm_channel_id] = Channel(id=dm_channel_id, recipient_id=user.id)
        self.users[user.id] = user
        return user

    def put_user(
        self,
        user_id: int,
        *,
        name: str | None = None,
        locale: str | None = None,
        dms_open: bool | None = None,
    ) -> User:
        """
        Change what is given of a user; with a name, an unknown id joins as a new member.

        Raises:
            KeyError: the id is unknown and no name is given.

        """
        user = self.users.get(user_id)
        if user is None and name is not None:
            newcomer = User(id=user_id, username=f"user{user_id}", name=name)
            user = self._settle_in(newcomer, dm_channel_id=self.snowflakes.next())
        if user is None:
            raise KeyError(user_id)
        user = replace(
            user,
            name=user.name if name is None else name,
            locale=user.locale if locale is None else locale,
            dms_open=user.dms_open if dms_open is None else dms_open,
        )
        self.users[user_id] = user
        self.publish(WorldChanged())
        return user

    def grant(self, *, message_content: bool) -> None:
        """Say whether the bot may ask for the message-content intent."""
        self.message_content_granted = message_content
        self.publish(WorldChanged())

    def revoke_token(self, *, revoked: bool) -> None:
        """Refuse every token from now on, or none."""
        self.token_revoked = revoked
        if revoked:
            self.publish(TokenRevoked())

    def permissions_in(self, user_id: int, channel_id: int) -> int:
        """Return what the user may do in the channel."""
        return places.channel_permissions(self.users[user_id], self.channels[channel_id], self.roles)

    def sees(self, user_id: int, channel_id: int) -> bool:
        """Return whether the user sees the channel."""
        return bool(self.permissions_in(user_id, channel_id) & Permission.VIEW_CHANNEL)

    def sees_message(self, user_id: int, message: Message) -> bool:
        """Return whether the user sees the message: in a channel of theirs, and theirs when ephemeral."""
        if message.is_ephemeral and message.seen_by != user_id:
            return False
        return self.sees(user_id, message.channel_id)

    # Messages

    def messages_in(self, channel_id: int, *, after: int = 0) -> list[Message]:
        """Return the channel's messages later than the id `after`, oldest first, ephemeral ones included."""
        newest_first = reversed(self._messages_by_channel.get(channel_id, {}).values())
        return list(takewhile(lambda message: message.id > after, newest_first))[::-1]

    def last_message_id(self, channel_id: int) -> int | None:
        """Return the id of the channel's newest message, of those that everybody there sees."""
        newest_first = reversed(self._messages_by_channel.get(channel_id, {}).values())
        return next((message.id for message in newest_first if not message.is_ephemeral), None)

    def _keep(self, message: Message) -> None:
        self.messages[message.id] = message
        self._messages_by_channel.setdefault(message.channel_id, {})[message.id] = message

    def message_with_nonce(self, author_id: int, nonce: int | str) -> Message | None:
        """Return the author's message of the last minutes that carries `nonce`."""
        message_id, sent_ms = self._nonces.get((author_id, str(nonce)), (0, 0))
        if self.now_ms() - sent_ms > NONCE_LIVES_MS:
            return None
        return self.messages.get(message_id)

    def add_message(self, *, channel_id: int, author_id: int, **parts: Unpack[MessageParts]) -> Message:
        """Add a message, and tell."""
        message = Message(
            id=self.snowflakes.next(),
            channel_id=channel_id,
            author_id=author_id,
            sent_ms=self.now_ms(),
            **parts,
        )
        self._keep(message)
        if message.nonce is not None:
            self._nonces[author_id, str(message.nonce)] = (message.id, message.sent_ms)
        self.publish(MessageCreated(message=message))
        return message

    def edit_message(self, message: Message, **parts: Unpack[MessageParts]) -> Message:
        """Change a message, and tell. What fills an answer still to come does not count as edited."""
        edited_ms = None if message.is_loading else self.now_ms()
        changed = replace(message, edited_ms=edited_ms, **parts)
        self._keep(changed)
        self.publish(MessageEdited(message=changed))
        return changed

    def delete_message(self, message: Message) -> None:
        """Remove a message, and tell."""
        del self.messages[message.id]
        del self._messages_by_channel[message.channel_id][message.id]
        self.publish(MessageDeleted(message=message))

    # Interactions

    def make_interaction(
        self,
        *,
        kind: int,
        user_id: int,
        channel_id: int,
        data: dict[str, Any],
        name: str = "",
        source_id: int | None = None,
        parent_id: int | None = None,
    ) -> Interaction:
        """Start an interaction, tell, and fail it when no answer comes in time."""
        interaction = Interaction(
            id=self.snowflakes.next(),
            token=secrets.token_urlsafe(48),
            type=kind,
            user_id=user_id,
            channel_id=channel_id,
            made_ms=self.now_ms(),
            data=data,
            name=name,
            source_id=source_id,
            parent_id=parent_id,
        )
        self.interactions[interaction.id] = interaction
        self._interaction_by_token[interaction.token] = interaction
        self._timers[interaction.id] = asyncio.get_running_loop().call_later(
            self.answer_within_ms / 1000, self._fail_unanswered, interaction
        )
        self.publish(InteractionMade(interaction=interaction))
        return interaction

    def _fail_unanswered(self, interaction: Interaction) -> None:
        self._timers.pop(interaction.id, None)
        if interaction.answer is None:
            interaction.failed = True
            self.publish(InteractionFailed(interaction=interaction))

    def interaction_with_token(self, token: str) -> Interaction | None:
        """Return the interaction that `token` belongs to."""
        return self._interaction_by_token.get(token)
