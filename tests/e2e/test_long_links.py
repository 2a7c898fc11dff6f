"""A payment page whose address is too long for a button."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sandbox.server import serve
from tests.cogs.talk import buttons_of
from tests.e2e.conftest import Place, introduce, town_of
from tests.e2e.program import Bot, World
from tests.e2e.town import confirmed_orders
from tests.sandbox.people import UNHURRIED_MS


class WorldHere(World):
    """A world in this process, of which a test can set what no process lets it set."""

    def __init__(self, folder: Path, *, url: str, secret: str) -> None:
        super().__init__(folder)
        self.facts = {"url": url, "secret": secret}


async def test_a_link_of_six_hundred_characters_goes_through_our_own_address(tmp_path: Path) -> None:
    """Discord takes 512; ours is short, and leads to Stripe's page for as long as that can be paid."""
    async with serve() as sandbox:
        sandbox.world.answer_within_ms = UNHURRIED_MS
        sandbox.stripe._sessions._url_length = 600  # no setting: real ones are shorter today
        world = WorldHere(tmp_path / "world", url=sandbox.url, secret=sandbox.webhook_secret)
        bot = Bot(tmp_path / "bot", world_url=world.url, secret=world.secret)
        place = Place(world=world, bot=bot)
        await asyncio.to_thread(bot.start)
        try:
            await introduce(place)
            async with town_of(place) as town:
                pressed = await town.press_package(await town.open_shop())
                ((_, link),) = buttons_of(pressed)
                (session,) = await town.sessions()
                early = await town.redirect(link)
                await town.pay(session["id"])
                message = await town.next_dm("0")
                late = await town.redirect(link)
                await town.check()

                assert link.startswith(f"{bot.http_url}/pay/")
                assert len(link) <= 512
                assert len(early[1]) == 600
                assert early == (303, session["url"])
                assert confirmed_orders(message) == [session["client_reference_id"]]
                assert late == (200, "")
        finally:
            status = await asyncio.to_thread(bot.stop)
        assert status == 0
