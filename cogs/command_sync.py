"""
Registering slash commands with Discord only when they changed: it takes 200 registrations a day.

What Discord holds is asked first, since a registration can be lost on its side too.
"""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path
from typing import Any, Protocol

import discord
from discord import app_commands

log = logging.getLogger(__name__)


class Marks(Protocol):
    """Where the digest of what was registered is remembered between starts."""

    async def remembered(self) -> str | None:
        """Return what was remembered last, None when nothing was."""
        ...

    async def remember(self, mark: str) -> None:
        """Remember a digest in the place of the last one."""
        ...


class MarksInMemory:
    """Remembers until the process ends."""

    def __init__(self) -> None:
        self._mark: str | None = None

    async def remembered(self) -> str | None:
        """Return what was remembered last, None when nothing was."""
        return self._mark

    async def remember(self, mark: str) -> None:
        """Remember a digest in the place of the last one."""
        self._mark = mark


class MarksInFile:
    """Remembers in a small file, from one start to the next."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def remembered(self) -> str | None:
        """Return what was remembered last, None when nothing was."""
        try:
            return self._path.read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError):
            return None

    async def remember(self, mark: str) -> None:
        """Remember a digest in the place of the last one; without it, commands are just registered again."""
        try:
            self._path.write_text(mark, encoding="ascii")
        except OSError as error:
            log.warning("could not remember which commands are registered: %s", error)


async def sync_when_changed(tree: app_commands.CommandTree[Any], marks: Marks) -> bool:
    """
    Register the global commands unless Discord holds exactly these, and tell whether that was needed.

    Raises:
        discord.DiscordException: Discord refused, or cannot be reached.

    """
    translator = tree.translator
    commands = tree.get_commands(type=None)
    payload = [
        command.to_dict(tree)
        if translator is None
        else await command.get_translated_payload(tree, translator)
        for command in commands
    ]
    text = json.dumps([tree.client.application_id, payload], sort_keys=True)
    mark = hashlib.sha256(text.encode()).hexdigest()
    if mark == await marks.remembered() and await _holds(tree, {command.name for command in commands}):
        return False
    await tree.sync()
    await marks.remember(mark)
    log.info("registered %d slash commands", len(commands))
    return True


async def _holds(tree: app_commands.CommandTree[Any], names: set[str]) -> bool:
    try:
        return {command.name for command in await tree.fetch_commands()} == names
    except discord.HTTPException as error:
        log.warning("could not ask which commands are registered: %s", error)
        return True
