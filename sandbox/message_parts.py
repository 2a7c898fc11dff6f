"""The parts of a message that its maker chooses, as keyword arguments."""

from typing import Any, TypedDict

from sandbox.happenings import Attachment


class MessageParts(TypedDict, total=False):
    """Fields of `happenings.Message`; what is left out keeps its default, or in an edit its value."""

    content: str
    type: int
    flags: int
    embeds: tuple[dict[str, Any], ...]
    components: tuple[dict[str, Any], ...]
    attachments: tuple[Attachment, ...]
    mention_ids: tuple[int, ...]
    mention_role_ids: tuple[int, ...]
    mention_everyone: bool
    nonce: int | str | None
    seen_by: int | None
    reply_to: int | None
    interaction_id: int | None
