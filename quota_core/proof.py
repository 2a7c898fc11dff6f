"""
`ledger verify`: recount everything from the entries and compare it with every row that caches it.

It reads in short steps, so that it also runs beside a working bot: each step first counts the entries that came
meanwhile, then compares some rows, with nothing in between.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from quota_core.chain import GENESIS, Entry, digest_of
from quota_core.database import Database
from quota_core.ledger import EntryKind
from quota_core.recount import Chain, Recount
from quota_core.statements import Row, Work
from quota_core.store import entries as entry_rows
from quota_core.store import proofs as rows
from quota_core.store import states as state_rows

STEP = 2000
MAX_PROBLEMS = 20
_CHECK_MARK = "checked_entry"


@dataclass(slots=True)
class Verdict:
    """What was checked and what is wrong; the first problems come first, and no more than twenty are kept."""

    entries: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


class _Table(NamedTuple):
    """How one table is compared: read in steps, checked row by row, and then what is not there."""

    name: str
    after: Callable[[Row | None, int], Work[list[Row]]]
    check: Callable[[Row], Iterator[str]]
    missing: Callable[[], Work[None]]


class Proof:
    """One verification of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._count = Recount()
        self._verdict = Verdict()
        self._metric_ids: dict[str, int] = {}
        self._seen_windows: set[tuple[int, int, str]] = set()
        self._seen_debts: set[tuple[int, int]] = set()
        self._seen_lots: set[int] = set()

    async def verify(self, progress: Callable[[int], None] = lambda _: None) -> Verdict:
        """Check everything; `progress` is told how many entries were counted so far."""
        started = time.perf_counter()
        self._metric_ids = await self._database.read(state_rows.metric_ids)
        while await self._database.read(self._count_some) == STEP:
            progress(self._count.entries)
        for table in (
            _Table("accounts", rows.accounts_after, self._account, self._nothing_missing),
            _Table("windows", rows.windows_after, self._window, self._missing_windows),
            _Table("lots", rows.lots_after, self._lot, self._missing_lots),
            _Table("debts", rows.debts_after, self._debt, self._missing_debts),
            _Table("orders", rows.orders_after, self._order, self._missing_orders),
            _Table("audit", rows.audit_after, self._audit, self._missing_audit),
        ):
            self._verdict.rows[table.name] = 0
            work = partial(self._compare, table)
            mark = await self._database.read(partial(work, None))
            while mark is not None:
                mark = await self._database.read(partial(work, mark))
        self._note(self._count.conservation())
        self._verdict.entries = self._count.entries
        self._verdict.seconds = time.perf_counter() - started
        return self._verdict

    def _count_some(self) -> Work[int]:
        found = yield from entry_rows.after(self._count.last_id, STEP)
        self._note(self._count.feed(found))
        return len(found)

    def _compare(self, table: _Table, mark: Row | None) -> Work[Row | None]:
        while (yield from self._count_some()) == STEP:
            pass
        found = yield from table.after(mark, STEP)
        for row in found:
            self._note(table.check(row))
        self._verdict.rows[table.name] += len(found)
        if len(found) == STEP:
            return found[-1]
        # A row that came behind the reading point while steps were made is looked up by itself.
        yield from table.missing()
        return None

    def _note(self, problems: Iterable[str]) -> None:
        for problem in problems:
            if len(self._verdict.problems) < MAX_PROBLEMS:
                self._verdict.problems.append(problem)

    def _account(self, row: Row) -> Iterator[str]:
        account, version, head, digest, plan, until_ms, windows = row
        chain = self._count.chains.get(account, Chain())
        if (version, head, digest) != (chain.version, chain.head, chain.digest):
            yield f"account {account}: its head is not its last entry, {chain.head}"
        if (plan, until_ms) != (chain.plan, chain.plan_until_ms):
            yield f"account {account}: is on plan {plan}, its entries say {chain.plan}"

        for place, counts in state_rows.windows_in(windows).items():
            metric, _, period = place.partition("/")
            yield from self._window((account, self._metric_ids.get(metric, 0), period, *counts))

    def _window(self, row: Row) -> Iterator[str]:
        account, metric, period, used, overage = row
        if (account, metric, period) in self._seen_windows:
            return  # open again: what stands in the balance's row counts
        self._seen_windows.add((account, metric, period))
        counted = self._count.windows.get((account, metric, period), [0, 0])
        if [used, overage] != counted:
            yield f"account {account}, window {period}: {used} used, its entries say {counted[0]}"

    def _lot(self, row: Row) -> Iterator[str]:
        lot_id, account, metric, source, units, left, taken, expired = row
        self._seen_lots.add(lot_id)
        lot = self._count.lots.get(lot_id)
        if lot is None:
            yield f"lot {lot_id}: no entry brought it"
            return
        kind = EntryKind.PURCHASE if source == "purchase" else EntryKind.GRANT
        said = (lot.account, lot.metric, lot.kind, lot.units, lot.left, lot.taken, lot.expired)
        if (account, metric, kind, units, left, taken, expired) != said:
            yield f"lot {lot_id}: {left} of {units} left, its entries say {lot.left} of {lot.units}"

    def _debt(self, row: Row) -> Iterator[str]:
        account, metric, units = row
        self._seen_debts.add((account, metric))
        if units != self._count.debts.get((account, metric), 0):
            yield f"account {account}: its debt is not what its entries say"

    def _order(self, row: Row) -> Iterator[str]:
        order, state, account, metric, units, entry, lot_order_units = row
        if state != "paid":
            return
        if self._count.purchases.pop(entry, None) != (account, metric, units):
            yield f"order {order}: is paid, but entry {entry} does not credit it"
        if lot_order_units != units:
            yield f"order {order}: is paid, but its lot does not hold its units"

    def _audit(self, row: Row) -> Iterator[str]:
        audit, entry = row
        if entry not in self._count.by_hand:
            yield f"audit row {audit}: entry {entry} was not made by hand"
        self._count.by_hand.discard(entry)

    def _nothing_missing(self) -> Work[None]:
        yield from ()

    def _missing_windows(self) -> Work[None]:
        counts = self._count.windows
        unseen = [key for key, count in counts.items() if key not in self._seen_windows and count != [0, 0]]
        there = {tuple(row[:3]): list(row[3:]) for row in (yield from state_rows.closed_windows(unseen))}
        self._note(
            f"account {key[0]}, window {key[2]}: {there.get(key)} in its row, its entries say {counts[key]}"
            for key in unseen
            if there.get(key) != counts[key]
        )

    def _missing_lots(self) -> Work[None]:
        unseen = [lot_id for lot_id in self._count.lots if lot_id not in self._seen_lots]
        there = {lot.id for lot in (yield from state_rows.lots(unseen))}
        self._note(
            f"lot {lot_id}: has no row, but entries name it" for lot_id in unseen if lot_id not in there
        )

    def _missing_debts(self) -> Work[None]:
        unseen = [key for key, units in self._count.debts.items() if key not in self._seen_debts and units]
        there = {tuple(row[:2]): row[2] for row in (yield from state_rows.debts([key[0] for key in unseen]))}
        self._note(
            f"account {key[0]}: its debt is not what its entries say"
            for key in unseen
            if there.get(key) != self._count.debts[key]
        )

    def _missing_orders(self) -> Work[None]:
        there = {row[0] for row in (yield from rows.paid_by_entry(list(self._count.purchases)))}
        self._note(
            f"entry {entry}: credits a purchase that no paid order names"
            for entry in self._count.purchases
            if entry not in there
        )

    def _missing_audit(self) -> Work[None]:
        there = {row[0] for row in (yield from rows.audited(list(self._count.by_hand)))}
        self._note(
            f"entry {entry}: was made by hand, but no audit row says by whom"
            for entry in self._count.by_hand
            if entry not in there
        )


