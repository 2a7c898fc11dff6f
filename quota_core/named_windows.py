"""Which windows it is, once an account's windows are known not to amount to what its entries say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from quota_core.ledger import EntryKind
from quota_core.one_moment import Read
from quota_core.parts import DRAWN_MARK, NO_WINDOW, unfolded
from quota_core.statements import Work
from quota_core.store import proofs as rows
from quota_core.store import states as state_rows
from quota_core.verdict import Pace, Stopwatch
from quota_core.window_sums import OVERAGE

Place = tuple[int, int, str]
_NO_WINDOW = NO_WINDOW - {OVERAGE, DRAWN_MARK}


async def name_windows(read: Read, accounts: Sequence[int], metric_ids: Mapping[str, int]) -> list[str]:
    """Read all entries once more, count the windows of these few accounts, and name those that differ."""
    count = _Windows(accounts)
    while await read(count.some):
        pass
    return await read(lambda: count.differences(metric_ids))


class _Windows:
    def __init__(self, accounts: Sequence[int]) -> None:
        self._accounts = sorted(accounts)
        self._wanted = frozenset(accounts)
        self._pace = Pace()
        self._last_id = 0
        self._said: dict[Place, list[int]] = defaultdict(lambda: [0, 0])

    def some(self) -> Work[int]:
        with Stopwatch(self._pace):
            found = yield from rows.entries_after(self._last_id, self._pace.rows)
            for row in found:
                if row[1] in self._wanted and row[4] != EntryKind.PLAN:
                    self._count(row[1], row[5], unfolded(row[7], row[6], row[8]))
        self._last_id = found[-1][0] if found else self._last_id
        return len(found)

    def _count(self, account: int, metric: int, parts: str) -> None:
        for part in parts.split():
            pot, _, delta = part.rpartition("=")
            if pot and pot[0] not in _NO_WINDOW and delta.removeprefix("-").isdecimal():
                overage = pot[0] == OVERAGE
                self._said[account, metric, pot.removeprefix(OVERAGE)][overage] += int(delta)

    def differences(self, metric_ids: Mapping[str, int]) -> Work[list[str]]:
        while (yield from self.some()):
            pass
        there = {tuple(row[:3]): list(row[3:]) for row in (yield from rows.windows_of(self._accounts))}
        names = {number: name for name, number in metric_ids.items()}
        for account, text in (yield from rows.open_windows_of(self._accounts)):
            for place, counts in state_rows.windows_in(text).items():
                metric, _, period = place.partition("/")
                there[account, metric_ids[metric], period] = list(counts)
        return [
            f"account {account}, window {names.get(metric, metric)}/{period}: {_text(there.get(place))} used,"
            f" its entries say {_text(self._said.get(place))}"
            for place in sorted(there.keys() | self._said.keys())
            for account, metric, period in (place,)
            if there.get(place, [0, 0]) != self._said.get(place, [0, 0])
        ]


def _text(counts: list[int] | None) -> str:
    used, overage = counts or (0, 0)
    return f"{used} (of these {overage} beyond the limit)" if overage else str(used)
