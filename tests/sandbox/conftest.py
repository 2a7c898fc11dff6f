"""What the sandbox's tests share: a sandbox, its people, and discord.py pointed at it."""

import time
from collections.abc import AsyncIterator

import discord
import pytest
import yarl

from sandbox.server import Sandbox, serve
from tests.sandbox.bare_rest import BareRest, bare_rest
from tests.sandbox.people import UNHURRIED_MS, People
from tests.sandbox.small_bot import SmallBot, connected


class MovableClock:
    """The real time in seconds, which a test can move forward."""

    def __init__(self) -> None:
        self.ahead_seconds = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead_seconds


@pytest.fixture
def movable_clock() -> MovableClock:
    """Return the clock of the sandbox."""
    return MovableClock()


@pytest.fixture
async def sandbox(movable_clock: MovableClock) -> AsyncIterator[Sandbox]:
    """Return a running sandbox on a free port."""
    async with serve(clock=movable_clock) as running:
        running.world.answer_within_ms = UNHURRIED_MS
        yield running


@pytest.fixture
async def people(sandbox: Sandbox) -> AsyncIterator[People]:
    """Return the people of the sandbox."""
    async with People(sandbox.url) as them:
        yield them


@pytest.fixture
def redirected(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """Point discord.py at the sandbox, and back when the test ends."""
    monkeypatch.setattr(discord.http.Route, "BASE", sandbox.api_url)
    monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(sandbox.gateway_url))
    monkeypatch.setattr(discord.asset.Asset, "BASE", sandbox.url)
    return sandbox


@pytest.fixture
async def bot(redirected: Sandbox) -> AsyncIterator[SmallBot]:
    """Return a bot that is logged in to the sandbox."""
    assert redirected.url
    async with connected(SmallBot()) as ready:
        yield ready


@pytest.fixture
async def rest(sandbox: Sandbox) -> AsyncIterator[BareRest]:
    """Return the sandbox's REST API for bare requests."""
    async with bare_rest(sandbox) as api:
        yield api