async def check_recent(database: Database) -> Verdict:
    """
    Check the chains of the entries that came since the last such check, and the heads of their accounts.

    Cheap enough to run every few minutes; what it finds is worth stopping all writes for.
    """
    verdict = Verdict()
    started = time.perf_counter()
    while await database.write(lambda: _check_step(verdict)):
        pass
    verdict.seconds = time.perf_counter() - started
    return verdict


def _check_step(verdict: Verdict) -> Work[bool]:
    mark = yield from rows.mark(_CHECK_MARK)
    found = yield from entry_rows.after(mark, STEP)
    before: dict[int, Entry] = {}
    known = {entry.id for entry in found}
    previous = yield from rows.entries([e.prev for e in found if e.prev and e.prev not in known])
    before = {entry.id: entry for entry in (*previous, *found)}
    last: dict[int, Entry] = {}
    for entry in found:
        prior = before.get(entry.prev)
        follows = prior.version + 1 if prior is not None and prior.account == entry.account else 1
        if entry.version != follows or (prior is None) != (entry.prev == 0):
            verdict.problems.append(f"entry {entry.id}: does not follow entry {entry.prev}")
        elif entry.digest != digest_of(entry, GENESIS if prior is None else prior.digest):
            verdict.problems.append(f"entry {entry.id}: its digest does not fit what it says")
        last[entry.account] = entry
    if len(found) < STEP:
        # All entries are read: the last one of each account must be where its row says it stands.
        for account, version, head, digest in (yield from rows.heads(list(last))):
            entry = last[account]
            if (version, head, digest) != (entry.version, entry.id, entry.digest):
                verdict.problems.append(f"account {account}: its head is not its last entry, {entry.id}")
    verdict.entries += len(found)
    if found and not verdict.problems:
        yield from rows.set_mark(_CHECK_MARK, found[-1].id)
    return len(found) == STEP and not verdict.problems
