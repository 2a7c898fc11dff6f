"""What these tests share: a sandbox, its people, discord.py pointed at it, a ledger, and the bot."""

from collections.abc import AsyncIterator
from pathlib import Path

import discord
import pytest
import yarl

from sandbox.server import Sandbox, serve
from tests.cogs.stack import Core, Running, opened_core, running_bot
from tests.sandbox.people import People


@pytest.fixture
async def sandbox(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sandbox]:
    """Return a running sandbox that discord.py is pointed at until the test ends."""
    async with serve() as running:
        monkeypatch.setattr(discord.http.Route, "BASE", running.api_url)
        monkeypatch.setattr(
            discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(running.gateway_url)
        )
        monkeypatch.setattr(discord.asset.Asset, "BASE", running.url)
        yield running


@pytest.fixture
async def people(sandbox: Sandbox) -> AsyncIterator[People]:
    """Return the people of the sandbox."""
    async with People(sandbox.url) as them:
        yield them


@pytest.fixture
async def core(tmp_path: Path) -> AsyncIterator[Core]:
    """Return the core on a fresh ledger that sells nothing."""
    async with opened_core(tmp_path / "quota.db") as opened:
        yield opened


@pytest.fixture
async def running(sandbox: Sandbox, core: Core) -> AsyncIterator[Running]:
    """Return a bot that is connected to the sandbox."""
    assert sandbox.url
    async with running_bot(core.parts) as bot:
        yield bot
