"""A card: what Discord draws as an embed, within its limits whatever goes in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

# https://discord.com/developers/docs/resources/message#embed-object-embed-limits
MAX_TITLE = 256
MAX_DESCRIPTION = 4096
MAX_FIELDS = 25
MAX_FIELD_NAME = 256
MAX_FIELD_VALUE = 1024
MAX_FOOTER = 2048
MAX_CHARACTERS = 6000
NOTHING = "\u200b"  # Discord refuses a field without a name or a value


class Tone(Enum):
    """What a card feels like; the value is its colour."""

    INFO = 0x5865F2
    GOOD = 0x2E9E5B
    WARNING = 0xE8A317
    BAD = 0xD83C3E


def length_of(text: str) -> int:
    """Return the length in UTF-16 units, the larger of the two ways in which Discord's parts count."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def clipped(text: str, length: int) -> str:
    """Return the text in at most `length` UTF-16 units, with an ellipsis where something was cut."""
    text = text.strip()
    if 2 * len(text) <= length:  # no character takes more than two
        return text
    if length_of(text) <= length:
        return text
    kept = text.encode("utf-16-le", "surrogatepass")[: 2 * (length - 1)].decode("utf-16-le", "ignore")
    return kept.rstrip() + "…"


@dataclass(frozen=True, slots=True)
class Field:
    """A part of a card; `inline` ones stand side by side."""

    name: str
    value: str
    inline: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", clipped(self.name, MAX_FIELD_NAME) or NOTHING)
        object.__setattr__(self, "value", clipped(self.value, MAX_FIELD_VALUE) or NOTHING)


@dataclass(frozen=True, slots=True)
class Card:
    """What to show. Too long a text is clipped; fields that would pass 6000 characters are left out, last first."""

    title: str
    description: str = ""
    fields: tuple[Field, ...] = ()
    footer: str = ""
    tone: Tone = Tone.INFO

    def __post_init__(self) -> None:
        title = clipped(self.title, MAX_TITLE)
        description = clipped(self.description, MAX_DESCRIPTION)
        left = MAX_CHARACTERS - length_of(title) - length_of(description)
        footer = clipped(self.footer, min(MAX_FOOTER, left))
        object.__setattr__(self, "title", title)
        object.__setattr__(self, "description", description)
        object.__setattr__(self, "footer", footer)
        object.__setattr__(self, "fields", _fitting(self.fields[:MAX_FIELDS], left - length_of(footer)))


def _fitting(fields: tuple[Field, ...], left: int) -> tuple[Field, ...]:
    """Return the first of these fields that together have at most `left` UTF-16 units."""
    if 2 * sum([len(field.name) + len(field.value) for field in fields]) <= left:
        return fields  # no character takes more than two: nearly every card
    for count, field in enumerate(fields):
        left -= length_of(field.name) + length_of(field.value)
        if left < 0:
            return fields[:count]
    return fields
