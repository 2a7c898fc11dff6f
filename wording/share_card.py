"""What those who manage a server see before and after they share units of it, and what the member reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from quota_core.catalog import Catalog
from quota_core.moving import Moved
from wording.card import Card, Field, Tone
from wording.safe import mention, safe_name
from wording.words import Words


def share_card(moved: Moved, member_id: int, metric: str, catalog: Catalog, words: Words) -> Card:
    """Return what sharing these units means; nothing of what the member has."""
    line = words("share.ask_line", units=words.units(moved.units, catalog, metric), who=mention(member_id))
    return Card(words("share.ask"), line, (_left(moved, metric, catalog, words),), tone=Tone.WARNING)


def shared_card(moved: Moved, member_id: int, metric: str, catalog: Catalog, words: Words) -> Card:
    """Return that they were shared, and what the server has left."""
    line = words("share.done_line", units=words.units(moved.units, catalog, metric), who=mention(member_id))
    return Card(words("share.done"), line, (_left(moved, metric, catalog, words),), tone=Tone.GOOD)


def received_card(facts: Mapping[str, Any], catalog: Catalog, words: Words) -> Card:
    """Return what a member got; `facts` are those of the notice."""
    line = words(
        "share.got_line",
        units=words.units(facts["units"], catalog, facts["metric"]),
        server=safe_name(facts["server_name"] or facts["server"]),
    )
    after = words.units(facts["after"], catalog, facts["metric"])
    return Card(words("share.got"), line, (Field(words("share.after"), after),), tone=Tone.GOOD)


def _left(moved: Moved, metric: str, catalog: Catalog, words: Words) -> Field:
    return Field(words("share.left"), words.units(moved.server_left, catalog, metric))
