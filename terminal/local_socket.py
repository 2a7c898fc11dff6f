"""
The way to the running process: a socket file in the data folder that only its owner can open.

The process that runs owns the database alone, so every command that needs it is run there. One JSON object in,
`{"command": …, "options": {…}}`; objects out, a line each: any number of `{"line": …}` (the answer), `{"note": …}`
(beside it), `{"output": …}` (a piece of output) and `{"progress": {…}}`, then `{"exit": …}`. Whoever ends its side
before that wants no answer any more: the command is cancelled, and the exit code is 130.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from terminal.desk import Desk
from terminal.progress import Progress
from terminal.reply import Reply, Tell, reply_to

log = logging.getLogger(__name__)

NAME = "jauge.sock"
MAX_PATH_BYTES = 100  # the kernel takes 107; a longer data folder cannot hold the socket
MAX_REQUEST_BYTES = 65_536
PIECE_CHARACTERS = 100_000
MAX_ANSWER_BYTES = 2**20  # a piece in JSON takes six bytes a character at worst
CANCELLED = 130
CANCEL_SECONDS = 10.0
PROGRESS_SECONDS = 0.1


def socket_path(data: Path) -> Path | None:
    """Return where the socket stands, None where there can be none (Windows, or a very long path)."""
    path = (data / NAME).resolve()
    return None if sys.platform == "win32" or len(bytes(path)) > MAX_PATH_BYTES else path


@contextlib.asynccontextmanager
async def serve(desk: Desk, data: Path) -> AsyncIterator[None]:
    """
    Answer commands until the block ends, then cancel those under way.

    Without a place for the socket, do nothing but say so.
    """
    path = socket_path(data)
    if path is None:
        log.warning("no local socket here: stop the bot before you use commands that need the ledger")
        yield
        return
    path.unlink(missing_ok=True)  # left by a process that was killed; the database's lock tells who lives
    answers: set[asyncio.Task[None]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        answers.add(task)
        try:
            with contextlib.suppress(ConnectionError):
                await _answer(desk, reader, writer)
        except asyncio.CancelledError:
            log.info("a command was cut off, since the process stops")
        finally:
            answers.discard(task)
            writer.close()

    server = await asyncio.start_unix_server(answer, path, limit=MAX_REQUEST_BYTES)
    path.chmod(0o600)
    try:
        yield
    finally:
        server.close()
        path.unlink(missing_ok=True)
        for task in answers:
            task.cancel()
        await asyncio.gather(*answers, return_exceptions=True)


class _Wire:
    """A reply that goes through the socket."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._stage = ""
        self._shown_seconds = 0.0

    def say(self, **fact: object) -> None:
        self._writer.write(json.dumps(fact).encode() + b"\n")

    def tell(self, line: str) -> None:
        self.say(line=line)

    def note(self, line: str) -> None:
        self.say(note=line)

    def step(self, progress: Progress) -> None:
        now_seconds = asyncio.get_running_loop().time()
        new = progress.stage != self._stage or progress.part == 1
        # What nobody reads is not heaped up: the next step says more than the last.
        if self._writer.transport.get_write_buffer_size() == 0 and (
            new or now_seconds - self._shown_seconds >= PROGRESS_SECONDS
        ):
            self._stage, self._shown_seconds = progress.stage, now_seconds
            self.say(progress=asdict(progress))

    async def write(self, text: str) -> None:
        for start in range(0, len(text), PIECE_CHARACTERS):
            self.say(output=text[start : start + PIECE_CHARACTERS])
            await self._writer.drain()


async def _answer(desk: Desk, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    wire = _Wire(writer)
    try:
        request = json.loads(await reader.readline())
        work = asyncio.create_task(desk.do(request["command"], request["options"], wire))
        code = await _unless_gone(work, reader)
    except ConnectionError:
        raise
    except Exception as error:
        log.exception("a command failed")
        wire.tell(f"failed: {error}")
        code = 1
    wire.say(exit=code)
    await writer.drain()


async def _unless_gone(work: asyncio.Task[int], reader: asyncio.StreamReader) -> int:
    """Return what the work returns; cancel it when the other side is gone."""
    gone = asyncio.create_task(reader.read(1))
    try:
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            work.cancel()
            await asyncio.wait({work})
        return CANCELLED if work.cancelled() else work.result()
    finally:
        for task in (work, gone):
            task.cancel()
        await asyncio.gather(work, gone, return_exceptions=True)


async def ask(data: Path, command: str, options: Mapping[str, Any], reply: Reply | Tell) -> int | None:
    """
    Have the running process do a command; None when no process listens.

    A caller that is cancelled waits (ten seconds at most) until the command was put away there.
    """
    path = socket_path(data)
    if path is None:
        return None
    try:
        reader, writer = await asyncio.open_unix_connection(path, limit=MAX_ANSWER_BYTES)
    except (FileNotFoundError, ConnectionRefusedError):
        return None
    reply = reply_to(reply)
    try:
        writer.write(json.dumps({"command": command, "options": dict(options)}).encode() + b"\n")
        await writer.drain()
        code = await _hear(reader, reply)
    except ConnectionError:
        code = None
    except BaseException:
        with contextlib.suppress(ConnectionError, TimeoutError):
            writer.write_eof()
            async with asyncio.timeout(CANCEL_SECONDS):
                while await reader.read(MAX_ANSWER_BYTES):
                    pass
        raise
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    if code is None:
        reply.tell("the bot stopped before it had answered")
    return 1 if code is None else code


async def _hear(reader: asyncio.StreamReader, reply: Reply) -> int | None:
    async for line in reader:
        match json.loads(line):
            case {"exit": code}:
                return int(code)
            case {"line": text}:
                reply.tell(text)
            case {"note": text}:
                reply.note(text)
            case {"output": text}:
                await reply.write(text)
            case {"progress": facts}:
                reply.step(Progress(**facts))
    return None
