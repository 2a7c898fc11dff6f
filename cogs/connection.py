"""
Discord, kept connected: log in, stay, come back, and know when there is no use in trying.

discord.py mends the gateway by itself; what ends it for good ends up here.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
from collections.abc import Callable, Coroutine
from enum import Enum
from http import HTTPStatus
from typing import Any

import discord
import yarl
from discord import asset, gateway
from discord.http import Route

from cogs.client import QuotaBot

log = logging.getLogger(__name__)

TOKEN_REFUSED = 4004  # https://docs.discord.com/developers/topics/opcodes-and-status-codes#gateway
FIRST_PAUSE_SECONDS = 1.0
LOST_CANCEL_SECONDS = 0.5
MAX_PAUSE_SECONDS = 120.0  # Discord takes 1 000 logins a day


class DiscordState(Enum):
    """How it stands with Discord."""

    CONNECTING = "connecting"
    LOGGED_IN = "logged in"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    REFUSED = "refused"


OnState = Callable[[DiscordState], None]


def point_at(api_url: str, gateway_url: str) -> None:
    """
    Send discord.py to another Discord, for the whole process.

    Args:
        api_url: the base of the REST API, such as `http://127.0.0.1:8081/api/v10`.
        gateway_url: the gateway's address, such as `ws://127.0.0.1:8081/gateway/`.

    """
    Route.BASE = api_url.rstrip("/")
    gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway_url)
    asset.Asset.BASE = str(yarl.URL(api_url).origin())


async def run_discord(
    make_bot: Callable[[bool], QuotaBot], token: str, *, message_content: bool, on_state: OnState
) -> None:
    """
    Keep a bot connected until cancelled; return only when Discord refuses the token.

    Each attempt has a bot of its own, from `make_bot(message_content)`. When Discord grants no
    message-content intent, the log says so and the bot goes on without it: slash commands and mentions still work.
    """
    pause_seconds = FIRST_PAUSE_SECONDS
    while True:
        bot = make_bot(message_content)
        _report_from(bot, on_state)
        on_state(DiscordState.CONNECTING)
        logged_in = False
        try:
            async with bot:
                await bot.login(token)
                logged_in = True
                on_state(DiscordState.LOGGED_IN)
                log.info("invite the bot: %s", bot.invite_url())
                await _connect(bot)
        except discord.PrivilegedIntentsRequired:
            log.warning(
                "Discord grants no message-content intent: commands with a prefix work in direct messages only, "
                "mentions and slash commands everywhere. Enable it in the developer portal, or set "
                "MESSAGE_CONTENT_INTENT=false"
            )
            if not message_content:
                raise
            message_content = False
            continue
        except Exception as error:  # noqa: BLE001 - anything but a refused token may pass, and the rest goes on
            if _is_refusal(error):
                break
            log.warning("Discord: %r; again in about %.0f s", error, pause_seconds)
        else:
            if bot.refused.is_set():
                break
        on_state(DiscordState.DISCONNECTED)
        await asyncio.sleep(pause_seconds * (1 + secrets.randbelow(250) / 1000))
        pause_seconds = FIRST_PAUSE_SECONDS if logged_in else min(MAX_PAUSE_SECONDS, 2 * pause_seconds)
    log.error("Discord refuses the token: set a new DISCORD_TOKEN and start again; everything else goes on")
    on_state(DiscordState.REFUSED)


async def _connect(bot: QuotaBot) -> None:
    """Stay connected until that ends, or until a REST call finds the token refused."""
    connecting = asyncio.ensure_future(bot.connect())
    refused = asyncio.ensure_future(bot.refused.wait())
    try:
        await asyncio.wait({connecting, refused}, return_when=asyncio.FIRST_COMPLETED)
        if connecting.done():
            await connecting
    finally:
        refused.cancel()
        while not connecting.done():
            # More than once if need be: discord.py connects through asyncio.wait_for, which loses a
            # cancellation in Python before 3.12 when its work ends at that moment
            # (https://github.com/python/cpython/issues/86296).
            connecting.cancel()
            await asyncio.wait({connecting}, timeout=LOST_CANCEL_SECONDS)
        await asyncio.gather(connecting, refused, return_exceptions=True)
        _end_heartbeats()


def _end_heartbeats() -> None:
    """End the heartbeat threads of this loop: discord.py forgets that of a handshake that was cut off."""
    loop = asyncio.get_running_loop()
    for thread in threading.enumerate():
        if isinstance(thread, gateway.KeepAliveHandler) and thread.ws.loop is loop:
            thread.stop()


def _is_refusal(error: Exception) -> bool:
    if isinstance(error, discord.ConnectionClosed):
        return error.code == TOKEN_REFUSED
    if isinstance(error, discord.HTTPException):
        return error.status == HTTPStatus.UNAUTHORIZED
    return isinstance(error, discord.LoginFailure)


def _report_from(bot: QuotaBot, on_state: OnState) -> None:
    """Report what the gateway of `bot` goes through."""
    for event, state in (
        ("on_connect", DiscordState.CONNECTED),
        ("on_resumed", DiscordState.CONNECTED),
        ("on_disconnect", DiscordState.DISCONNECTED),
    ):
        bot.add_listener(_reporter(on_state, state), event)


def _reporter(on_state: OnState, state: DiscordState) -> Callable[[], Coroutine[Any, Any, None]]:
    async def report() -> None:
        on_state(state)

    return report
