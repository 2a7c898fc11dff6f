"""What is written for Discord, as plain text: no markdown, no marks of its own, moments as dates."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time

from wording.words import Words

_MOMENT = re.compile(r"<t:(\d+)(?::[A-Za-z])?>")
_LINK = re.compile(r"\[([^\]]+)\]\(([^)]+)\)")
_MARKS = re.compile(r"(?<!\\)(\*\*|`|__)")
_ESCAPED = re.compile(r"\\([\\*_~|`\[\]#>+\-])")


def plain(text: str, words: Words, zone: ZoneInfo) -> str:
    """Return a text of a card as people read it elsewhere, its moments in `zone`."""
    text = _MOMENT.sub(lambda found: moment(int(found[1]) * 1000, words, zone), text)
    text = _LINK.sub(r"\1: \2", text)
    text = _MARKS.sub("", text)
    return _ESCAPED.sub(r"\1", text).replace("\u200b", "")


def moment(at_ms: int, words: Words, zone: ZoneInfo) -> str:
    """Return a moment as date and time, with its zone."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone)
    locale = Locale.parse(words.language)
    return (
        f"{format_date(at, 'long', locale=locale)}, {format_time(at, 'short', locale=locale)} ({at.tzname()})"
    )
