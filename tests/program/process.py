"""The program as a process of its own: started, listened to, sent signals, and never left behind."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

PROGRAM = Path(__file__).parents[2] / "bot.py"
PATIENCE_SECONDS = 300  # how long nobody waits who waits for something that comes
# What Python and the libraries read by themselves; nothing of the caller's own settings gets in.
KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "SYSTEMROOT")


class Lines:
    """The lines that a stream brought so far; a test waits for the one it wants."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self._ended = False
        self._news = asyncio.Condition()

    async def read(self, stream: asyncio.StreamReader) -> None:
        """Take every line until the stream ends."""
        async for line in stream:
            async with self._news:
                self.all.append(line.decode().rstrip("\n"))
                self._news.notify_all()
        async with self._news:
            self._ended = True
            self._news.notify_all()

    async def first(self, pattern: str, *, after: int = 0) -> str:
        """Return the first line from number `after` on in which `pattern` is found, as soon as it is there."""
        seen = after
        async with asyncio.timeout(PATIENCE_SECONDS), self._news:
            while True:
                for line in self.all[seen:]:
                    if re.search(pattern, line):
                        return line
                seen = len(self.all)
                if self._ended:
                    raise AssertionError(f"no line {pattern!r} in:\n{self}")
                await self._news.wait()

    def __str__(self) -> str:
        return "\n".join(self.all)


class Program:
    """
    `python bot.py …`, running within its block; killed at its end if it still runs.

    Args:
        arguments: of the command line.
        settings: the environment, beside what every process needs.
        cwd: an empty folder, so that no `.env` of this machine is read.

    """

    def __init__(self, *arguments: str, settings: Mapping[str, str], cwd: Path) -> None:
        self._arguments = arguments
        self._settings = settings
        self._cwd = cwd
        self._process: asyncio.subprocess.Process | None = None
        self._readers: list[asyncio.Task[None]] = []
        self.out = Lines()
        self.log = Lines()

    async def __aenter__(self) -> Self:
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(PROGRAM),
            *self._arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=kept | dict(self._settings),
            cwd=self._cwd,
        )
        for lines, stream in ((self.out, self._process.stdout), (self.log, self._process.stderr)):
            assert stream is not None
            self._readers.append(asyncio.create_task(lines.read(stream)))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.kill()
        await self.ended()

    def signal(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send the process a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    async def ended(self) -> int:
        """Wait until the process ended and all it wrote was read; return its exit code."""
        assert self._process is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            code = await self._process.wait()
            await asyncio.gather(*self._readers)
        return code

    async def stop(self) -> int:
        """Ask for an orderly end and return the exit code."""
        self.signal()
        return await self.ended()

    async def ready(self) -> dict[str, str]:
        """Wait for the line that says that everything listens, and return its parts."""
        line = await self.out.first(r"^ready ")
        return dict(part.split("=", 1) for part in line.split()[1:])


async def finished(*arguments: str, settings: Mapping[str, str], cwd: Path) -> tuple[int, str, str]:
    """Run a command to its end; return its exit code and what it wrote to standard output and error."""
    async with Program(*arguments, settings=settings, cwd=cwd) as program:
        code = await program.ended()
        return code, str(program.out), str(program.log)
