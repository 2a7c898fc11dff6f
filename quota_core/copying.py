"""
A ledger moved from one database into another: in steps, each a transaction, that can be cut off anywhere.

The target itself tells how far it is: rows come in the order of their keys, so the next one is behind the last. A
note in it keeps bots away until every row was read back and compared, and every chain was counted once more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from quota_core.database import Database
from quota_core.proof import Proof
from quota_core.statements import Row, Work
from quota_core.store import copies as rows
from quota_core.store.copies import Shape

STEP = 2000
Show = Callable[[str, int, int], None]
"""Told which stage it is, how many rows are done, and of how many."""


class CopyError(Exception):
    """The copy cannot be made, or is not the same; the text says why, and the source is as it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """What was copied and compared."""

    rows: int
    entries: int


class Copying:
    """
    One copy of the ledger in `source` into `target`, which is PostgreSQL and holds no other.

    Both are open, with the schema of this program, and nothing else writes to either. `step` is how many rows
    are moved in one transaction.
    """

    def __init__(self, source: Database, target: Database, *, show: Show, step: int = STEP) -> None:
        self._source = source
        self._target = target
        self._show = show
        self._step = step
        self._shapes: list[Shape] = []
        self._totals: dict[str, int] = {}

    async def run(self) -> Copied:
        """
        Copy what is missing, compare everything, and give the target free.

        Raises:
            CopyError: the target holds something else, or is not the same in the end.
            UnavailableError: one of the two cannot be used just now; run it again to go on.

        """
        await self._begin()
        for name in rows.TABLES:
            self._shapes.append(await self._target.read(partial(rows.shape, name)))
            self._totals[name] = await self._source.read(partial(rows.count, name))
        for shape in self._shapes:
            await self._copy(shape)
            if shape.name == "accounts":
                await self._copy_parents()
        for shape in self._shapes:
            await self._compare(shape)
        await self._prove()
        await self._target.write(self._end)
        return Copied(rows=sum(self._totals.values()), entries=self._totals["entries"])

    async def _begin(self) -> None:
        ledger = str(await self._source.read(rows.birth))
        noted = await self._target.read(rows.under_way)
        if noted is None:
            for name in rows.TABLES:
                if await self._target.read(partial(rows.count, name)):
                    raise CopyError(
                        f"the target holds another ledger already ({name}): make an empty database"
                    )
            await self._target.write(partial(rows.begin, ledger))
        elif noted != ledger:
            raise CopyError("the target holds a part of a copy of another ledger: make an empty database")

    async def _copy(self, shape: Shape) -> None:
        """Add the rows behind the last one that is there."""
        after: Sequence[object] | None = await self._target.read(partial(rows.last_key, shape))
        done = 0 if after is None else await self._target.read(partial(rows.count, shape.name))
        while found := await self._source.read(partial(rows.page, shape, after, self._step)):
            after = shape.key_of(found[-1])
            await self._target.write(partial(rows.put, shape, _without_parents(shape, found)))
            done += len(found)
            self._show(f"copying {shape.name}", done, self._totals[shape.name])

    async def _copy_parents(self) -> None:
        """Give accounts their parents, some of which have higher numbers than they."""
        after = 0
        while found := await self._source.read(partial(rows.parents_after, after, self._step)):
            await self._target.write(partial(rows.set_parents, found))
            after = found[-1][0]

    async def _compare(self, shape: Shape) -> None:
        """Read every row of a table on both sides."""
        after, done, more = None, 0, True
        while more:
            page = partial(rows.page, shape, after, self._step)
            ours, theirs = await self._source.read(page), await self._target.read(page)
            if ours != theirs:
                raise CopyError(_difference(shape, ours, theirs))
            more = bool(ours)
            if more:
                after = shape.key_of(ours[-1])
                done += len(ours)
                self._show(f"comparing {shape.name}", done, self._totals[shape.name])

    async def _prove(self) -> None:
        """Count the copy once more from its entries alone."""
        total = self._totals["entries"]
        verdict = await Proof(self._target).verify(lambda done: self._show("proving entries", done, total))
        if not verdict.sound:
            raise CopyError(f"the copy is not sound: {verdict.problems[0]}")

    def _end(self) -> Work[None]:
        for shape in self._shapes:
            yield from rows.number_on(shape)
        yield from rows.end()


def _without_parents(shape: Shape, found: list[Row]) -> list[Row]:
    if shape.name != "accounts":
        return found
    place = shape.columns.index("parent")
    return [(*row[:place], None, *row[place + 1 :]) for row in found]


def _difference(shape: Shape, ours: list[Row], theirs: list[Row]) -> str:
    """Say which row is the first that is not the same on both sides."""
    differing = [pair for pair in zip(ours, theirs, strict=False) if pair[0] != pair[1]]
    row = differing[0][0] if differing else (ours + theirs)[min(len(ours), len(theirs))]
    key = ", ".join(str(part) for part in shape.key_of(row))
    return (
        f"{shape.name} {key} is not the same in the target: did a bot work on the ledger in between? "
        "Make an empty database and begin again"
    )
