"""Rows of buttons, and menus to choose from, as a message shows them: what they say, and nothing that they do."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import discord

MAX_OPTIONS = 25  # https://docs.discord.com/developers/components/reference#string-select
MAX_TEXT = 100
STRING_SELECT = 3
MAX_BUTTONS_IN_ROW = 5


class Drawn(Protocol):
    """What a row can hold."""

    def drawn(self) -> dict[str, Any]:
        """Return it as Discord takes it."""
        ...


class Option(NamedTuple):
    """One line of a menu; `value` is what comes back."""

    label: str
    value: str
    description: str = ""
    chosen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu:
    """What can be chosen, in a row of its own: one of the `options`, or `several`."""

    placeholder: str
    custom_id: str
    options: tuple[Option, ...]
    several: bool = False

    def drawn(self) -> dict[str, Any]:
        """Return it as Discord takes it."""
        options = self.options[:MAX_OPTIONS]
        return {
            "type": STRING_SELECT,
            "custom_id": self.custom_id,
            "placeholder": self.placeholder[:MAX_TEXT],
            "min_values": 1,
            "max_values": len(options) if self.several else 1,
            "options": [_drawn(one) for one in options],
        }


def _drawn(option: Option) -> dict[str, Any]:
    found: dict[str, Any] = {
        "label": option.label[:MAX_TEXT],
        "value": option.value,
        "default": option.chosen,
    }
    if option.description:
        found["description"] = option.description[:MAX_TEXT]
    return found


class Rows(discord.ui.View):
    """
    Buttons and menus as they are drawn, and nothing that listens.

    The view is stopped before it is sent: presses find their way by the registered patterns alone, also after
    a restart. A view that listens and then ends would take a pattern away from the whole bot
    (discord.py 2.7.1, `ViewStore.remove_view`).
    """

    def __init__(self, parts: Sequence[Drawn]) -> None:
        super().__init__(timeout=None)
        self._parts = parts
        self.stop()

    def to_components(self) -> list[dict[str, Any]]:
        """Return rows of five buttons at most, none much shorter than the others, then one for each menu."""
        drawn = [one.drawn() for one in self._parts if not isinstance(one, Menu)]
        rows = -(-len(drawn) // MAX_BUTTONS_IN_ROW)
        # The first rows take one more where they cannot all be equal.
        ends = [-(-len(drawn) * number // rows) for number in range(rows + 1)] if rows else []
        menus = [[one.drawn()] for one in self._parts if isinstance(one, Menu)]
        buttons = [drawn[start:end] for start, end in itertools.pairwise(ends)]
        return [{"type": 1, "components": row} for row in (*buttons, *menus)]
