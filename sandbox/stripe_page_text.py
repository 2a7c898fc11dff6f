"""The payment page's words, in English and French (`stripe_page_words.json`)."""

import json
from functools import cache
from pathlib import Path
from typing import Any

LANGUAGES = ("en", "fr")


@cache
def _words() -> dict[str, dict[str, str]]:
    text = Path(__file__).with_name("stripe_page_words.json").read_text(encoding="utf-8")
    loaded: dict[str, dict[str, str]] = json.loads(text)
    return loaded


def language_of(session_locale: str | None, accept_language: str) -> str:
    """Return `en` or `fr`: the session's, or the browser's first of these when the session leaves it open."""
    wanted = [session_locale or "auto"]
    if wanted == ["auto"]:
        wanted = [part.partition(";")[0].strip() for part in accept_language.split(",")]
    for one in wanted:
        if (language := one[:2].lower()) in LANGUAGES:
            return language
    return "en"


def words(language: str, key: str, **facts: Any) -> str:
    """Return the words for `key`, with `facts` in them; they are not escaped yet."""
    return _words()[language][key].format(**facts)
