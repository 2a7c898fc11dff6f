"""`ledger copy`: the ledger of an SQLite file into a PostgreSQL database, while no bot works on either."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from quota_core.copying import Copied, CopyError, Copying
from quota_core.database import Database
from quota_core.engines import postgres_database, sqlite_database
from quota_core.errors import UnavailableError
from quota_core.migrations import migrate
from terminal.progress import Progress
from terminal.reply import Reply

CONNECTIONS = 2
IF_CUT_OFF = "the copy is not complete: the same command goes on; the ledger is as it was"


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One copy of the file `source` to the PostgreSQL database at `target_url`; `clock` in UTC milliseconds."""

    source: Path
    target_url: str
    reply: Reply
    clock: Callable[[], int]

    async def run(self) -> int:
        """
        Copy, compare and prove; return 0, or 1 when there is no copy that could be used.

        Raises:
            DatabaseInUseError: a process holds the ledger.
            SchemaError: one of the two is the database of another program, or cannot hold a ledger.

        """
        if not self.source.is_file():
            self.reply.tell(f"nothing was copied: there is no ledger {self.source}")
            return 1
        source = sqlite_database(self.source)
        target = postgres_database(self.target_url, connections=CONNECTIONS)
        try:
            copied = await self._copy(source, target)
        except CopyError as error:
            self.reply.tell(f"there is no copy: {error}")
            return 1
        except UnavailableError as error:
            self.reply.tell(f"the copy is not complete: {error}; the same command goes on")
            return 1
        self.reply.tell(
            f"{copied.rows:,} rows copied and compared, {copied.entries:,} entries proved: the ledger is sound"
        )
        self.reply.tell(
            f"now set DATABASE_URL to the new address, start, and keep {self.source} as a back-up"
        )
        return 0

    async def _copy(self, source: Database, target: Database) -> Copied:
        await source.open()
        try:
            await target.open()
            try:
                for database in (source, target):
                    await migrate(database, clock=self.clock)
                return await Copying(source, target, show=self._show).run()
            finally:
                await target.close()
        finally:
            await source.close()

    def _show(self, stage: str, done: int, total: int) -> None:
        self.reply.step(Progress(stage=stage, unit="rows", done=done, total=total))
