"""PostgreSQL: two processes on one ledger, both killed at points, and a server that drops their connections."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import asyncpg  # type: ignore[import-untyped]  # it has no type hints

from chaos.life import EXIT_TRY_AGAIN
from chaos.raising import nursery
from chaos.storm import TARGETS, Storm
from chaos.tally import Tally
from tests.postgres_server import PostgresServer, running

ON_SQLITE_ONLY = ("ops.8", "write.46")
SHARED_TARGETS = tuple(point for point in TARGETS if not point.startswith(ON_SQLITE_ONLY))
PAUSE_SECONDS = 0.05


@contextmanager
def server() -> Iterator[PostgresServer]:
    """Run a PostgreSQL of its own until the block ends."""
    folder = tempfile.TemporaryDirectory(prefix="jauge-chaos-", ignore_cleanup_errors=True)
    with folder as name, running(Path(name) / "cluster") as started:
        yield started


def kills(there: PostgresServer, folder: Path, seed: int, lives: int) -> Tally:
    """Kill two processes at a time that work on one database."""
    with nursery() as one, nursery() as other:
        return Storm(
            [one, other], folder, seed, lambda _: asyncio.run(there.new_database()), SHARED_TARGETS
        ).run(lives)


def terminations(there: PostgresServer, folder: Path, seed: int, lives: int) -> Tally:
    """End a connection of the two processes every few milliseconds, at COMMIT too."""
    stop, counts = threading.Event(), [0]
    thread = threading.Thread(target=lambda: asyncio.run(_terminate(there, seed, stop, counts)))
    thread.start()
    try:
        with nursery() as one, nursery() as other:
            storm = Storm([one, other], folder, seed, lambda _: asyncio.run(there.new_database()), ())
            storm.may_end_with = (EXIT_TRY_AGAIN,)
            storm.at_rest = stop.set
            tally = storm.run(lives)
    finally:
        stop.set()
        thread.join()
    tally.faults["connection ended by PostgreSQL"] += counts[0]
    return tally


async def _terminate(there: PostgresServer, seed: int, stop: threading.Event, counts: list[int]) -> None:
    random = Random(seed)
    connection = await asyncpg.connect(there.url("postgres"))
    try:
        while not stop.is_set():
            rows = await connection.fetch(
                "SELECT pid FROM pg_stat_activity WHERE datname LIKE 'ledger\\_%' AND datname <> 'ledger_template'"
            )
            if rows:
                counts[0] += await connection.fetchval(
                    "SELECT count(*) FILTER (WHERE pg_terminate_backend($1))", random.choice(rows)["pid"]
                )
            await asyncio.sleep(PAUSE_SECONDS)
    finally:
        await connection.close()
