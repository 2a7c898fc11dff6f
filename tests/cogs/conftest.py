"""What these tests share: a sandbox, its people, discord.py pointed at it, a ledger, and the bot."""

from collections.abc import AsyncIterator
from pathlib import Path

import discord
import pytest
import yarl

from quota_core import catalog_file
from sandbox.server import Sandbox, serve
from tests.cogs.stack import Core, Running, opened_core, running_bot
from tests.cogs.talk import Talk
from tests.sandbox.people import UNHURRIED_MS
from webhooks.product_text import ProductTexts
from webhooks.stripe_checkout import StripeCheckout


@pytest.fixture
async def sandbox(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sandbox]:
    """Return a running sandbox that discord.py is pointed at until the test ends."""
    async with serve() as running:
        running.world.answer_within_ms = UNHURRIED_MS
        monkeypatch.setattr(discord.http.Route, "BASE", running.api_url)
        monkeypatch.setattr(
            discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(running.gateway_url)
        )
        monkeypatch.setattr(discord.asset.Asset, "BASE", running.url)
        yield running


@pytest.fixture
async def talk(sandbox: Sandbox) -> AsyncIterator[Talk]:
    """Return what the people of the sandbox can say and press."""
    async with Talk(sandbox.url) as them:
        yield them


@pytest.fixture
async def checkout(sandbox: Sandbox) -> AsyncIterator[StripeCheckout]:
    """Return the real checkout, on the sandbox's Stripe."""
    opened = StripeCheckout(
        "sk_test_sandbox",
        api_url=sandbox.url,
        success_url="http://127.0.0.1:9/pay/done",
        cancel_url="http://127.0.0.1:9/pay/cancelled",
        product=ProductTexts(catalog_file.load("quota-manager"), terms_url=None),
    )
    yield opened
    await opened.close()


@pytest.fixture
async def core(tmp_path: Path, checkout: StripeCheckout) -> AsyncIterator[Core]:
    """Return the core on a fresh ledger."""
    async with opened_core(tmp_path / "quota.db", checkout=checkout) as opened:
        yield opened


@pytest.fixture
async def running(sandbox: Sandbox, core: Core) -> AsyncIterator[Running]:
    """Return a bot that is connected to the sandbox."""
    assert sandbox.url
    async with running_bot(core.parts) as bot:
        yield bot
