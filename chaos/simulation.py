"""
The core and its senders in virtual time: days of trading, outages, crashes and turned clocks in a second.

What is simulated: the whole core on a real SQLite file that is driven inline (no thread), with latencies, refusals
and lost answers; Stripe's deliveries with their back-off, Discord with every outcome of a message, holds that end
by themselves. What is not: sockets, discord.py, aiohttp and the bot's own sender, which other stages run for real.
The same seed gives the same ledger, entry by entry.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import ledger_file
from chaos import scripts
from chaos.birth import Birth
from chaos.life import Life
from chaos.outside import Lines
from chaos.storm import sqlite_in
from chaos.tally import Tally
from chaos.virtual_time import VirtualLoop, WallClock, decided_by
from quota_core.errors import UnavailableError
from quota_core.sqlite_connection import connect
from quota_core.sqlite_database import SqliteDatabase

T = TypeVar("T")
BEGIN_MS = 1_795_996_800_000
BACKOFF_SECONDS = (1, 5, 30, 120, 600, 3600, 3600, 7200)
ACTORS, PAUSE_SECONDS, LIFE_SECONDS = 5, 240.0, 7200.0
WORK = ("spend", "grant", "buy", "hold", "late", "keys")
FAULTS = (
    *("simulated crash", "simulated refusal by the database", "simulated answer that got lost"),
    *("simulated clock step", "simulated trouble with Discord"),
)


class InlineDatabase(SqliteDatabase):
    """The product's own SQLite engine without its thread: work runs at once, and takes virtual time."""

    def __init__(self, path: Path, random: Random, tally: Tally) -> None:
        super().__init__(path)
        self._random = random
        self._tally = tally
        self._raw: sqlite3.Connection
        self.troubled = False

    async def open(self) -> None:
        """Open the file."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.touch(mode=0o600)
        self._raw = connect(self._path)

    async def close(self) -> None:
        """Close the file."""
        self._raw.close()

    def _reopen(self) -> sqlite3.Connection:
        self._raw.close()
        self._raw = connect(self._path)
        self._lost = False
        return self._raw

    async def _in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        random = self._random
        if self.troubled and random.random() < 0.05:
            self._tally.faults["simulated refusal by the database"] += 1
            self._forget()
            raise UnavailableError("refused on purpose")
        result = function(self._raw, *arguments)
        await asyncio.sleep(random.uniform(0.0005, 0.02))
        if self.troubled and random.random() < 0.03:
            self._tally.faults["simulated answer that got lost"] += 1
            self._forget()
            raise UnavailableError("lost on purpose: it is committed, or not")
        return result


class SimulatedLife(Life):
    """A process in virtual time: several people, one sender, one Stripe, and whatever goes wrong."""

    def __init__(self, birth: Birth, clock: WallClock, tally: Tally) -> None:
        super().__init__(birth)
        self._clock = clock
        self._tally = tally

    async def trade(self) -> None:
        """Do business until cancelled, which is a crash."""
        async with self._opened():
            await self._check_the_past()
            database = self.ledger.database
            assert isinstance(database, InlineDatabase)
            database.troubled = True
            await self.go_on(self.birth.before)
            async with asyncio.TaskGroup() as group:
                for _ in range(ACTORS):
                    group.create_task(self._act())
                group.create_task(self._send())
                group.create_task(self._be_stripe())
                group.create_task(self._turn_clock())
                group.create_task(self.core.quota.holds.end_in_time())

    async def rest(self) -> None:
        """Heal: ask again, deliver what is left, wait until all is told, and compare everything."""
        async with self._opened():
            await self._check_the_past()
            await self.go_on(self.birth.before)
            await scripts.SCRIPTS["check"](self)

    async def _act(self) -> None:
        while True:
            await asyncio.sleep(self.random.expovariate(1 / PAUSE_SECONDS))
            await self.attempt(scripts.SCRIPTS[self.random.choice(WORK)](self))

    async def _be_stripe(self) -> None:
        for _ in range(10_000):
            for session in self.till.owed:
                await self.attempt(self.deliver(session))
            await asyncio.sleep(self.random.choice(BACKOFF_SECONDS))

    async def _turn_clock(self) -> None:
        while True:
            await asyncio.sleep(self.random.uniform(600, 5000))
            self._clock.skew_ms = self.random.choice((0, -1000, 1000, -3_600_000, 3_600_000))
            self._tally.faults["simulated clock step"] += 1

    async def _send(self) -> None:
        """Send what is owed, as the bot's sender does, to a Discord that takes it, loses it, or refuses it."""
        notices = self.core.notices
        wake = notices.wake.of("dm")
        while True:
            wake.clear()
            with contextlib.suppress(UnavailableError, TimeoutError):
                notice = await notices.claim()
                if notice is None:
                    async with asyncio.timeout(notices.poll_seconds):
                        await wake.wait()
                    continue
                outcome = self.random.random()
                if outcome < 0.85:
                    self.outside.discord.add(t="post", nonce=notice.nonce, notice=notice.id)
                if outcome < 0.7:
                    await notices.sent(notice)
                    continue
                self._tally.faults["simulated trouble with Discord"] += 1
                if outcome < 0.95:
                    await notices.try_later(notice, "on purpose")
                else:
                    await notices.keep(notice, "closed on purpose")


