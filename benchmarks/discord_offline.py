# ruff: noqa: SLF001 - nothing public lies between a client and its sockets
"""
discord.py without a network: the gateway's texts go in where a socket's would, REST calls are answered in memory.

All of discord.py is real but its two sockets: decoding, parsing, dispatch, commands, rate limits, the message that
comes back.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from typing import Any

import discord
from discord.ext import commands
from discord.gateway import DiscordWebSocket

GUILD_ID, CHANNEL_ID, BOT_ID, FIRST_MESSAGE_ID = 1 << 60, 2 << 60, 3 << 60, 4 << 60
SENT_AT = "2026-11-20T12:00:00.000000+00:00"
_BOT_USER = {"id": str(BOT_ID), "username": "jauge", "discriminator": "0", "avatar": None, "bot": True}
_CHANNEL = {
    "id": str(CHANNEL_ID),
    "type": 0,
    "name": "general",
    "position": 0,
    "permission_overwrites": [],
    "nsfw": False,
    "parent_id": None,
}
_GUILD = {
    "id": str(GUILD_ID),
    "name": "Bench",
    "owner_id": str(FIRST_MESSAGE_ID),
    "preferred_locale": "en-US",
    "features": [],
    "emojis": [],
    "stickers": [],
    "channels": [_CHANNEL],
    "threads": [],
    "presences": [],
    "voice_states": [],
    "member_count": 2,
    "roles": [
        {
            "id": str(GUILD_ID),
            "name": "@everyone",
            "permissions": "2248473465835073",
            "position": 0,
            "color": 0,
            "hoist": False,
            "managed": False,
            "mentionable": False,
            "flags": 0,
        }
    ],
    "members": [
        {"user": _BOT_USER, "roles": [], "joined_at": SENT_AT, "deaf": False, "mute": False, "flags": 0}
    ],
}


class Wire:
    """Takes the place of discord.py's HTTP session: answers every message that is sent, and counts it."""

    def __init__(self) -> None:
        self.answered = asyncio.Event()
        self.bodies: list[str] = []
        answer = _message(FIRST_MESSAGE_ID - 1, _BOT_USER, "") | {"embeds": [_EMBED], "components": [_ROW]}
        self._answer = json.dumps(answer)

    def request(self, method: str, url: str, **options: Any) -> _Answer:
        """Answer a call: a message, or nothing for the registration of commands."""
        if method != "POST" or not url.endswith("/messages"):
            return _Answer("[]")
        self.bodies[:] = [options["data"]]
        self.answered.set()
        return _Answer(self._answer)

    async def close(self) -> None:
        """Close nothing."""


class _Answer:
    status = 200
    headers = {"content-type": "application/json"}  # noqa: RUF012 - nobody writes to it

    def __init__(self, text: str) -> None:
        self._text = text

    async def __aenter__(self) -> _Answer:  # noqa: PYI034 - it is final
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def text(self, encoding: str) -> str:
        """Return the body, already decoded."""
        del encoding
        return self._text


class Offline:
    """A bot that is logged in and connected to nothing."""

    def __init__(self, bot: commands.Bot, wire: Wire) -> None:
        self._bot = bot
        self.wire = wire
        self._socket: DiscordWebSocket | None = None

    async def log_in(self) -> None:
        """Do what a login and the arrival of one server do."""
        bot, state = self._bot, self._bot._connection
        await bot._async_setup_hook()
        http: Any = bot.http
        http._HTTPClient__session = self.wire
        http._global_over = asyncio.Event()
        http._global_over.set()
        user: Any = _BOT_USER
        state.user = discord.ClientUser(state=state, data=user)
        state.application_id = BOT_ID
        await bot.setup_hook()
        no_socket: Any = None
        socket: Any = DiscordWebSocket(no_socket, loop=asyncio.get_running_loop())
        socket.shard_id = None
        socket._connection, socket._discord_parsers = state, state.parsers
        socket._dispatch = bot.dispatch
        self._socket = socket
        await socket.received_message(_event("GUILD_CREATE", _GUILD))
        await asyncio.sleep(0.1)  # for the tasks that a new server starts

    async def log_out(self) -> None:
        """Close the bot, as a stop does."""
        await self._bot.close()

    async def answer_all(self, texts: Sequence[str]) -> float:
        """Take in messages that are commands, each after the answer to the last; return CPU seconds for each."""
        assert self._socket is not None
        started = time.process_time()
        for text in texts:
            self.wire.answered.clear()
            await self._socket.received_message(text)
            await self.wire.answered.wait()
        return (time.process_time() - started) / len(texts)

    async def ignore_all(self, texts: Sequence[str]) -> float:
        """Take in messages that nobody answers; return CPU seconds for each."""
        assert self._socket is not None
        started = time.process_time()
        for text in texts:
            await self._socket.received_message(text)
            await asyncio.sleep(0)  # its task begins, and ends
        return (time.process_time() - started) / len(texts)


def messages(content: str, author_ids: Sequence[int], *, first: int) -> list[str]:
    """Return the gateway's texts for one message of each author; `first` numbers them."""
    return [
        _event("MESSAGE_CREATE", _written(FIRST_MESSAGE_ID + first + place, author_id, content))
        for place, author_id in enumerate(author_ids)
    ]


def _written(message_id: int, author_id: int, content: str) -> dict[str, Any]:
    author = {
        "id": str(author_id),
        "username": f"user{author_id}",
        "global_name": "Somebody",
        "discriminator": "0",
        "avatar": None,
        "public_flags": 0,
    }
    member = {"roles": [], "joined_at": SENT_AT, "deaf": False, "mute": False, "flags": 0, "nick": None}
    return _message(message_id, author, content) | {"member": member, "guild_id": str(GUILD_ID)}


def _message(message_id: int, author: dict[str, Any], content: str) -> dict[str, Any]:
    return {
        "id": str(message_id),
        "channel_id": str(CHANNEL_ID),
        "author": author,
        "content": content,
        "timestamp": SENT_AT,
        "edited_timestamp": None,
        "type": 0,
        "flags": 0,
        "tts": False,
        "pinned": False,
        "mention_everyone": False,
        "mentions": [],
        "mention_roles": [],
        "attachments": [],
        "embeds": [],
        "components": [],
    }


def _event(name: str, data: dict[str, Any]) -> str:
    return json.dumps({"t": name, "s": 1, "op": 0, "d": data})


_FIELD = {"name": "Today", "value": "3 of 50", "inline": True}
_EMBED = {
    "type": "rich",
    "title": "Your quota",
    "description": "47 left",
    "color": 5_763_719,
    "fields": [_FIELD],
}
_BUTTONS = [
    {"type": 2, "style": 2, "label": f"Button {place}", "custom_id": f"b{place}"} for place in range(3)
]
_ROW = {"type": 1, "components": _BUTTONS}
