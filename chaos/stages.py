"""The stages of a rehearsal: what each breaks, and how much of it a full and a short one hold."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from chaos import bots, clocks, postgres, simulation, soak
from chaos.damage import DAMAGES, damages
from chaos.disk import NoCompilerError
from chaos.fuzz import fuzz, targets
from chaos.hostile import hostile
from chaos.providers import TROUBLES, providers
from chaos.raising import nursery
from chaos.simulation import simulate
from chaos.storage import FAULTS, failing_disk
from chaos.storm import TARGETS, Storm, sqlite_in
from chaos.tally import Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a stage works, and how: `full` or short; the seed decides the rest."""

    folder: Path
    seed: int
    full: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A stage: what it does, and the faults that must strike in it, else nothing was shown."""

    run: Callable[[Place], Tally]
    faults: tuple[str, ...]


def _kills(place: Place) -> Tally:
    """Light processes on SQLite, two ledgers at a time."""
    tallies: list[Tally] = []

    def storm(number: int) -> None:
        with nursery() as home:
            there = Storm([home], place.folder / str(number), place.seed + number, sqlite_in)
            if place.full:
                tallies.append(there.run(2700))
            else:
                tallies.append(there.run_until(lambda tally: set(TARGETS) <= set(tally.points), 54, most=540))

    threads = [threading.Thread(target=storm, args=(number,)) for number in range(2 if place.full else 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(tallies) < len(threads):
        raise RuntimeError("a storm did not come to its end")
    return _sum(tallies)


def _bots(place: Place) -> Tally:
    points: list[str | None] = [*bots.EDGE_POINTS] * (5 if place.full else 1)
    points += [*bots.CORE_POINTS, *[None] * 16] if place.full else []
    return asyncio.run(bots.storm(place.folder, place.seed, points))


def _postgres(place: Place) -> Tally:
    with postgres.server() as there:
        kills = postgres.kills(there, place.folder / "kills", place.seed, 160 if place.full else 8)
        ended = postgres.terminations(there, place.folder / "ended", place.seed, 60 if place.full else 4)
        tallies = [kills, ended]
        if place.full:
            url = asyncio.run(there.new_database())
            place.folder.joinpath("bots").mkdir()
            points = [*bots.CORE_POINTS, None, None]
            whole = asyncio.run(bots.storm(place.folder / "bots", place.seed, points, DATABASE_URL=url))
            # They say that they are ready two seconds later: the gateway's lease is still the killed one's.
            whole.figures["restarts on PostgreSQL, longest"] = f"{max(whole.restarts_seconds):.2f} s"
            whole.restarts_seconds.clear()
            tallies.append(whole)
    return _sum(tallies)


def _storage(place: Place) -> Tally:
    broken = damages(place.folder / "damage", place.seed, 40 if place.full else 2)
    try:
        failing = failing_disk(place.folder / "disk", place.seed, 400 if place.full else 18)
    except NoCompilerError as error:
        if os.environ.get("CI"):
            raise
        print(f"SKIPPED: {error}", flush=True)
        failing = Tally()
        failing.skipped |= set(FAULTS)
    return _sum([broken, failing])


def _clocks(place: Place) -> Tally:
    tallies = [clocks.turned(place.folder / "turned", place.seed, 120 if place.full else 12)]
    with postgres.server() as there:
        tallies.append(clocks.frozen(there, place.folder, place.seed, 5 if place.full else 1))
    place.folder.joinpath("ended").mkdir()
    tallies.append(asyncio.run(clocks.ended(place.folder / "ended", place.seed, 8 if place.full else 1)))
    return _sum(tallies)


def _simulation(place: Place) -> Tally:
    tallies, hours = [], 0.0
    for number in range(16 if place.full else 1):
        tally, _ = simulate(place.folder / str(number), place.seed + number, 4 if place.full else 2)
        hours += float(tally.figures.pop("virtual hours"))
        tallies.append(tally)
    total = _sum(tallies)
    total.figures["simulated"] = f"{len(tallies)} seeds, {hours:.0f} virtual hours"
    return total


def _providers(place: Place) -> Tally:
    return asyncio.run(providers(place.folder, place.seed, rounds=2))


def _soak(place: Place) -> Tally:
    return asyncio.run(soak.soak(place.folder, place.seed, 40 if place.full else 3))


def _strangers(place: Place) -> Tally:
    tallies = [fuzz(place.seed, 6 if place.full else 0.2)]
    nonsense = 1500 if place.full else 50
    tallies.append(asyncio.run(hostile(place.folder, place.seed, nonsense, patient=place.full)))
    return _sum(tallies)


def _sum(tallies: list[Tally]) -> Tally:
    total = Tally()
    for tally in tallies:
        total.add(tally)
    return total


STAGES = {
    "kills": Stage(run=_kills, faults=("SIGKILL at a point", "SIGKILL at random", "error at a point")),
    "bots": Stage(run=_bots, faults=("SIGKILL of a bot at a point",)),
    "storage": Stage(run=_storage, faults=(*DAMAGES, *FAULTS)),
    "simulation": Stage(run=_simulation, faults=simulation.FAULTS),
    "clocks": Stage(run=_clocks, faults=(*clocks.STEPS, clocks.FROZEN, clocks.ENDED)),
    "strangers": Stage(
        run=_strangers,
        faults=(
            *(f"fuzzed: {name}" for name in targets()),
            *("hostile request", "idle connections", "nonsense on the wire"),
        ),
    ),
    "providers": Stage(run=_providers, faults=tuple(TROUBLES)),
    "soak": Stage(run=_soak, faults=soak.FAULTS),
    "postgres": Stage(run=_postgres, faults=("SIGKILL at a point", "connection ended by PostgreSQL")),
}
