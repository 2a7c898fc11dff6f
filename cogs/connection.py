"""
Discord, kept connected: log in, stay, come back, and know when there is no use in trying.

discord.py mends the gateway by itself; what ends it for good ends up here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import threading
from collections.abc import Callable
from enum import Enum
from http import HTTPStatus
from weakref import WeakSet

import aiohttp
import discord
import yarl
from discord import asset, gateway
from discord.http import Route

from cogs.client import QuotaBot
from cogs.sharded_client import ShardedQuotaBot
from cogs.shards import Shards

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
    STANDING_BY = "standing by"


OnState = Callable[[DiscordState], None]
MakeBot = Callable[[bool, Shards | None], QuotaBot]
"""Makes a bot with or without the message content; without shards, it has one connection."""


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
    make_bot: MakeBot,
    token: str,
    *,
    message_content: bool,
    on_state: OnState,
    shards: Shards | None = None,
) -> None:
    """
    Keep a bot connected until cancelled; return only when Discord refuses the token.

    Each attempt has a bot of its own. Without `shards` it has as many as Discord asks for. When Discord grants no
    message-content intent, the log says so and the bot goes on without it: slash commands and mentions still work.
    """
    pause_seconds, given = FIRST_PAUSE_SECONDS, shards is not None
    while True:
        on_state(DiscordState.CONNECTING)
        bot = make_bot(message_content, shards)
        _report_from(bot, on_state)
        try:
            await _run(bot, token, on_state, ask=not given)
        except _OtherShardsError as error:
            log.info("%s", error)
            shards = error.shards
            continue
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
        logged_in = bot.user is not None
        on_state(DiscordState.DISCONNECTED)
        await asyncio.sleep(pause_seconds * (1 + secrets.randbelow(250) / 1000))
        pause_seconds = FIRST_PAUSE_SECONDS if logged_in else min(MAX_PAUSE_SECONDS, 2 * pause_seconds)
    log.error("Discord refuses the token: set a new DISCORD_TOKEN and start again; everything else goes on")
    on_state(DiscordState.REFUSED)


class _OtherShardsError(Exception):
    """Discord asks for another number of connections than this bot has."""

    def __init__(self, shards: Shards | None) -> None:
        self.shards = shards
        super().__init__(f"Discord asks for {'one connection' if shards is None else f'shards {shards}'}")


async def _require_asked_for(bot: QuotaBot) -> None:
    """
    Ask how many connections the bot should have, and refuse it when it has another number.

    https://docs.discord.com/developers/events/gateway#get-gateway-bot
    """
    try:
        # Nothing public asks for it without a client of the sharded kind.
        count, _, _ = await bot.http.get_bot_gateway()
    except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
        log.warning("Discord does not say how many connections it wants: %r", error)
        return
    if count != (bot.shard_count or 1):
        raise _OtherShardsError(None if count <= 1 else Shards.all_of(count))


async def _run(bot: QuotaBot, token: str, on_state: OnState, *, ask: bool) -> None:
    """Log in and stay connected until that ends; with `ask`, Discord says by how many connections."""
    async with bot:
        await bot.login(token)
        on_state(DiscordState.LOGGED_IN)
        log.info("invite the bot: %s", bot.invite_url())
        if ask:
            await _require_asked_for(bot)
        await _connect(bot)


async def _connect(bot: QuotaBot) -> None:
    """Stay connected until that ends, or until a REST call finds the token refused."""
    sockets = _Sockets(bot)
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
        await sockets.close()


class _Sockets:
    """The web sockets of a bot: discord.py forgets that of a handshake that was cut off, and never closes it."""

    def __init__(self, bot: QuotaBot) -> None:
        self._open = bot.http.ws_connect
        self._opened: WeakSet[aiohttp.ClientWebSocketResponse] = WeakSet()
        bot.http.ws_connect = self._remember  # type: ignore[method-assign]  # nothing public shows its sockets

    async def _remember(self, url: str, *, compress: int = 0) -> aiohttp.ClientWebSocketResponse:
        socket = await self._open(url, compress=compress)
        self._opened.add(socket)
        return socket

    async def close(self) -> None:
        """Close those that are open; one whose other side is silent is cut off."""
        for socket in tuple(self._opened):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOST_CANCEL_SECONDS):
                    await socket.close()


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
    """Report what the gateway of `bot` goes through; with several connections, it is there once all are."""
    missing = set(bot.shard_ids or []) if isinstance(bot, ShardedQuotaBot) else {0}

    async def there(shard: int = 0) -> None:
        missing.discard(shard)
        if not missing:
            on_state(DiscordState.CONNECTED)

    async def gone(shard: int = 0) -> None:
        missing.add(shard)
        on_state(DiscordState.DISCONNECTED)

    kind = "shard_" if isinstance(bot, ShardedQuotaBot) else ""
    bot.add_listener(there, f"on_{kind}connect")
    bot.add_listener(there, f"on_{kind}resumed")
    bot.add_listener(gone, f"on_{kind}disconnect")
