"""Clocks that jump, processes that are frozen beyond their lease, and orderly ends under load."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from chaos.bots import BotStorm
from chaos.outside import Lines
from chaos.raising import nursery
from chaos.storm import Storm, sqlite_in
from chaos.tally import Tally
from chaos.world_facts import roomy_catalog
from tests.postgres_server import PostgresServer
from tests.program.place import opened_place

SECOND_MS, HOUR_MS, DAY_MS = 1000, 3_600_000, 86_400_000
STEPS = {
    "clock 1 s back": -SECOND_MS,
    "clock 1 h back": -HOUR_MS,
    "clock 1 day back": -DAY_MS,
    "clock 1 h ahead": HOUR_MS,
    "clock 10 years ahead": 3650 * DAY_MS,
}
FROZEN, ENDED = "process frozen beyond its lease", "SIGTERM under load"
LEASE_MS, FROZEN_MS = 300, 1500
END_SECONDS = 40.0  # it gives itself nine and a half; a busy machine may need longer to say so
CLAIM_SECONDS = 60.0


class TurnedClocks(Storm):
    """Lives whose clocks were set since the last one, there and back; they end as they like."""

    def _draw(self, number: int) -> str:
        return list(STEPS)[number // 2 % len(STEPS)] if number % 2 else "nothing"

    def _aim(self, told: dict[str, Any], target: str) -> str:
        # The next life's clock is right again: that is a step in the other direction.
        told["shift_ms"] = STEPS.get(target, 0)
        told["scripts"] = ["spend", "grant", "buy", "tell", "hold", "spend"]
        if target in STEPS:
            self.tally.faults[target] += 1
        return "none"


def turned(folder: Path, seed: int, lives: int) -> Tally:
    """Spend lives with clocks that jump between them."""
    with nursery() as home:
        return TurnedClocks([home], folder, seed, sqlite_in, ()).run(lives)


def frozen(there: PostgresServer, folder: Path, seed: int, times: int) -> Tally:
    """
    Freeze a process that claimed a notice until another one took and sent it.

    The frozen one wakes up, sends a second copy under the same nonce, and must change nothing in the row.
    """
    tally = Tally()
    for number in range(times):
        place = folder / f"frozen-{number}"
        place.mkdir(parents=True)
        told: dict[str, Any] = {
            "folder": str(place),
            "database": asyncio.run(there.new_database()),
            "seed": seed + number,
            "lease_ms": LEASE_MS,
        }
        with nursery() as one, nursery() as other:
            one.raise_one(**told, number=1, scripts=["buy"])
            one.begin(**told, number=2, scripts=["tell"], plan=f"outbox.20.claimed=stop:{FROZEN_MS}")
            _wait_for(place / "points.log")
            time.sleep(LEASE_MS / 1000 + 0.4)
            other.raise_one(**told, number=3, scripts=["tell"])
            woken = one.ended()
            other.raise_one(**told, number=4, scripts=["check"])
        log = place / "points.log"
        tally.faults[FROZEN] += log.exists()
        posts = list(Lines(place / "discord.jsonl").read())
        if woken["status"] != 0 or len({post["nonce"] for post in posts}) != 1:
            tally.found["doubled"].append(f"{place}: {len(posts)} posts, ended with {woken['status']}")
        checked = [one for one in Lines(place / "life-000004.jsonl").read() if one["t"] == "checked"]
        for line in checked:
            for kind in tally.found:
                tally.found[kind] += line[kind]
    return tally


def _wait_for(log: Path) -> None:
    """Wait until a life noted that it passes a point."""
    until_seconds = time.monotonic() + CLAIM_SECONDS
    while not log.exists() and time.monotonic() < until_seconds:
        time.sleep(0.01)


async def ended(folder: Path, seed: int, times: int) -> Tally:
    """Ask bots under load to end: exit code 0 in time, and nothing that was answered is lost."""
    async with opened_place(folder, CATALOG=str(roomy_catalog(folder))) as place:
        storm = BotStorm(place, seed)
        await storm.prepare()
        for _ in range(times):
            async with storm.under_load() as program:
                await asyncio.sleep(0.5)
                began_seconds = time.monotonic()
                code = await program.stop()
            storm.tally.faults[ENDED] += 1
            if code != 0 or time.monotonic() - began_seconds > END_SECONDS:
                storm.tally.found["drifted"].append(f"a bot under load ended with {code}")
        await storm.settle()
        return await storm.check()
