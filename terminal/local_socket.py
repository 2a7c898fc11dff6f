"""
The way to the running process: a socket file in the data folder that only its owner can open.

The process that runs owns the database alone, so every command that needs it is run there. One JSON object in,
lines out: `{"line": …}` any number of times, then `{"exit": …}`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from terminal.desk import Desk, Tell

log = logging.getLogger(__name__)

NAME = "jauge.sock"
MAX_PATH_BYTES = 100  # the kernel takes 107; a longer data folder cannot hold the socket
MAX_REQUEST_BYTES = 65_536


def socket_path(data: Path) -> Path | None:
    """Return where the socket stands, None where there can be none (Windows, or a very long path)."""
    path = (data / NAME).resolve()
    return None if sys.platform == "win32" or len(bytes(path)) > MAX_PATH_BYTES else path


@contextlib.asynccontextmanager
async def serve(desk: Desk, data: Path) -> AsyncIterator[None]:
    """Answer commands until the block ends; without a place for the socket, do nothing but say so."""
    path = socket_path(data)
    if path is None:
        log.warning("no local socket here: stop the bot before you use commands that need the ledger")
        yield
        return
    path.unlink(missing_ok=True)  # left by a process that was killed; the database's lock tells who lives

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await _answer(desk, reader, writer)
        writer.close()

    server = await asyncio.start_unix_server(answer, path, limit=MAX_REQUEST_BYTES)
    path.chmod(0o600)
    try:
        yield
    finally:
        server.close()
        path.unlink(missing_ok=True)


async def _answer(desk: Desk, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    def say(fact: dict[str, object]) -> None:
        writer.write(json.dumps(fact).encode() + b"\n")

    try:
        request = json.loads(await reader.readline())
        code = await desk.do(request["command"], request["options"], lambda line: say({"line": line}))
    except Exception as error:
        log.exception("a command failed")
        say({"line": f"failed: {error}"})
        code = 1
    say({"exit": code})
    await writer.drain()


async def ask(data: Path, command: str, options: Mapping[str, Any], tell: Tell) -> int | None:
    """Have the running process do a command; None when no process listens."""
    path = socket_path(data)
    if path is None:
        return None
    try:
        reader, writer = await asyncio.open_unix_connection(path)
    except (FileNotFoundError, ConnectionRefusedError):
        return None
    try:
        writer.write(json.dumps({"command": command, "options": dict(options)}).encode() + b"\n")
        await writer.drain()
        async for line in reader:
            fact = json.loads(line)
            if "exit" in fact:
                return int(fact["exit"])
            tell(fact["line"])
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    tell("the bot stopped before it had answered")
    return 1
