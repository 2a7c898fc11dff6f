"""A bot at work for a while: what it holds must not grow, its loop must not stop, its back-ups must be whole."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import aiohttp

from chaos.bots import BotStorm
from chaos.tally import Tally
from chaos.world_facts import roomy_catalog
from tests.program.place import Place, opened_place
from tests.program.process import Program

WARM_SECONDS, SAMPLE_SECONDS, REST_SECONDS = 4.0, 1.0, 3.0
MOST_FDS, MOST_THREADS, GROWTH_KIB_PER_MINUTE = 8, 3, 60_000
LAG_SECONDS, COMMAND_SECONDS = 1.0, 180.0
BACKUP = "back-up under load, restored and proved"
FAULTS = (BACKUP, "work under observation (s)")
COMPLAINTS = ("never retrieved", "never awaited", "Traceback", "Unclosed")


class Held(NamedTuple):
    """What a process holds."""

    memory_kib: int
    fds: int
    threads: int


def held_by(pid: int) -> Held:
    """Look at a process."""
    process = Path(f"/proc/{pid}")
    status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines() if ":" in line)
    fds = len(list((process / "fd").iterdir()))
    return Held(int(status["VmRSS"].split()[0]), fds, int(status["Threads"]))


async def soak(folder: Path, seed: int, seconds: float) -> Tally:
    """Let a bot work for so long under load, then rest, and compare what it holds."""
    async with opened_place(folder, CATALOG=str(roomy_catalog(folder))) as place:
        storm = BotStorm(place, seed)
        await storm.prepare()
        async with storm.under_load() as program:
            tally = storm.tally
            pid = program._process.pid if program._process is not None else 0
            await asyncio.sleep(WARM_SECONDS)
            await _backup(place, tally)
            lags: list[float] = []
            samples = [held_by(pid)]
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                await asyncio.sleep(SAMPLE_SECONDS)
                lags.append(await _lag(storm.url))
                samples.append(held_by(pid))
            storm.rest()
            await asyncio.sleep(REST_SECONDS)
            after = held_by(pid)
            tally.faults["work under observation (s)"] += int(seconds)
            for problem in _grown(samples, after, seconds, lags, program):
                tally.found["drifted"].append(problem)
            tally.figures["soak: memory, slowest answer"] = (
                f"{samples[0].memory_kib} to {after.memory_kib} KiB, {max(lags) * 1000:.0f} ms"
            )
            await program.stop()
        await storm.settle()
        return await storm.check()


async def _lag(url: str) -> float:
    """Return how long an answer takes that needs nothing but the loop."""
    began = time.perf_counter()
    async with aiohttp.ClientSession(url) as session, session.get("/healthz") as answer:
        await answer.read()
    return time.perf_counter() - began


def _grown(
    samples: list[Held], after: Held, seconds: float, lags: list[float], program: Program
) -> Iterator[str]:
    before, most = samples[len(samples) // 2], samples[-1]  # caches fill up first
    minutes = max(seconds / 60, 1.0)
    if (most.memory_kib - before.memory_kib) / minutes > GROWTH_KIB_PER_MINUTE:
        yield f"memory grew from {before.memory_kib} to {most.memory_kib} KiB in {seconds:.0f} s"
    if after.fds > before.fds + MOST_FDS or after.threads > before.threads + MOST_THREADS:
        yield f"it holds {after} at rest and held {before} at work"
    if max(lags) > LAG_SECONDS:
        yield f"an answer that needs nothing took {max(lags):.2f} s"
    for complaint in COMPLAINTS:
        if complaint in str(program.log):
            yield f"the log says {complaint!r}: {str(program.log)[-800:]}"


async def _backup(place: Place, tally: Tally) -> None:
    """Make a back-up of the working bot, restore it elsewhere, and prove what came out."""
    file, other = str(place.cwd / "soak.db"), str(place.cwd / "restored")
    for arguments in (
        ("ledger", "backup", file, "--data", str(place.data)),
        ("ledger", "restore", file, "--yes", "--data", other),
        ("ledger", "verify", "--data", other),
    ):
        async with Program(*arguments, settings=place.settings, cwd=place.cwd) as command:
            assert command._process is not None
            async with asyncio.timeout(
                COMMAND_SECONDS
            ):  # it counts everything, and the machine has other work
                code = await command._process.wait()
            if code != 0:
                tally.found["drifted"].append(f"a back-up under load: {command.out}{command.log}")
                return
    tally.faults[BACKUP] += 1
