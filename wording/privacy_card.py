"""What is kept of a person, and what being forgotten means, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from quota_core.catalog import Catalog
from wording.card import Card, Field, Tone
from wording.words import Words


class Outlook(Protocol):
    """What being forgotten means: whether it was asked for, when it is done (UTC ms), units lost by metric."""

    @property
    def asked(self) -> bool:
        """Whether it was asked for."""
        ...

    @property
    def due_ms(self) -> int:
        """When it is, or would be, done."""
        ...

    @property
    def lost(self) -> Mapping[str, int]:
        """Units by metric that nobody could spend any more."""
        ...


def privacy_card(outlook: Outlook, words: Words, *, policy_url: str | None) -> Card:
    """Say what is kept, and that it can be had and forgotten; with the operator's policy, if there is one."""
    fields = [Field(words("privacy.kept"), words("privacy.kept_line"))]
    if policy_url is not None:
        fields.append(Field(words("privacy.policy"), policy_url))
    if outlook.asked:
        fields.append(
            Field(
                words("privacy.planned"), words("privacy.planned_line", when=words.relative(outlook.due_ms))
            )
        )
    return Card(words("privacy.title"), words("privacy.line"), tuple(fields))


def forget_card(outlook: Outlook, catalog: Catalog, words: Words) -> Card:
    """Ask whether the person really wants to be forgotten, with what would be lost and when it would be done."""
    lines = [words("privacy.forget_line"), words("privacy.forget_when", when=words.relative(outlook.due_ms))]
    lost = [words.units(units, catalog, metric) for metric, units in outlook.lost.items()]
    fields = (Field(words("privacy.lost"), "\n".join(f"• {units}" for units in lost)),) if lost else ()
    return Card(words("privacy.forget"), "\n".join(lines), fields, tone=Tone.WARNING)


def planned_card(outlook: Outlook, words: Words) -> Card:
    """Say that it will be done, and until when it can be called off."""
    line = words("privacy.planned_line", when=words.relative(outlook.due_ms))
    return Card(words("privacy.planned"), line, tone=Tone.WARNING)


def kept_card(words: Words) -> Card:
    """Say that nobody will be forgotten."""
    return Card(words("privacy.called_off"), words("privacy.called_off_line"), tone=Tone.GOOD)


def data_card(words: Words) -> Card:
    """Say what the attached file is."""
    return Card(words("privacy.data"), words("privacy.data_line"))