@contextlib.contextmanager
def _inline(random: Random, tally: Tally) -> Iterator[None]:
    """Let ledgers be opened on the inline engine within the block."""
    module: Any = ledger_file  # it opens what its own name says
    true = module.sqlite_database
    module.sqlite_database = lambda path: InlineDatabase(path, random, tally)
    try:
        yield
    finally:
        module.sqlite_database = true


def simulate(folder: Path, seed: int, lives: int) -> tuple[Tally, str]:
    """Simulate some lives; return what was found, and a digest of the ledger."""
    tally, random, loop = Tally(), Random(seed), VirtualLoop()
    clock = WallClock(loop, begin_ms=BEGIN_MS)
    folder.mkdir(parents=True)
    try:
        asyncio.set_event_loop(loop)
        with decided_by(Random(seed), clock), _inline(Random(seed + 1), tally):
            digest = loop.run_until_complete(_scenario(folder, random, clock, tally, lives))
            loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    tally.figures["virtual hours"] = f"{loop.time() / 3600:.1f}"
    _read(folder, tally, seed)
    return tally, digest


async def _scenario(folder: Path, random: Random, clock: WallClock, tally: Tally, lives: int) -> str:
    before: list[int] = []
    for number in range(1, lives + 1):
        birth = _birth(folder, number, random, before)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(random.uniform(60, LIFE_SECONDS)):
                await SimulatedLife(birth, clock, tally).trade()
        tally.faults["simulated crash"] += 1
        before = [*before, number]
    clock.skew_ms = 0
    last = SimulatedLife(_birth(folder, lives + 1, random, before), clock, tally)
    await last.rest()
    raw = connect(last.settings.database_path(folder / "data"))
    try:
        rows = raw.execute("SELECT account, version, kind, units, parts, at_ms, key FROM entries").fetchall()
    finally:
        raw.close()
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def _birth(folder: Path, number: int, random: Random, before: list[int]) -> Birth:
    return Birth(
        number=number,
        folder=str(folder),
        database=sqlite_in(folder),
        seed=random.randrange(2**32),
        scripts=[],
        before=before,
        batch=8,
    )


def _read(folder: Path, tally: Tally, seed: int) -> None:
    checked = 0
    for file in sorted(folder.glob("life-*.jsonl")):
        for line in Lines(file).read():
            if line["t"] == "wrong":
                tally.found["lost"] += line["lost"]
                tally.found["drifted"] += line["problems"]
            elif line["t"] == "checked":
                checked += 1
                tally.acknowledged += line["acknowledged"]
                for kind in tally.found:
                    tally.found[kind] += [f"simulation {seed}: {text}" for text in line[kind]]
    if checked != 1:
        tally.found["drifted"].append(f"simulation {seed} was not checked")
