"""That an allowance is almost used up: where it happens, and as a message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from quota_core.answers import Crossing, Spend
from quota_core.catalog import Catalog
from wording.card import Card, Tone
from wording.safe import Safe
from wording.ways_out import ways_out
from wording.words import Words

ALMOST_PERCENT = 75  # from which on a title may say that it is almost used up


def low_quota_card(
    crossing: Crossing,
    spend: Spend,
    plan_id: str,
    catalog: Catalog,
    words: Words,
    *,
    can_sell: bool = True,
) -> Card:
    """Return the notice that an allowance is almost used up, with the ways out that exist."""
    facts = {
        "metric": spend.metric,
        "window": crossing.kind,
        "used": crossing.used,
        "limit": crossing.limit,
        "resets_ms": crossing.resets_ms,
        "purchased_left": spend.purchased_left,
        "plan": plan_id,
    }
    return alert_card(facts, catalog, words, can_sell=can_sell)


def alert_card(facts: Mapping[str, Any], catalog: Catalog, words: Words, *, can_sell: bool) -> Card:
    """Return the same from the facts of an alert: see `quota_core.alerts`."""
    metric, resets_ms = facts["metric"], facts["resets_ms"]
    lines = [
        words("low.intro", percent=percent_used(facts, words), quota=words(f"quota_of.{facts['window']}")),
        words(
            "low.used",
            used=words.number(facts["used"]),
            limit=words.units(facts["limit"], catalog, metric),
        ),
    ]
    if resets_ms is not None:
        lines.append(words("low.resets", when=words.relative(resets_ms)))
    if facts["purchased_left"] > 0:
        lines.append(words("low.purchased", units=words.units(facts["purchased_left"], catalog, metric)))
    ways = ways_out(metric, facts["plan"], catalog, words, reset_ms=resets_ms, can_sell=can_sell)
    used_up = is_used_up(facts)
    return Card(
        title=_title(facts, words),
        description="\n".join(lines) + "\n\n" + ways,
        tone=Tone.BAD if used_up and facts["purchased_left"] <= 0 else Tone.WARNING,
    )


def is_used_up(facts: Mapping[str, Any]) -> bool:
    """Tell whether nothing is left of the allowance that an alert is about."""
    return bool(facts["used"] >= facts["limit"])


def percent_used(facts: Mapping[str, Any], words: Words) -> Safe:
    """Return what is used, in percent: rounded down, so that 100 % means that nothing is left."""
    limit = facts["limit"]
    percent = min(100, facts["used"] * 100 // limit) if limit else 100
    return words.percent(percent / 100)


def _title(facts: Mapping[str, Any], words: Words) -> str:
    if is_used_up(facts):
        return words("low.title_empty")
    if facts["used"] * 100 < ALMOST_PERCENT * facts["limit"]:
        return words("low.title_some", percent=percent_used(facts, words))
    return words("low.title")
