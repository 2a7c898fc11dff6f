"""
`ledger verify`: recount everything from the entries and compare it with every row that caches it.

It reads in short steps, so that it also runs beside a working bot: each step first counts the entries that came
meanwhile, then compares some rows, with nothing in between.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol, TypeVar

from quota_core.compared_accounts import AccountsTable, DebtsTable
from quota_core.compared_holds import HoldsTable
from quota_core.compared_lots import EmptyTable, LotsTable, MetricsTable
from quota_core.compared_notices import NoticesTable
from quota_core.compared_records import AuditTable, CrossingsTable
from quota_core.compared_reversals import ReversalsTable
from quota_core.compared_sales import OrdersTable
from quota_core.compared_usage import UsageTable
from quota_core.database import Database
from quota_core.named_windows import name_windows
from quota_core.one_moment import Read, one_moment
from quota_core.recount import Recount
from quota_core.statements import Work
from quota_core.store import metrics as metric_rows
from quota_core.store import proofs as rows
from quota_core.verdict import Pace, Stopwatch, Verdict

Mark = TypeVar("Mark")


class Table(Protocol[Mark]):
    """A table that is compared with the recount, some rows at a time."""

    def look(self, mark: Mark | None, limit: int) -> Work[Mark | None]:
        """Compare up to `limit` rows behind `mark`, and return the next mark, None at the end."""
        ...


class Proof:
    """
    One verification of one database.

    `expected` holds heads of earlier anchors, which must appear while the entries are counted.
    """

    def __init__(self, database: Database, expected: Mapping[tuple[int, int], bytes] | None = None) -> None:
        self._database = database
        self._count = Recount(expected)
        self._verdict = Verdict()
        self._pace = Pace()

    async def verify(self, progress: Callable[[int], None] = lambda _: None) -> Verdict:
        """
        Check everything; `progress` is told how many entries were counted so far.

        Raises:
            UnavailableError: the ledger cannot be read just now.

        """
        started_seconds = time.perf_counter()
        async with one_moment(self._database) as read:
            more = True
            while more:
                more = await read(self._count_some)
                progress(self._count.entries)
            await self._compare_all(read)
        self._verdict.entries = self._count.entries
        self._verdict.seconds = time.perf_counter() - started_seconds
        return self._verdict

    async def _compare_all(self, read: Read) -> None:
        verdict, count = self._verdict, self._count
        metric_ids = await read(metric_rows.metric_ids)
        names = {number: name for name, number in metric_ids.items()}
        accounts = AccountsTable(count, verdict, metric_ids)
        await self._compare(read, accounts)
        if accounts.suspects:
            verdict.note(await name_windows(read, accounts.suspects, metric_ids))
        await self._compare(read, DebtsTable(count, verdict))
        await self._compare(read, LotsTable(count, verdict))
        await self._compare(read, OrdersTable(count, verdict))
        await self._compare(read, ReversalsTable(verdict))
        await self._compare(read, NoticesTable(count, verdict, names))
        await self._compare(read, AuditTable(count, verdict))
        await self._compare(read, CrossingsTable(verdict))
        await self._compare(read, HoldsTable(count, verdict))
        await self._compare(read, UsageTable(verdict))
        await self._compare(read, EmptyTable("payers", rows.payers_after, verdict))
        await self._compare(read, MetricsTable(count, verdict))
        self._conclude(names)

    async def _compare(self, read: Read, table: Table[Mark]) -> None:
        pace = Pace()
        mark = await read(partial(self._step, table, None, pace))
        while mark is not None:
            mark = await read(partial(self._step, table, mark, pace))

    def _step(self, table: Table[Mark], mark: Mark | None, pace: Pace) -> Work[Mark | None]:
        while (yield from self._count_some()):
            pass
        with Stopwatch(pace):
            return (yield from table.look(mark, pace.rows))

    def _count_some(self) -> Work[bool]:
        """Count some entries, and tell whether there may be more."""
        count, limit = self._count, self._pace.rows
        with Stopwatch(self._pace):
            found = yield from rows.entries_after(count.last_id, limit)
            new = yield from rows.openings(count.unknown(found))
            self._verdict.note(count.feed(found, new))
        return len(found) == limit

    def _conclude(self, names: Mapping[int, str]) -> None:
        """Check that of each metric as many units are held as came and did not go, and that no head is missing."""
        for metric, units in self._count.holdings().items():
            self._verdict.holdings[names.get(metric, str(metric))] = units
            came = units["granted"] + units["bought"]
            left = came - units["spent"] - units["expired"] - units["taken_back"]
            if left != units["held"]:
                self._verdict.note(
                    [f"metric {metric}: {came} units came, {left} remain, {units['held']} are held"]
                )
        self._verdict.note(self._count.transfers.unmet())
        self._verdict.note(
            f"account {account}: its version {version}, which an anchor names, is not there"
            for account, version in sorted(self._count.expected)
        )
