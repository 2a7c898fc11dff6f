"""The official Stripe CLI, the local Stripe and the bot: what it triggers arrives, signed, and is taken."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.e2e.program import STRIPE_KEY, Bot, World
from tests.sandbox.stripe_cli import program, trigger

PATIENCE_SECONDS = 120
EVENTS = [
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "charge.refunded",
    "charge.dispute.created",
    "charge.dispute.closed",
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Return a world whose Stripe delivers to a running bot."""
    program()
    folder = tmp_path_factory.mktemp("cli")
    with World(folder / "world") as world, Bot(folder, world_url=world.url, secret=world.secret) as bot:
        asyncio.run(_add_endpoint(world.url, f"{bot.http_url}/webhooks/stripe"))
        yield world
        assert "ERROR" not in bot.log


async def _add_endpoint(url: str, endpoint: str) -> None:
    headers = {"Authorization": f"Bearer {STRIPE_KEY}"}
    form = [("url", endpoint), ("enabled_events[]", "*")]
    async with (
        aiohttp.ClientSession(url, headers=headers) as stripe,
        stripe.post("/v1/webhook_endpoints", data=form) as answer,
    ):
        assert answer.status == 200, await answer.text()


@pytest.mark.parametrize("event", EVENTS)
async def test_a_triggered_event_reaches_the_bot_which_takes_it(
    world: World, tmp_path: Path, event: str
) -> None:
    """Exit 0 proves nothing; a delivery that was answered 200 shows that the bot believed the signature."""
    run = await trigger(event, api_base=world.url, home=tmp_path)
    attempts: list[dict[str, object]] = []
    async with aiohttp.ClientSession(world.url) as control, asyncio.timeout(PATIENCE_SECONDS):
        while not any(attempt["type"] == event for attempt in attempts):
            waiting = {"beyond": str(len(attempts)), "wait_s": "5"}
            async with control.get("/control/stripe/deliveries", params=waiting) as answer:
                attempts = (await answer.json())["deliveries"]

    assert run.status == 0, run.output
    assert [attempt["status"] for attempt in attempts if attempt["type"] == event] == [200]
