"""A ledger that has grown: built once in a run through `consume_many`, and used by several programs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import product
from benchmarks.product import asked
from benchmarks.program import Run, say
from benchmarks.workload import Operation, Workload

CHUNK = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Grown:
    """
    A closed ledger.

    Attributes:
        folder: holds its `quota.db`.
        entries: how many it has.
        bytes: of the file, right after it was built and closed.
        per_second: entries a second while it was built.

    """

    folder: Path
    entries: int
    bytes: int
    per_second: float

    @property
    def file(self) -> Path:
        """The database."""
        return self.folder / "quota.db"


async def grown(run: Run) -> Grown:
    """Return the large ledger of this run, built when it is not there yet."""
    workload = Workload(run.sizes.accounts)
    return await _built(run.folder / "grown", run.sizes.grown_entries, workload, workload.operations)


async def grown_randomly(run: Run) -> Grown:
    """Return the ledger of this run whose keys have no order; it is smaller, since it is slow to build."""
    workload = Workload(run.sizes.accounts)
    return await _built(
        run.folder / "grown-randomly", run.sizes.random_entries, workload, workload.random_operations
    )


async def _built(
    folder: Path, entries: int, workload: Workload, draw: Callable[[int], list[Operation]]
) -> Grown:
    facts = folder / "grown.json"
    if facts.exists():
        return Grown(folder=folder, **json.loads(facts.read_text(encoding="utf-8")))
    folder.mkdir()  # noqa: ASYNC240 - nothing else runs in this loop yet
    seconds = 0.0
    async with product.opened(folder) as ledger:
        await ledger.touch_all(workload)
        made = len(workload.ids) + await ledger.give_lots(workload)
        first = made
        while made < entries:
            operations = asked(draw(min(CHUNK, entries - made)))
            started = time.perf_counter()
            await ledger.consume_many(operations)
            seconds += time.perf_counter() - started
            made += len(operations)
            if made % 500_000 < CHUNK:
                say(f"building {folder.name}: {made:,} of {entries:,} entries")
    size_bytes = (folder / "quota.db").stat().st_size
    found = {"entries": made, "bytes": size_bytes, "per_second": (made - first) / seconds}
    facts.write_text(json.dumps(found), encoding="utf-8")
    return await _built(folder, entries, workload, draw)
