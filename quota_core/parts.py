"""The pots that an entry changed, as they are stored: `2026-11-20=3 #12=-4`; `ledger` says what each means."""

from __future__ import annotations

from collections.abc import Iterable

Part = tuple[str, int]


def parts_text(parts: Iterable[Part]) -> str:
    """Return the stored form of parts."""
    return " ".join([f"{pot}={delta}" for pot, delta in parts])


def parts_of(text: str) -> list[Part]:
    """Return the parts that were stored."""
    return [(pot, int(delta)) for pot, _, delta in (part.rpartition("=") for part in text.split())]
