"""A command as a person sees it: its questions and its progress on a real (pseudo) terminal, keys pressed there."""

import asyncio
import os
import pty
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from tests.program.process import KEPT, PATIENCE_SECONDS, PROGRAM


class _Screen(asyncio.Protocol):
    """Collects what is written to a terminal until its other side is closed."""

    def __init__(self) -> None:
        self.text = ""
        self.news = asyncio.Event()
        self.closed = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self.text += data.decode()
        self.news.set()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc  # Linux reports the closing of the other side as an error
        self.closed.set()
        self.news.set()


class Terminal:
    """What the command wrote to the terminal so far, and its keyboard."""

    def __init__(self, process: asyncio.subprocess.Process, screen: _Screen, keys: int) -> None:
        self.process = process
        self._screen = screen
        self._keys = keys

    async def shows(self, pattern: str) -> str:
        """Wait until the text matches, and return the match."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (found := re.search(pattern, self._screen.text)) is None:
                assert not self._screen.closed.is_set(), f"no {pattern!r} in:\n{self._screen.text}"
                self._screen.news.clear()
                await self._screen.news.wait()
        return found[0]

    def press(self, keys: str) -> None:
        """Type on the keyboard."""
        os.write(self._keys, keys.encode())

    def signal(self, number: signal.Signals) -> None:
        """Send the command a signal."""
        self.process.send_signal(number)

    async def ended(self) -> tuple[int, str]:
        """Wait for the end; return the exit code and what was written to standard output."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            out = await self.process.stdout.read()
            code = await self.process.wait()
            await self._screen.closed.wait()
        return code, out.decode()

    @property
    def last_line(self) -> str:
        """The last line on the screen, without what moves the cursor."""
        line = self._screen.text.strip().split("\n")[-1]
        return re.sub(r"\x1b\[K", "", line).split("\r")[-1]


@asynccontextmanager
async def on_terminal(*arguments: str, settings: Mapping[str, str], cwd: Path) -> AsyncIterator[Terminal]:
    """Run `python bot.py …` with a terminal for its input and its errors until the block ends."""
    ours, theirs = pty.openpty()
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *(str(PROGRAM), *arguments),
        stdin=theirs,
        stdout=asyncio.subprocess.PIPE,
        stderr=theirs,
        env=kept | {"TERM": "xterm", "COLUMNS": "100"} | dict(settings),
        cwd=cwd,
        # A session of its own with this terminal, so that Ctrl-C on it is a signal to the command.
        preexec_fn=lambda: _own_terminal(theirs),
    )
    os.close(theirs)
    transport, screen = await asyncio.get_running_loop().connect_read_pipe(
        _Screen, os.fdopen(ours, "rb", buffering=0)
    )
    try:
        yield Terminal(process, screen, ours)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        transport.close()


def _own_terminal(handle: int) -> None:
    os.setsid()
    # TIOCSCTTY makes it the terminal that controls the session.
    import fcntl  # noqa: PLC0415 - not on Windows, where no pseudo terminal is either
    import termios  # noqa: PLC0415 - the same

    fcntl.ioctl(handle, termios.TIOCSCTTY, 0)
