"""What is asked of the ledger, and what each answer must reach."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Sense(Enum):
    """Which side of a limit is good."""

    AT_LEAST = "≥"
    AT_MOST = "≤"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """
    One question.

    Attributes:
        text: what is measured, in one line; names the question in the results.
        sense, limit: what it must reach. Without a `unit` the limit is a ratio against the baseline.
        unit: of an absolute limit; the ratio is then measured ÷ limit and must be at most 1.
        baseline: what it is compared with.

    """

    text: str
    sense: Sense
    limit: float
    baseline: str
    unit: str = ""

    def __post_init__(self) -> None:
        assert self.limit > 0
        assert not self.unit or self.sense is Sense.AT_MOST, "an absolute limit is an upper one"

    @property
    def must(self) -> str:
        """The limit as people read it."""
        return f"{self.sense.value} {self.limit:g}{f' {self.unit}' if self.unit else ' ×'}"  # noqa: RUF001 - the sign of ratios

    def ratio(self, measured: float) -> float:
        """Return the ratio that is recorded for a measured value: itself, or its share of an absolute limit."""
        return measured / self.limit if self.unit else measured

    def met(self, measured: float) -> bool:
        """Tell whether a measured value, rounded by nobody, is good enough."""
        return measured >= self.limit if self.sense is Sense.AT_LEAST else measured <= self.limit


def at_least(limit: float, text: str, baseline: str) -> Question:
    """Return a question whose ratio must be at least `limit`."""
    return Question(text=text, sense=Sense.AT_LEAST, limit=limit, baseline=baseline)


def at_most(limit: float, text: str, baseline: str, unit: str = "") -> Question:
    """Return a question whose ratio (or measured value, with a unit) must be at most `limit`."""
    return Question(text=text, sense=Sense.AT_MOST, limit=limit, baseline=baseline, unit=unit)


NAIVE, RAW, BARE = "naive", "raw", "bare"

CONSUME_64_NAIVE = at_least(20, "consume, 64 at once, against naive", NAIVE)
CONSUME_64_RAW = at_least(0.6, "consume, 64 at once, against raw", RAW)
CONSUME_1024_NAIVE = at_least(40, "consume, 1 024 at once, against naive", NAIVE)
CONSUME_1024_RAW = at_least(1.0, "consume, 1 024 at once, against raw", RAW)
ONE_AT_A_TIME = at_most(0.7, "one at a time, median latency", NAIVE)
TAIL = at_most(3, "64 at once, 99th percentile ÷ median, with 200 000 keys remembered", "its own median")
GROWTH = at_least(0.85, "a ledger of 5 million entries against an empty one", "an empty ledger")
SIZE = at_most(110, "file bytes per entry at 5 million entries", "none", "bytes")
HTTP_BARE = at_least(0.40, "consume over HTTP, 64 connections, against bare", BARE)
HTTP_NAIVE = at_least(10, "consume over HTTP, 64 connections, against naive behind the same route", NAIVE)
HTTP_BATCH = at_least(2.5, "batch endpoint, 100 per request: consumes/s ÷ bare requests/s", BARE)
LOOP_LAG = at_most(20, "event-loop lag while 64 consumers run, 99th percentile", "none", "ms")
DISCORD_COMMAND = at_most(1.6, "CPU of one !quota through discord.py", "a constant embed with three buttons")
DISCORD_IGNORED = at_most(1.2, "CPU of an ignored message", "discord.py alone")
START = at_most(3, "start on a ledger of 5 million entries, to the ready line", "none", "s")
POSTGRES_64 = at_least(2.0, "PostgreSQL: one process, 64 at once", "pgbench -N, 8 clients")
POSTGRES_1024 = at_least(3.5, "PostgreSQL: one process, 1 024 at once", "pgbench -N, 8 clients")
POSTGRES_TWO = at_least(1.0, "PostgreSQL: two processes against one, different accounts", "one process")
POSTGRES_TWO_CPU = at_most(1.2, "PostgreSQL: CPU per decision of two processes against one", "one process")
POSTGRES_HOT = at_least(0.5, "PostgreSQL: all processes on one hot account", "the accounts spread")

QUESTIONS = (
    CONSUME_64_NAIVE,
    CONSUME_64_RAW,
    CONSUME_1024_NAIVE,
    CONSUME_1024_RAW,
    ONE_AT_A_TIME,
    TAIL,
    GROWTH,
    SIZE,
    HTTP_BARE,
    HTTP_NAIVE,
    HTTP_BATCH,
    LOOP_LAG,
    DISCORD_COMMAND,
    DISCORD_IGNORED,
    START,
    POSTGRES_64,
    POSTGRES_1024,
    POSTGRES_TWO,
    POSTGRES_TWO_CPU,
    POSTGRES_HOT,
)
