"""What Discord accepts as a message, and what it makes of it. https://discord.com/developers/docs/resources/message."""

from dataclasses import dataclass
from typing import Any

from sandbox import discord_component_rules as components
from sandbox import discord_embed_rules as embeds
from sandbox import discord_fields as fields
from sandbox import discord_mentions as mentions
from sandbox.discord_errors import DiscordError, Path, Problems, empty_message
from sandbox.discord_message_shapes import attachment as attachment_shape
from sandbox.discord_message_shapes import guessed_type
from sandbox.happenings import Attachment, Message, MessageFlag
from sandbox.message_parts import MessageParts
from sandbox.world import World

MAX_CONTENT = 2000
MAX_NONCE = 25
MAX_FILES = 10
MAX_FILE_BYTES = 10 * 1024 * 1024
SETTABLE_FLAGS = (
    MessageFlag.SUPPRESS_EMBEDS | MessageFlag.SUPPRESS_NOTIFICATIONS | MessageFlag.IS_COMPONENTS_V2
)
# Kinds of content that this world cannot show: refused, so that no test passes on something that got lost.
NOT_HERE = ("poll", "sticker_ids")


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file as it was sent, under the index `n` of its field `files[n]`."""

    index: int
    filename: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """
    Where a message goes and who writes it.

    Attributes:
        previous: the message that an edit changes.
        replied_author_id: who wrote the message that it answers.
        keeps_ephemeral: whether its form may ask to be seen by one user alone.
        under: where its form is in the request's body, for the paths of problems.

    """

    channel_id: int
    author_id: int
    previous: Message | None = None
    replied_author_id: int | None = None
    keeps_ephemeral: bool = False
    under: Path = ()


def message_parts(world: World, form: dict[str, Any], uploads: list[Upload], place: Place) -> MessageParts:
    """
    Return what a message made of `form` holds; for an edit only what it changes.

    Raises:
        DiscordError: 50035 with everything wrong with the form, 50006 for an empty message, 40005 for a file
            that is too large.

    """
    v2 = _wants_v2(form, place.previous)
    _check(form, v2=v2, uploads=uploads, under=place.under)
    parts: MessageParts = {}
    if "content" in form or place.previous is None:
        parts["content"] = (form.get("content") or "").strip()
        _note_mentions(world, form, parts, place)
    _note_attachments(world, form, uploads, parts, place)
    if "embeds" in form:
        addresses = _addresses(world, place, parts)
        shown = [one for one in form["embeds"] or () if embeds.is_shown(one)]
        parts["embeds"] = tuple(embeds.stored(one, addresses) for one in shown)
    if "components" in form:
        parts["components"] = tuple(_numbered(form["components"] or []))
    parts["flags"] = _flags(form, place)
    if form.get("nonce") is not None:
        parts["nonce"] = form["nonce"]
    _check_result(parts, place, v2=v2)
    return parts


def _wants_v2(form: dict[str, Any], previous: Message | None) -> bool:
    """Return whether the message is one of Components V2; an edit cannot take that back."""
    flags = form.get("flags")
    asked = isinstance(flags, int) and bool(flags & MessageFlag.IS_COMPONENTS_V2)
    return asked or (previous is not None and bool(previous.flags & MessageFlag.IS_COMPONENTS_V2))


def _check(form: dict[str, Any], *, v2: bool, uploads: list[Upload], under: Path) -> None:
    """Refuse a form with anything wrong in it, all of it at once."""
    problems = Problems(under)
    fields.text(problems, form, "content", high=MAX_CONTENT)
    fields.boolean(problems, form, "tts")
    fields.integer(problems, form, "flags", low=0, high=(1 << 31) - 1)
    embeds.check(problems, fields.array(problems, form, "embeds", high=embeds.MAX_EMBEDS) or [])
    highest = components.MAX_COMPONENTS if v2 else components.MAX_ROWS
    components.check(problems, fields.array(problems, form, "components", high=highest) or [], v2=v2)
    mentions.check(problems, form)
    _check_nonce(problems, form)
    _check_attachments(problems, form, uploads)
    for key in NOT_HERE:
        if form.get(key):
            problems.add((key,), "SANDBOX_UNSUPPORTED", "The sandbox has none of these")
    problems.refuse()
    if any(len(upload.content) > MAX_FILE_BYTES for upload in uploads):
        raise DiscordError(413, 40005, "Request entity too large")


def _check_nonce(problems: Problems, form: dict[str, Any]) -> None:
    nonce = form.get("nonce")
    if nonce is not None and (isinstance(nonce, bool) or not isinstance(nonce, int | str)):
        problems.add(("nonce",), "STRING_TYPE_CONVERT", f'Could not interpret "{nonce}" as string.')
    elif nonce is not None and len(str(nonce)) > MAX_NONCE:
        problems.add(("nonce",), "BASE_TYPE_MAX_LENGTH", f"Must be {MAX_NONCE} or fewer in length.")
    fields.boolean(problems, form, "enforce_nonce")


def _check_attachments(problems: Problems, form: dict[str, Any], uploads: list[Upload]) -> None:
    listed = fields.array(problems, form, "attachments", high=MAX_FILES) or []
    for index, value in enumerate(listed):
        entry = fields.mapping(problems, value, ("attachments", index))
        if entry is not None:
            fields.snowflake(problems, entry, "id", ("attachments", index), required=True)
            fields.text(problems, entry, "filename", ("attachments", index), low=1, high=1024)
            fields.text(problems, entry, "description", ("attachments", index), high=1024)
    if len(uploads) > MAX_FILES:
        problems.add(("attachments",), "BASE_TYPE_MAX_LENGTH", f"Must be {MAX_FILES} or fewer in length.")


def _note_mentions(world: World, form: dict[str, Any], parts: MessageParts, place: Place) -> None:
    found = mentions.found(
        world,
        parts["content"],
        channel_id=place.channel_id,
        author_id=place.author_id,
        allowed=form.get("allowed_mentions"),
        replied_id=place.replied_author_id,
    )
    parts["mention_ids"] = found.user_ids
    parts["mention_role_ids"] = found.role_ids
    parts["mention_everyone"] = found.everyone


def _note_attachments(
    world: World, form: dict[str, Any], uploads: list[Upload], parts: MessageParts, place: Place
) -> None:
    """Pair `attachments[].id` with `files[n]`; in an edit, keep the old files that are listed."""
    if "attachments" not in form and not uploads:
        return
    listed = {str(entry["id"]): entry for entry in form.get("attachments") or ()}
    old = place.previous.attachments if place.previous is not None else ()
    kept = [one for one in old if "attachments" not in form or str(one.id) in listed]
    for upload in uploads:
        entry = listed.get(str(upload.index), {})
        kept.append(
            Attachment(
                id=world.snowflakes.next(),
                filename=entry.get("filename") or upload.filename,
                content=upload.content,
                content_type=guessed_type(entry.get("filename") or upload.filename),
                description=entry.get("description"),
            )
        )
    parts["attachments"] = tuple(kept)


def _addresses(world: World, place: Place, parts: MessageParts) -> dict[str, str]:
    """Return where the message's files are, by file name."""
    old = place.previous.attachments if place.previous is not None else ()
    files = parts.get("attachments", old)
    return {one.filename: attachment_shape(world, place.channel_id, one)["url"] for one in files}


