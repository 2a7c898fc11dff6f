"""What is read from a world and from a ledger to be compared, and the catalog that leaves room for a storm."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp

from chaos.checker import NEGATIVE
from chaos.raising import PROJECT
from quota_core.ledger import EntryKind
from quota_core.statements import Row, Work, fetch
from sandbox.world import World

ROOMY = ("limit = 50\n", "limit = 1000000\n")


def direct_messages(world: World) -> Counter[int]:
    """Return how many messages each direct channel shows that has any of the bot's."""
    return Counter(
        channel.id
        for channel in world.channels.values()
        if channel.is_dm
        for message in world.messages_in(channel.id)
        if message.author_id == world.bot.id
    )


async def events(session: aiohttp.ClientSession) -> list[dict[str, Any]]:
    """Return every event that says that a session was completed."""
    found: list[dict[str, Any]] = []
    params = {"limit": "100", "type": "checkout.session.completed"}
    while True:
        async with session.get("/v1/events", params=params) as answer:
            page = await answer.json()
        found += page["data"]
        if not page["has_more"]:
            return found
        params["starting_after"] = found[-1]["id"]


def facts() -> Work[dict[str, list[Row]]]:
    """Return the keys of spends, the credits of each session, and what is negative."""
    entries = yield fetch("SELECT key FROM entries WHERE kind = $1", int(EntryKind.SPEND))
    bought = yield fetch(
        "SELECT o.reference, count(*) FROM lots l JOIN orders o ON o.id = l.order_id "
        "WHERE l.source = 'purchase' GROUP BY o.reference"
    )
    negative = yield fetch(NEGATIVE)
    return {"entries": entries, "credits": bought, "negative": negative}


def roomy_catalog(folder: Path) -> Path:
    """Write the catalog that the bot ships with, with a free plan that no storm exhausts."""
    text = (PROJECT / "data" / "catalogs" / "quota-manager.toml").read_text("utf-8")
    assert ROOMY[0] in text
    file = folder / "quota-manager.toml"
    file.write_text(text.replace(*ROOMY, 1), "utf-8")
    return file
