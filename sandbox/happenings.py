"""What exists in the world and changes: messages, interactions, and the news of them."""

from dataclasses import dataclass
from enum import IntFlag
from typing import Any

ANSWER_WITHIN_MS = 3_000
# https://discord.com/developers/docs/interactions/receiving-and-responding#followup-messages
TOKEN_LIVES_MS = 15 * 60 * 1_000


class MessageFlag(IntFlag):
    """The message flags this world knows. https://discord.com/developers/docs/resources/message."""

    SUPPRESS_EMBEDS = 1 << 2
    EPHEMERAL = 1 << 6
    LOADING = 1 << 7
    SUPPRESS_NOTIFICATIONS = 1 << 12
    IS_COMPONENTS_V2 = 1 << 15


class MessageType:
    """The message types this world makes."""

    DEFAULT = 0
    REPLY = 19
    COMMAND = 20


class InteractionType:
    """The kinds of interaction. https://discord.com/developers/docs/interactions/receiving-and-responding."""

    PING = 1
    COMMAND = 2
    COMPONENT = 3
    AUTOCOMPLETE = 4
    MODAL = 5


class AnswerType:
    """The kinds of first answer to an interaction."""

    PONG = 1
    MESSAGE = 4
    DEFERRED_MESSAGE = 5
    DEFERRED_UPDATE = 6
    UPDATE = 7
    CHOICES = 8
    MODAL = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file of a message, held in memory."""

    id: int
    filename: str
    content: bytes
    content_type: str
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """
    A message as it stands; an edit replaces it.

    Attributes:
        type: one of `MessageType`.
        seen_by: the one user who sees an ephemeral message; None for others.
        reply_to: the id of the message it answers.
        interaction_id: the interaction it came of.

    """

    id: int
    channel_id: int
    author_id: int
    sent_ms: int
    content: str = ""
    type: int = MessageType.DEFAULT
    flags: int = 0
    embeds: tuple[dict[str, Any], ...] = ()
    components: tuple[dict[str, Any], ...] = ()
    attachments: tuple[Attachment, ...] = ()
    mention_ids: tuple[int, ...] = ()
    mention_role_ids: tuple[int, ...] = ()
    mention_everyone: bool = False
    nonce: int | str | None = None
    edited_ms: int | None = None
    seen_by: int | None = None
    reply_to: int | None = None
    interaction_id: int | None = None

    @property
    def is_ephemeral(self) -> bool:
        """Whether one user alone sees it."""
        return bool(self.flags & MessageFlag.EPHEMERAL)

    @property
    def is_loading(self) -> bool:
        """Whether it stands for an answer that is still to come."""
        return bool(self.flags & MessageFlag.LOADING)


@dataclass(slots=True, kw_only=True)
class Interaction:
    """
    A command, press or modal of one user, and how far the bot has answered it.

    Attributes:
        type: one of `InteractionType`.
        data: the `data` object that the bot was sent.
        source_id: the message whose component was pressed.
        answer: the kind of first answer, one of `AnswerType`; None while unanswered.
        original_id: the message that `@original` means.
        waiting_fill: whether the first follow-up fills the message of a deferred answer.
        modal: the modal that was opened as the answer.
        choices: the answer to an autocomplete.
        parent_id: for a modal, the interaction that opened it.
        failed: whether the user was told that it failed.

    """

    id: int
    token: str
    type: int
    user_id: int
    channel_id: int
    made_ms: int
    data: dict[str, Any]
    name: str = ""
    source_id: int | None = None
    answer: int | None = None
    original_id: int | None = None
    waiting_fill: bool = False
    modal: dict[str, Any] | None = None
    choices: list[dict[str, Any]] | None = None
    parent_id: int | None = None
    failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageCreated:
    """A message appeared."""

    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEdited:
    """A message changed, or an answer that was still to come arrived."""

    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDeleted:
    """A message is gone."""

    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionMade:
    """A user used a command, pressed a component or sent a modal."""

    interaction: Interaction


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionAnswered:
    """The bot gave its first answer."""

    interaction: Interaction


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionFailed:
    """No answer came in time; the user reads "This interaction failed"."""

    interaction: Interaction


@dataclass(frozen=True, slots=True, kw_only=True)
class ModalOpened:
    """The bot answered with a modal."""

    interaction: Interaction


@dataclass(frozen=True, slots=True, kw_only=True)
class TypingStarted:
    """Someone types."""

    channel_id: int
    user_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldChanged:
    """A user, or what the world grants, changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRevoked:
    """The bot's token stopped being good."""


News = (
    MessageCreated
    | MessageEdited
    | MessageDeleted
    | InteractionMade
    | InteractionAnswered
    | InteractionFailed
    | ModalOpened
    | TypingStarted
    | WorldChanged
    | TokenRevoked
)
