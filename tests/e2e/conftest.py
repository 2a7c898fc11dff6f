"""One world and one bot for all of these tests, and what must hold after each of them."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from quota_core.catalog_file import load
from quota_core.ledger import EntryKind
from sandbox.places import OPERATOR_ID
from terminal import local_socket
from tests.e2e.program import STRIPE_KEY, Bot, World
from tests.e2e.town import HOOK, PATIENCE_SECONDS, Held, Town

TROUBLE = re.compile(r"^\S+ (ERROR|CRITICAL) |^Traceback|Warning:", re.MULTILINE)


@dataclass(slots=True)
class Place:
    """The processes, and what all tests in them have in common."""

    world: World
    bot: Bot
    api_key: str = ""
    held: Held = field(default_factory=Held)
    newcomers: list[int] = field(default_factory=list)


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Return a running world with a running bot; at the end both must stop in order and the books agree."""
    folder = tmp_path_factory.mktemp("e2e")
    with World(folder / "world") as world:
        bot = Bot(folder / "bot", world_url=world.url, secret=world.secret)
        with bot:
            found = Place(world=world, bot=bot)
            asyncio.run(introduce(found))
            yield found
            written = len(bot.log)
        assert TROUBLE.search(bot.log, written) is None, bot.log[written:]
        assert bot.exit_status == 0, bot.log[-4000:]
        _audit(bot.data / "quota.db")
    assert world.exit_status == 0, world.log[-4000:]


async def introduce(place: Place) -> None:
    """Tell Stripe where the bot's webhook is, and make a key of the bot's API by its command."""
    headers = {"Authorization": f"Bearer {STRIPE_KEY}"}
    form = [("url", f"{place.bot.http_url}{HOOK}"), ("enabled_events[]", "*")]
    async with (
        aiohttp.ClientSession(place.world.url, headers=headers) as stripe,
        stripe.post("/v1/webhook_endpoints", data=form) as answer,
    ):
        assert answer.status == 200, await answer.text()
    async with town_of(place) as town, asyncio.timeout(PATIENCE_SECONDS):
        # The first start registers the slash commands, which can take longer than being ready.
        while not (await town.get("commands", viewer=OPERATOR_ID))["commands"]:
            pass
    lines: list[str] = []
    options = {"name": "end to end", "scopes": ["quota:read", "checkout:create", "admin:read"]}
    assert await local_socket.ask(place.bot.data, "keys create", options, lines.append) == 0
    place.api_key = lines[0]


def _audit(file: Path) -> None:
    """Look into the closed database: nothing is owed any more, and every order was credited once at most."""
    with contextlib.closing(sqlite3.connect(file)) as ledger:
        notices = Counter(state for (state,) in ledger.execute("SELECT state FROM notices"))
        paid = ledger.execute("SELECT count(*), count(DISTINCT entry) FROM orders WHERE state = 'paid'")
        credits_ = ledger.execute("SELECT count(*) FROM entries WHERE kind = ?", (EntryKind.PURCHASE,))
        open_deliveries = ledger.execute("SELECT count(*) FROM deliveries WHERE outcome = 'received'")

        assert set(notices) <= {"sent", "shown"}, notices
        ((orders, entries),) = paid
        ((credited,),) = credits_
        assert orders == entries == credited
        assert list(open_deliveries) == [(0,)]


def town_of(place: Place) -> Town:
    """Return the people of a place."""
    return Town(
        place.world.url,
        bot=place.bot,
        api_key=place.api_key,
        secret=place.world.secret,
        catalog=load("quota-manager"),
        held=place.held,
        newcomers=place.newcomers,
    )


@pytest.fixture
async def town(place: Place) -> AsyncIterator[Town]:
    """Return the people around the bot; afterwards nothing is left open and both sides' books agree."""
    if not place.bot.is_running:
        await asyncio.to_thread(place.bot.start)
    async with town_of(place) as people:
        written = len(place.bot.log)
        await people.settle()
        yield people
        await people.settle()
        await people.check()
        trouble = [line for line in place.bot.log[written:].splitlines() if TROUBLE.search(line)]
        assert not people.unexpected(trouble), place.bot.log[written:]
