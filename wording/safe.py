"""Foreign text (names, reasons, what people typed) made harmless wherever Discord shows it."""

from __future__ import annotations

import re
import unicodedata

MAX_NAME_CHARACTERS = 80
_ZERO_WIDTH = "\u200b"

# Letters and symbols that draw nothing, so that a name of them looks empty: Hangul fillers, braille blank,
# the grapheme joiner and two Khmer vowels.
_INVISIBLE = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5")
_STRIPPED_CATEGORIES = frozenset(("Cc", "Cf", "Cs", "Co", "Cn"))
_MARKDOWN = re.compile(r"([\\*_~|`\[\]#>])")
_LINE_START = re.compile(r"^(-|\+|\d+(?=[.)]))")
_MANY_MARKS = 3  # no written language stacks more on one letter


class Safe(str):
    """Text that may be shown as it is: our own, or foreign text after `safe_name`."""

    __slots__ = ()


def safe_name(text: str, *, length: int = MAX_NAME_CHARACTERS) -> Safe:
    """
    Return foreign text as one harmless line, the same when it is `Safe` already.

    Control, bidi and zero-width characters go; markdown is escaped; links, invites, mentions, times, commands and
    custom emoji are broken by a zero-width space, so that they read the same where no markdown is drawn.
    At most `length` characters are kept, and the answer is never longer than twice that and one. Never empty.
    """
    if isinstance(text, Safe):
        return text
    line = _clipped(_visible(text), length)
    line = _MARKDOWN.sub(r"\\\1", line)
    # ">" is escaped above, so that of "<@1>" only the opening is left to break.
    line = re.sub(r"([<@])", rf"\1{_ZERO_WIDTH}", line)
    line = re.sub(r":(?=//)", f":{_ZERO_WIDTH}", line)
    line = re.sub(r"(?i)(discord(?:app)?)(?=\.)", rf"\1{_ZERO_WIDTH}", line)
    line = _LINE_START.sub(_escaped_start, line)
    return Safe(line or "?")


def mention(user_id: int) -> Safe:
    """Return the mention of a user by id, which shows a name that its owner cannot use to draw something else."""
    return Safe(f"<@{user_id}>")


def _visible(text: str) -> str:
    kept: list[str] = []
    marks = 0
    for character in unicodedata.normalize("NFC", text):
        category = unicodedata.category(character)
        if character.isspace():
            kept.append(" ")
        elif category in _STRIPPED_CATEGORIES or character in _INVISIBLE:
            continue
        elif category in ("Mn", "Me"):
            marks += 1
            if marks <= _MANY_MARKS:
                kept.append(character)
            continue
        else:
            kept.append(character)
        marks = 0
    return " ".join("".join(kept).split())


def _clipped(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def _escaped_start(found: re.Match[str]) -> str:
    start = found.group(1)
    # A number begins a list by the dot behind it; a dash by itself.
    return f"{start}\\" if start.isdecimal() else f"\\{start}"
