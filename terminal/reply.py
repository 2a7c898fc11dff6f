"""
What a command gives back while it works: lines, remarks, progress, and output that may be longer than memory.

The same command answers to a terminal, through the local socket, or to a function that takes lines.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TextIO

from terminal.progress import Meter, Progress

Tell = Callable[[str], None]


class ReaderGoneError(Exception):
    """Whoever read the answer closed it, as `head` does; there is nobody left to tell."""


class Reply(Protocol):
    """Where a command's answer goes."""

    def tell(self, line: str) -> None:
        """Give a line of the answer."""
        ...

    def note(self, line: str) -> None:
        """Say something beside the answer, which must not get between lines of output."""
        ...

    def step(self, progress: Progress) -> None:
        """Say how far the work is; call it as often as you like."""
        ...

    async def write(self, text: str) -> None:
        """Give a piece of output and wait until there is room for the next."""
        ...


class OnlyLines:
    """A reply to whoever takes lines alone; progress is left out."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell

    def tell(self, line: str) -> None:
        """Hand the line on."""
        self._tell(line)

    def note(self, line: str) -> None:
        """Hand the remark on as a line."""
        self._tell(line)

    def step(self, progress: Progress) -> None:
        """Leave it out."""

    async def write(self, text: str) -> None:
        """Hand on each line of the output."""
        for line in text.splitlines():
            self._tell(line)


class Console:
    """
    A reply to a person or a pipe: the answer and output on `out`, remarks on `err`, progress on `meter`.

    `output` takes the pieces of output instead of `out`, when they go to a file.
    """

    def __init__(self, out: TextIO, err: TextIO, meter: Meter, *, output: TextIO | None = None) -> None:
        self._out = out
        self._err = err
        self._meter = meter
        self._output = out if output is None else output

    def tell(self, line: str) -> None:
        """Print the line."""
        self._meter.clear()
        self._put(f"{line}\n", self._out)

    def note(self, line: str) -> None:
        """Print the remark beside the answer."""
        self._meter.clear()
        print(line, file=self._err, flush=True)

    def step(self, progress: Progress) -> None:
        """Show how far it is."""
        self._meter.show(progress)

    async def write(self, text: str) -> None:
        """Write the piece; a slow reader makes the work wait."""
        if self._output.isatty():
            self._meter.clear()
        self._put(text, self._output)

    def _put(self, text: str, stream: TextIO) -> None:
        try:
            stream.write(text)
            stream.flush()
        except BrokenPipeError as error:
            raise ReaderGoneError from error


def reply_to(listener: Reply | Tell) -> Reply:
    """Return a reply that goes to the listener, which may be a function that takes lines."""
    return OnlyLines(listener) if callable(listener) else listener
