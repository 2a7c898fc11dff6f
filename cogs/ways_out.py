"""The buttons under a card that tells of little quota or none: see what can be bought, move to a larger plan."""

from __future__ import annotations

import discord

from cogs import custom_ids
from cogs.replies import MAX_LINK_LENGTH, Button, link, press
from quota_core.catalog import Catalog
from wording.names import plan_name
from wording.words import Words


def ways_out(
    catalog: Catalog,
    plan: str,
    metric: str,
    words: Words,
    *,
    owner_id: int,
    can_sell: bool,
    larger: str | None = None,
) -> list[Button]:
    """
    Return the buttons for somebody on `plan` who runs out of `metric`; waiting needs none.

    `larger` is the plan to move to, unless it is the next that gives more.
    """
    buttons: list[Button] = []
    if can_sell and catalog.sells(metric):
        buttons.append(press(words("button.options"), custom_ids.shop(owner_id), discord.ButtonStyle.primary))
    larger = larger or catalog.next_plan(catalog.plan_id(plan), metric)
    if larger is not None:
        label = words("button.upgrade", plan=plan_name(larger, catalog, words))
        url = catalog.plans[larger].upgrade_url
        if url is not None and len(url) <= MAX_LINK_LENGTH:
            buttons.append(link(label, url))
        else:
            buttons.append(press(label, custom_ids.upgrade(larger, owner_id)))
    return buttons
