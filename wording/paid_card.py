"""The question before the first paid units of a window, and what is said after it."""

from __future__ import annotations

from quota_core.catalog import Catalog
from quota_core.paid_units import PaidUnitsError
from wording.card import Card, Tone
from wording.words import Words


def paid_card(error: PaidUnitsError, catalog: Catalog, words: Words, *, waits: bool) -> Card:
    """Ask; `waits` says that the command goes on by itself after a press."""
    lines: list[str] = [words("paid.line", asked=words.units(error.units_asked, catalog, error.metric))]
    if error.from_purchased:
        used = words.units(error.from_purchased, catalog, error.metric)
        left = words.units(error.purchased_left, catalog, error.metric)
        lines.append(words("paid.purchased", used=used, left=left))
    if error.from_overage:
        lines.append(words("paid.overage", used=words.units(error.from_overage, catalog, error.metric)))
    if error.resets_ms is not None:
        lines.append(words("paid.wait", when=words.relative(error.resets_ms)))
    lines += ["", words("paid.goes_on" if waits else "paid.once")]
    return Card(words("paid.title"), "\n".join(lines), tone=Tone.WARNING)


def agreed_card(words: Words, *, goes_on: bool) -> Card:
    """Return what follows a press."""
    return Card(
        words("paid.agreed"), words("paid.agreed_on" if goes_on else "paid.agreed_again"), tone=Tone.GOOD
    )