def _numbered(tree: list[Any]) -> list[Any]:
    """Return a copy of components in which each has the id that Discord gives to those without one."""
    taken = {one["id"] for one in components.walk(tree) if one.get("id")}
    free = iter(number for number in range(1, 10_000) if number not in taken)
    return [_number(component, free) for component in tree]


def _number(component: dict[str, Any], free: Any) -> dict[str, Any]:
    numbered = component | {"id": component.get("id") or next(free)}
    if "components" in component:
        numbered["components"] = [_number(child, free) for child in component["components"]]
    if component.get("accessory"):
        numbered["accessory"] = _number(component["accessory"], free)
    return numbered


def _flags(form: dict[str, Any], place: Place) -> int:
    settable = SETTABLE_FLAGS | (MessageFlag.EPHEMERAL if place.keeps_ephemeral else 0)
    asked = int(form.get("flags") or 0) & settable
    if place.previous is None:
        return asked
    fixed = place.previous.flags & (MessageFlag.EPHEMERAL | MessageFlag.IS_COMPONENTS_V2)
    changed = asked & ~MessageFlag.EPHEMERAL if "flags" in form else place.previous.flags & SETTABLE_FLAGS
    return int(fixed | changed)


def _check_result(parts: MessageParts, place: Place, *, v2: bool) -> None:
    """Refuse a message that ends up empty, or of Components V2 with what those replace."""
    previous = place.previous
    content = parts.get("content", previous.content if previous else "")
    shown_embeds = parts.get("embeds", previous.embeds if previous else ())
    files = parts.get("attachments", previous.attachments if previous else ())
    rows = parts.get("components", previous.components if previous else ())
    if v2:
        problems = Problems(place.under)
        for key, present in (("content", bool(content)), ("embeds", bool(shown_embeds))):
            if present:
                message = f"The '{key}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2"
                problems.add((key,), "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", message)
        if not rows:
            problems.add(("components",), "BASE_TYPE_REQUIRED", "This field is required")
        problems.refuse()
    elif not (content or shown_embeds or files or rows):
        raise empty_message()
