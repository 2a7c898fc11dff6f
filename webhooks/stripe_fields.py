"""What is taken from Stripe's objects: each field as what it must be, or None; nothing here raises."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MAX_TEXT_LENGTH = 255
MAX_AMOUNT_MINOR = 2**53 - 1
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,255}")


def object_of(value: Any) -> Mapping[str, Any]:
    """Return an object, an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def id_of(value: Any) -> str | None:
    """Return an id."""
    return value if isinstance(value, str) and _ID.fullmatch(value) else None


def id_or_expanded(value: Any) -> str | None:
    """Return an id, or that of the object in its place."""
    return id_of(value["id"] if isinstance(value, dict) and "id" in value else value)


def text_of(value: Any) -> str | None:
    """Return a short printable text."""
    # Printable leaves out lone surrogates, which JSON can spell and a database cannot store.
    usable = isinstance(value, str) and value.isprintable() and len(value) <= MAX_TEXT_LENGTH
    return value if usable else None


def amount_of(value: Any) -> int | None:
    """Return a whole number that every part of this program can hold."""
    usable = isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_AMOUNT_MINOR
    return value if usable else None
