"""
How far long work has come: a bar on a terminal, elsewhere a line every few seconds.

Work only says `Progress`; who shows it decides how often and in which form.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TextIO

LINE_SECONDS = 5.0
BAR_SECONDS = 0.1  # more often is flicker
BAR_WIDTH = 24
_MIN_COLUMNS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """`done` of `total` things (`unit` in the plural) in a stage of the work; `total` None: nobody knows."""

    stage: str
    unit: str
    done: int
    total: int | None = None

    @property
    def part(self) -> float | None:
        """How much is done, 0 to 1; None when the total is not known."""
        if not self.total:
            return None
        return min(1.0, self.done / self.total)

    def __str__(self) -> str:
        if self.part is None:
            return f"{self.stage}: {self.done:,} {self.unit}"
        return f"{self.stage}: {self.part:.0%}, {self.done:,} of {self.total:,} {self.unit}"


class Meter(Protocol):
    """Shows progress; `clear` makes room for other lines and is called before each."""

    def show(self, progress: Progress) -> None:
        """Show how far it is, unless that was done a moment ago."""
        ...

    def clear(self) -> None:
        """Take away what is on the screen."""
        ...


class Bar:
    """One line of a terminal, drawn again and again."""

    def __init__(
        self,
        stream: TextIO,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        columns: Callable[[], int] = lambda: shutil.get_terminal_size().columns,
    ) -> None:
        self._stream = stream
        self._monotonic = monotonic
        self._columns = columns
        self._stage = ""
        self._stage_seconds = 0.0
        self._drawn_seconds = 0.0
        self._drawn = False

    def show(self, progress: Progress) -> None:
        """Draw the bar, at most ten times a second; a new stage and the end of one always."""
        now_seconds = self._monotonic()
        if progress.stage != self._stage:
            self._stage, self._stage_seconds = progress.stage, now_seconds
        elif now_seconds - self._drawn_seconds < BAR_SECONDS and progress.part != 1:
            return
        self._drawn_seconds, self._drawn = now_seconds, True
        text = self._text(progress, now_seconds - self._stage_seconds)
        # One column stays free: a terminal that wraps at its edge would keep every drawing.
        self._stream.write(f"\r{text[: max(_MIN_COLUMNS, self._columns()) - 1]}\x1b[K")
        self._stream.flush()

    def _text(self, progress: Progress, seconds: float) -> str:
        rate = round(progress.done / seconds) if seconds >= 1 else 0
        speed = f", {rate:,} a second" if rate else ""
        if progress.part is None:
            return f"{progress}{speed}"
        full = round(progress.part * BAR_WIDTH)
        text = f"[{'#' * full}{'.' * (BAR_WIDTH - full)}] {progress}{speed}"
        if 0 < progress.part < 1 and seconds >= 1:
            left_seconds = round(seconds / progress.part - seconds)
            text += f", {left_seconds // 60}:{left_seconds % 60:02} left"
        return text

    def clear(self) -> None:
        """Empty the line."""
        if self._drawn:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._drawn = False


class EverySeconds:
    """A line from time to time, for a log or a file; work that is soon over says nothing."""

    def __init__(
        self,
        say: Callable[[str], None],
        *,
        every_seconds: float = LINE_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._say = say
        self._every_seconds = every_seconds
        self._monotonic = monotonic
        self._said_seconds = monotonic()

    def show(self, progress: Progress) -> None:
        """Say how far it is, when the last line is old enough."""
        now_seconds = self._monotonic()
        if now_seconds - self._said_seconds >= self._every_seconds:
            self._said_seconds = now_seconds
            self._say(str(progress))

    def clear(self) -> None:
        """Leave what was said."""


def meter_on(stream: TextIO) -> Meter:
    """Return a bar when the stream is a terminal, lines otherwise."""
    if stream.isatty():
        return Bar(stream)
    return EverySeconds(lambda line: print(line, file=stream, flush=True))
