"""The languages that everything is written in."""

from __future__ import annotations

LANGUAGES = ("en", "fr")


def language_of(locale: str | None) -> str:
    """Return the language for a locale as Discord, Stripe or a setting spells it; English for all but French."""
    first = (locale or "").replace("_", "-").partition("-")[0].lower()
    return first if first in LANGUAGES else LANGUAGES[0]
