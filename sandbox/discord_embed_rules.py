"""
What Discord accepts as embeds.

https://discord.com/developers/docs/resources/message#embed-object-embed-limits
"""

from datetime import datetime
from typing import Any

from sandbox import discord_fields as fields
from sandbox.discord_errors import Path, Problems

MAX_EMBEDS = 10
MAX_CHARACTERS = 6000
MAX_FIELDS = 25
WITH_ATTACHMENTS = ("http", "https", "attachment")


def check(problems: Problems, embeds: list[Any]) -> None:
    """Note what is wrong with a message's embeds, each and all together."""
    characters = 0
    for index, value in enumerate(embeds):
        embed = fields.mapping(problems, value, ("embeds", index))
        if embed is not None:
            characters += _check_one(problems, embed, ("embeds", index))
    if characters > MAX_CHARACTERS:
        message = f"Embed size exceeds maximum size of {MAX_CHARACTERS}"
        problems.add(("embeds",), "MAX_EMBED_SIZE_EXCEEDED", message)


def _check_one(problems: Problems, embed: dict[str, Any], path: Path) -> int:
    """Check one embed and return how many characters it counts."""
    texts = [
        fields.text(problems, embed, "title", path, high=256),
        fields.text(problems, embed, "description", path, high=4096),
    ]
    fields.url(problems, embed, "url", path)
    fields.integer(problems, embed, "color", path, low=0, high=0xFFFFFF)
    _timestamp(problems, embed, path)
    for key, text_key, high in (("footer", "text", 2048), ("author", "name", 256)):
        part = _part(problems, embed, key, path)
        texts.append(fields.text(problems, part, text_key, (*path, key), high=high, required=bool(part)))
        fields.url(problems, part, "icon_url", (*path, key), schemes=WITH_ATTACHMENTS)
        fields.url(problems, part, "url", (*path, key))
    for key in ("image", "thumbnail"):
        part = _part(problems, embed, key, path)
        fields.url(problems, part, "url", (*path, key), schemes=WITH_ATTACHMENTS, required=bool(part))
    texts += _fields(problems, embed, path)
    return sum(len(text.strip()) for text in texts if text)


def _part(problems: Problems, embed: dict[str, Any], key: str, path: Path) -> dict[str, Any]:
    """Return the object at `key`; an empty one when it is absent or no object."""
    if embed.get(key) is None:
        return {}
    return fields.mapping(problems, embed[key], (*path, key)) or {}


def _fields(problems: Problems, embed: dict[str, Any], path: Path) -> list[str | None]:
    texts: list[str | None] = []
    for index, value in enumerate(fields.array(problems, embed, "fields", path, high=MAX_FIELDS) or ()):
        field_path = (*path, "fields", index)
        field = fields.mapping(problems, value, field_path)
        if field is None:
            continue
        fields.boolean(problems, field, "inline", field_path)
        for key, high in (("name", 256), ("value", 1024)):
            text = fields.text(problems, field, key, field_path, high=high, required=True)
            # Discord trims first, so that a field of spaces counts as absent.
            if text is not None and not text.strip():
                problems.add((*field_path, key), "BASE_TYPE_REQUIRED", "This field is required")
            texts.append(text)
    return texts


def _timestamp(problems: Problems, embed: dict[str, Any], path: Path) -> None:
    value = embed.get("timestamp")
    if value is None:
        return
    try:
        datetime.fromisoformat(value)
    except (TypeError, ValueError):
        message = f"Could not parse {value}. Should be ISO8601."
        problems.add((*path, "timestamp"), "DATE_TIME_TYPE_PARSE", message)


def is_shown(embed: dict[str, Any]) -> bool:
    """Return whether anything of the embed would be seen; Discord drops one that shows nothing."""
    return any(
        embed.get(key) for key in ("title", "description", "author", "footer", "fields", "image", "thumbnail")
    )


def stored(embed: dict[str, Any], addresses: dict[str, str]) -> dict[str, Any]:
    """
    Return the embed as Discord keeps it.

    Args:
        embed: one that `check` accepted.
        addresses: where the message's files are, by file name; `attachment://name` becomes that.

    """
    kept = dict(embed) | {"type": "rich"}
    if "fields" in kept:
        kept["fields"] = [{"inline": False} | field for field in kept["fields"] or ()]
    for key, url_key in (
        ("image", "url"),
        ("thumbnail", "url"),
        ("footer", "icon_url"),
        ("author", "icon_url"),
    ):
        part = kept.get(key)
        if part and str(part.get(url_key, "")).startswith("attachment://"):
            name = part[url_key].removeprefix("attachment://")
            kept[key] = part | {url_key: addresses.get(name, part[url_key])}
    return kept
