"""What someone without quota can do: wait, upgrade, buy."""

from __future__ import annotations

from quota_core.catalog import Catalog
from wording.names import plan_limit, plan_name
from wording.words import Words

WITHIN_A_DAY = frozenset({"hour", "day"})


def ways_out(
    metric: str,
    plan_id: str,
    catalog: Catalog,
    words: Words,
    *,
    reset_ms: int | None,
    can_sell: bool,
) -> str:
    """
    Return the numbered ways out of an empty quota, those that exist.

    No waiting without `reset_ms`, no upgrade from the largest plan, no buying where nothing of it is on sale.
    """
    ways = []
    if reset_ms is not None:
        # A clock alone says enough only where it turns within a day.
        periods = {one.period for one in catalog.plan(catalog.plan_id(plan_id)).allowances_of(metric)}
        at = words.clock(reset_ms) if periods <= WITHIN_A_DAY else words.moment(reset_ms)
        ways.append(words("way.wait", clock=at))
    next_plan = catalog.next_plan(catalog.plan_id(plan_id), metric)
    if next_plan is not None:
        limit = plan_limit(next_plan, metric, catalog, words)
        ways.append(words("way.upgrade", plan=plan_name(next_plan, catalog, words), limit=limit))
    if can_sell and catalog.sells(metric):
        ways.append(words("way.buy" if lasts(metric, catalog) else "way.buy_period"))
    if not ways:
        return ""
    return "\n".join([words("way.title"), *(f"{number}. {way}" for number, way in enumerate(ways, 1))])


def lasts(metric: str, catalog: Catalog) -> bool:
    """Tell whether everything on sale of a metric never expires."""
    return all(
        package.expires == "never" for package in catalog.packages.values() if package.metric == metric
    )
