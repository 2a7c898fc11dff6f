"""
Balances whose rows are written late, where one process owns the database.

The rows of a batch lie on as many pages as it has accounts, and each page is written whole: that would cost more
than all of its entries. Plain spends therefore write their entries alone, which say all that the rows would say.
The rows follow together every `MOST_ENTRIES` entries, and before any statement that reads them; after a crash, what
is missing is taken from the entries behind the mark up to which every row is written.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter

from quota_core.chain import Entry
from quota_core.crash_points import crash_point
from quota_core.parts import NO_WINDOW, Part, parts_of
from quota_core.statements import Statement, Work, tables
from quota_core.store import entries as entry_rows
from quota_core.store import locked as locked_rows
from quota_core.store import marks
from quota_core.store import metrics as metric_rows
from quota_core.store import states as state_rows
from quota_core.store.states import BalanceRow

MOST_ENTRIES = 32_768
"""So many entries are read again after a crash, at most: two tenths of a second."""
_MARK = "late_balances"
_STEP = 2000
_NOTHING = (0, 0)


class LateBalances:
    """The rows that wait to be written. Everything but `forget` comes in the database's thread."""

    def __init__(self) -> None:
        self._rows: dict[int, BalanceRow] = {}
        self._entries = 0  # since the mark
        self._known = False  # whether `_rows` holds everything that is late

    def __contains__(self, account: int) -> bool:
        """Tell whether this account's row is late."""
        return account in self._rows

    def forget(self) -> None:
        """Drop what waits, since it may not stand in the database; the entries that do tell the rest again."""
        # In this order: who sees the rows gone must see that they are not known.
        self._known = False
        self._rows.clear()

    def note(self, late: Iterable[BalanceRow], written: Iterable[BalanceRow], entries: int) -> Work[None]:
        """Remember the late rows of a transaction that made so many entries, and forget those that it wrote."""
        for row in written:
            self._rows.pop(row[0], None)
        for row in late:
            self._rows[row[0]] = row
        self._entries += entries
        if self._entries >= MOST_ENTRIES:
            yield from self.catch_up()

    def missed_by(self, statement: Statement) -> bool:
        """Tell whether this statement may read a row that is late."""
        if statement.together:
            return any(map(self.missed_by, statement.together))
        sql = statement.sql
        if (
            "balances" not in sql
            or sql in state_rows.WRITES_OF_BALANCES
            or (self._known and not self._entries)
        ):
            return False
        # Accounts are read when they are not resident; those whose rows are late are.
        return sql != locked_rows.ACCOUNTS or not self._known

    def catch_up(self) -> Work[None]:
        """Write every row that is late."""
        # First of all: `forget` may come from another thread, and what is gone then must be seen to be unknown.
        rows = list(self._rows.values())
        if not self._known:
            if ("marks",) not in (yield from tables()):
                return  # a file that is just being made
            self._known = True
            rows = yield from self._told_by_entries()
        elif not self._entries:
            return
        rows.sort(key=itemgetter(0))  # neighbours share a page
        if rows:
            yield from state_rows.set_balances(rows)
            crash_point("write.46.late_balances")
        yield from marks.set_mark(_MARK, (yield from entry_rows.last_id()))
        self._rows.clear()
        self._entries = 0

    def _told_by_entries(self) -> Work[list[BalanceRow]]:
        """Return the rows as the entries behind the mark make them."""
        mark = yield from marks.find(_MARK)
        if mark is None:  # of a program that wrote every row at once
            return []
        rows: dict[int, _Told] = {}
        names = {number: name for name, number in (yield from metric_rows.metric_ids()).items()}
        found = yield from entry_rows.after(mark, _STEP)
        while found:
            yield from self._read(rows, {entry.account for entry in found})
            for entry in found:
                if entry.account in rows:  # else it is gone, which `verify` tells
                    yield from rows[entry.account].add(entry, names.get(entry.metric))
            found = yield from entry_rows.after(found[-1].id, _STEP)
        return [told.row() for told in rows.values() if told.changed]

    def _read(self, rows: dict[int, _Told], accounts: set[int]) -> Work[None]:
        for row in (yield from state_rows.balances(sorted(accounts - rows.keys()))):
            rows[row[0]] = _Told(row)


class _Told:
    """What a row says, and then what entries add to it."""

    def __init__(self, row: BalanceRow) -> None:
        self.account, self._version, self._head, self._digest, self._active_ms, windows = row
        self._used = state_rows.windows_in(windows)
        self.changed = False

    def add(self, entry: Entry, metric: str | None) -> Work[None]:
        """
        Go on to the next entry of the account, a spend from windows alone.

        The transaction of any other entry wrote the row too, which stands behind it. One that does not follow at
        all was tampered with: `verify` tells.
        """
        if metric is None or entry.version != self._version + 1 or entry.prev != self._head:
            return
        for pot, units in _readable(entry.parts):
            if pot[:1] in NO_WINDOW:  # a service's calls
                continue
            place = f"{metric}/{pot}"
            if place not in self._used:
                closed = yield from state_rows.closed_windows([(self.account, entry.metric, pot)])
                self._used[place] = (closed[0][3], closed[0][4]) if closed else _NOTHING
            used, overage = self._used[place]
            self._used[place] = (used + units, overage)
        self._version, self._head, self._digest = entry.version, entry.id, entry.digest
        self._active_ms = entry.at_ms
        self.changed = True

    def row(self) -> BalanceRow:
        """Return the row as it is to be written."""
        windows = state_rows.windows_text(self._used)
        return (self.account, self._version, self._head, self._digest, self._active_ms, windows)


def _readable(parts: str) -> list[Part]:
    """Return the parts of an entry; none of one that was altered to what is no parts, which its digest tells."""
    try:
        return parts_of(parts)
    except ValueError:
        return []
