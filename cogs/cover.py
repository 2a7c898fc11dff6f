"""What stands in public in the place of something private: a title, and that a button shows it."""

from __future__ import annotations

from wording.card import Card
from wording.words import Words


def cover_card(title: str, words: Words) -> Card:
    """Return the card above the button that shows something to its owner alone."""
    return Card(title, words("hint.press_to_see"))
