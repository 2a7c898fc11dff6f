"""What a look at the surroundings found: well, worth knowing, or to be mended, and then how."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class State(Enum):
    """How it stands."""

    OK = "ok"
    NOTE = "note"
    TO_DO = "TO DO"


class Finding(NamedTuple):
    """One thing that was looked at; `to_do` says how to mend it, empty when nothing is to be done."""

    about: str
    state: State
    text: str
    to_do: str = ""


def well(about: str, text: str) -> Finding:
    """Return that something is as it should be."""
    return Finding(about, State.OK, text)


def note(about: str, text: str, to_do: str = "") -> Finding:
    """Return something that is worth knowing, and may be meant so."""
    return Finding(about, State.NOTE, text, to_do)


def to_mend(about: str, text: str, to_do: str) -> Finding:
    """Return something that does not work, and how to mend it."""
    return Finding(about, State.TO_DO, text, to_do)


def counted(number: int, plural: str) -> str:
    """Return `3 plans`, or `1 plan`."""
    return f"{number:,} {plural.removesuffix('s') if number == 1 else plural}"
