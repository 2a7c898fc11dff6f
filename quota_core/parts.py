"""What an entry says, as it is stored: `2026-11-20=3 #12=-4 *rag=1`; `ledger` says what each part means."""

from __future__ import annotations

from collections.abc import Iterable

Part = tuple[str, int]

SERVICE_MARK = "*"
FACT_MARK = "~"
DRAWN_MARK = "%"
NO_WINDOW = frozenset("#!+^@&*~%")
"""How parts begin that name no window: a window begins with a digit or a letter."""


def parts_text(parts: Iterable[Part]) -> str:
    """Return the stored form of parts."""
    return " ".join([f"{pot}={delta}" for pot, delta in parts])


def parts_of(text: str) -> list[Part]:
    """Return the parts that were stored."""
    return [(pot, int(delta)) for pot, _, delta in (part.rpartition("=") for part in text.split())]
