"""
The state that the entries alone amount to: the independent count that proofs compare the rows with.

It shares no arithmetic with the rules in `ledger`: it only adds up what entries say of each pot. What it remembers
grows with accounts, lots, levels, purchases and changes by hand, and not with requests or windows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from hashlib import blake2b

from quota_core import facts, witnesses
from quota_core.chain import GENESIS, pack
from quota_core.counted import LotCount, Noted, holdings_of
from quota_core.ledger import EntryKind
from quota_core.parts import DAY_MS, DRAWN_MARK, FACT_MARK, SERVICE_MARK, unfolded
from quota_core.periods import LEVEL
from quota_core.plan_terms import PlanTerms, said_by
from quota_core.recounted_holds import HoldsCount
from quota_core.recounted_reversals import REVERSALS, count_reversal, moved_by
from quota_core.recounted_standings import Standing, standing_after
from quota_core.recounted_tellings import TellingsCount
from quota_core.recounted_transfers import TransfersCount
from quota_core.statements import Row
from quota_core.window_sums import OVERAGE, WindowSums

Chain = tuple[int, int, bytes, int, int]
"""Where an account stands: version, head, digest, time of the last entry, sum of its windows."""

_SPEND, _GIVE_BACK, _GRANT = int(EntryKind.SPEND), int(EntryKind.GIVE_BACK), int(EntryKind.GRANT)
_REMOVE, _PURCHASE, _EXPIRE = int(EntryKind.REMOVE), int(EntryKind.PURCHASE), int(EntryKind.EXPIRE)
_PLAN, _CORRECT, _ERASE = int(EntryKind.PLAN), int(EntryKind.CORRECT), int(EntryKind.ERASE)
_TAKE_BACK, _RESTORE = int(EntryKind.TAKE_BACK), int(EntryKind.RESTORE)
_STATUS, _PARENT = int(EntryKind.STATUS), int(EntryKind.PARENT)
_NOTING = frozenset((_GRANT, _REMOVE, _PURCHASE, _PLAN, _STATUS, _PARENT, _CORRECT))
_HOLD, _SETTLE, _RELEASE = int(EntryKind.HOLD), int(EntryKind.SETTLE), int(EntryKind.RELEASE)
_SET, _TRANSFER = int(EntryKind.SET), int(EntryKind.TRANSFER)
_TAKING = frozenset((_SPEND, _HOLD))
_RETURNING = frozenset((_GIVE_BACK, _SETTLE, _RELEASE))
_CALLING = {_SPEND: 1, _HOLD: 1, _GIVE_BACK: -1, _RELEASE: -1}
"""Kinds of entries that name a service, with the sign of its calls."""
_KINDS = frozenset(int(kind) for kind in EntryKind)


class Recount:
    """
    Feed it every entry in order; then compare.

    `expected` holds heads that must appear: the digest of an account's version, of an earlier anchor.
    """

    def __init__(self, expected: Mapping[tuple[int, int], bytes] | None = None) -> None:
        self.last_id = 0
        self.entries = 0
        self.chains: dict[int, Chain] = {}
        self.plans: dict[int, PlanTerms] = {}
        self.standings: dict[int, Standing] = {}
        self.sums = WindowSums()
        self.lots: dict[int, LotCount] = {}
        self.debts: dict[tuple[int, int], int] = {}
        self.holds = HoldsCount()
        self.tellings = TellingsCount()
        self.transfers = TransfersCount(self.tellings)
        self.levels: dict[tuple[int, int], int] = defaultdict(int)
        self.purchases: dict[int, Noted] = {}
        self.by_hand: dict[int, Noted] = {}
        self.issued: dict[tuple[int, int], int] = defaultdict(int)
        self.spent: dict[int, int] = defaultdict(int)
        self.metrics: set[int] = set()
        self.erased: set[int] = set()
        self.expected = dict(expected or {})

    def unknown(self, rows: Sequence[Row]) -> list[int]:
        """Return the accounts whose first entry is among these rows."""
        chains = self.chains
        return [account for account in {row[1] for row in rows} if account not in chains]

    def feed(self, rows: Sequence[Row], beginnings: Mapping[int, bytes]) -> list[str]:
        """
        Count entries and return what is wrong with them, in their order.

        Args:
            rows: the columns of entries, by id, as they are kept.
            beginnings: what stands before the first entry of each account of `unknown(rows)`.

        """
        problems: list[str] = []
        chains, plain, expected = self.chains, self.sums.plain, self.expected
        # One loop without calls or objects for the common entry: the speed of `ledger verify` is decided here.
        for row in rows:
            entry, account, version, prev, kind, metric, units, kept, at_ms, key, free, left, digest = row
            chain = chains.get(account)
            if chain is None:
                chain = (0, 0, beginnings.get(account, GENESIS), 0, 0)
                if account not in beginnings:
                    problems.append(f"entry {entry}: is of account {account}, which has no row")
            last_version, head, before, _, windows = chain
            if prev != head or version != last_version + 1:
                problems.append(f"entry {entry}: does not follow entry {head} of account {account}")
            place = (kind, metric, units, kept, at_ms // DAY_MS)
            text, total = plain.get(place) or (unfolded(kept, units, at_ms).encode(), None)
            # As `chain.seal` does.
            numbers = pack(
                account, version, prev, kind, metric, units, at_ms, -1 if free is None else free, left
            )
            if free == -1 or digest != blake2b(before + key + numbers + text, digest_size=16).digest():
                name = "" if last_version else f", or account {account} was opened otherwise"
                problems.append(f"entry {entry}: its digest does not fit what it says{name}")
            if expected and expected.pop((account, version), digest) != digest:
                problems.append(f"entry {entry}: is not version {version} of account {account} in the anchor")
            if total is None:
                count = _Count(self, (*row[:7], text.decode(), *row[8:]), problems)
                total = count.sum_of_windows()
                if count.is_plain:
                    self.sums.remember(place, text, total)
            windows += total
            chains[account] = (version, entry, digest, at_ms, windows)
        if rows:
            self.last_id = rows[-1][0]
            self.entries += len(rows)
        return problems

    def holdings(self) -> dict[int, dict[str, int]]:
        """Return units in lots by metric, as `counted.holdings_of` says."""
        return holdings_of(self.lots.values(), self.issued, self.spent)


class _Count:
    """One entry that is not the common one, part by part."""

    def __init__(self, recount: Recount, row: Row, problems: list[str]) -> None:
        self._recount = recount
        self._row = row
        self._entry, self._account, _, _, self._kind, self._metric, self._units = row[:7]
        self._problems = problems
        self.is_plain = False  # whether it is a spend that names windows alone, and adds up
        arrived = self._kind == _TRANSFER and f"{FACT_MARK}{facts.FROM}=" in row[7]
        self._brings = self._kind in (_GRANT, _PURCHASE) or arrived

    def sum_of_windows(self) -> int:
        """Count the entry, and return by how much the sum of its account's windows changes."""
        self._recount.metrics.add(self._metric)
        if self._kind not in _KINDS:
            self._wrong(f"is of no known kind, {self._kind}")
            return 0
        try:
            parts = [
                (pot, int(delta)) for pot, _, delta in (p.rpartition("=") for p in self._row[7].split(" "))
            ]
            self._note(parts)
            total = 0 if self._kind == _PLAN else self._count(parts)
            if self._kind in REVERSALS:
                for what in count_reversal(self._recount.lots, self._kind, self._units, parts):
                    self._wrong(what)
                debt = self._recount.debts.get((self._account, self._metric), 0)
                self._recount.tellings.reverse(self._row, int(parts[0][0][1:]), self._recount.lots, debt)
        except (ValueError, KeyError, OverflowError):
            self._wrong(f"its parts cannot be read: {self._row[7]!r}"[:120])
            return 0
        return total

    def _wrong(self, what: str) -> None:
        self._problems.append(f"entry {self._entry}: {what}")

    def _note(self, parts: Sequence[tuple[str, int]]) -> None:
        """Remember what rows of other tables must agree with."""
        kind, row, count = self._kind, self._row, self._recount
        if kind == _PLAN:
            before = count.plans.get(self._account, PlanTerms())
            count.plans[self._account] = before.changed(said_by(parts[-1]), row[8])
        if kind == _HOLD:
            count.holds.begin(row, parts)
        elif kind in (_SETTLE, _RELEASE):
            self._problems += count.holds.end(row, parts)
        elif kind == _TRANSFER:
            for what in count.transfers.count(row, parts, count.lots):
                self._wrong(what)
        if kind == _ERASE:
            count.erased.add(self._account)
        if kind in (_STATUS, _PARENT):
            count.standings[self._account] = standing_after(count.standings.get(self._account), kind, row[7])
        if kind not in _NOTING:
            return
        lot, into = next(((int(pot[1:]), units) for pot, units in parts if pot[:1] == "#"), (0, 0))
        brought = Noted(
            entry=row[0],
            account=row[1],
            metric=row[5],
            kind=kind,
            units=row[6],
            at_ms=row[8],
            key=row[9],
            allowance_left=row[10],
            purchased_left=row[11],
            lot=lot,
            into_lot=into,
            action=facts.action_of(kind, row[7]),
            witness=next((pot for pot, _ in parts if pot[:1] == witnesses.MARK), ""),
        )
        (count.purchases if kind == _PURCHASE else count.by_hand)[row[0]] = brought
        if kind in (_GRANT, _PURCHASE):
            count.issued[self._metric, kind] += self._units

    def _count(self, parts: Sequence[tuple[str, int]]) -> int:
        """Add up every part, and return the sum of the windows."""
        weight, metric = self._recount.sums.weight, self._metric
        total = lots = debt = 0
        calls: list[int] = []
        windows: set[int] = set()
        plain = self._kind == _SPEND
        for pot, delta in parts:
            mark = pot[:1]
            if mark == "#":
                self._count_lot(int(pot[1:]), delta)
                lots += delta
            elif mark == "!":
                self._count_debt(delta)
                debt += delta
            elif mark == witnesses.ENDS_MARK:
                self._recount.lots[int(pot[1:])].ends_ms = delta
            elif mark == SERVICE_MARK:
                calls.append(delta)
                continue
            elif mark == DRAWN_MARK:
                total += delta * weight(metric, pot)  # a window in all but what the units must add up to
            elif mark not in ("^", witnesses.MARK, FACT_MARK):  # another account's share has its own entry
                total += delta * weight(metric, pot)
                windows |= {delta} if mark != OVERAGE else set()
                if pot != LEVEL.key:
                    continue
                self._count_level(delta)
            plain = False
        self.is_plain = self._is_called(calls) and self._adds_up(windows, lots, debt) and plain
        return total

    def _count_debt(self, delta: int) -> None:
        debts, key = self._recount.debts, (self._account, self._metric)
        debts[key] = debts.get(key, 0) + delta
        if debts[key] < 0:
            self._wrong("pays more debt than there is")

    def _count_level(self, delta: int) -> None:
        levels, key = self._recount.levels, (self._account, self._metric)
        levels[key] += delta
        if levels[key] < 0 or (self._kind == _SET and levels[key] != self._units):
            self._wrong(f"leaves a level of {levels[key]}")

    def _count_lot(self, lot_id: int, delta: int) -> None:
        lots, kind = self._recount.lots, self._kind
        lot = lots.get(lot_id)
        if self._brings:
            if lot is not None:
                self._wrong(f"brings lot {lot_id}, which entry {lot.brought_by} brought before")
            lot = lots[lot_id] = LotCount(
                self._account, self._metric, kind, self._units, self._entry, self._row[8]
            )
            lot.taken = lot.debt_paid = self._units - delta
        elif lot is None:
            self._wrong(f"touches lot {lot_id}, which nothing brought")
            return
        if (lot.account, lot.metric) != (self._account, self._metric):
            self._wrong(f"touches lot {lot_id} of another account or metric")
        lot.left += delta
        if kind in (_REMOVE, _TAKE_BACK, _RESTORE):
            lot.taken -= delta
        elif kind == _EXPIRE:
            lot.expired -= delta
        elif kind in _TAKING or kind in _RETURNING:
            self._recount.spent[self._metric] -= delta
        if lot.left < 0 or lot.left + lot.taken + lot.expired > lot.units:
            self._wrong(f"leaves lot {lot_id} with {lot.left} of {lot.units} units")

    def _is_called(self, calls: Sequence[int]) -> bool:
        """Check what says which service it was for: once, in a spend or in what undoes one."""
        if not calls or (len(calls) == 1 and calls[0] * _CALLING.get(self._kind, 0) > 0):
            return True
        self._wrong("does not say which service was called how often")
        return False

    def _adds_up(self, windows: set[int], lots: int, debt: int) -> bool:
        """Check that the parts amount to the units, and that all windows count the same."""
        if self._kind == _SET:
            moved = self._units if windows and not lots and not debt else -1  # its level says the rest
        elif self._brings:
            moved = lots - debt  # what pays a debt does not reach the lot
        elif self._kind in _RETURNING:
            moved = lots - sum(windows)
        elif self._kind in REVERSALS:
            moved = moved_by(self._kind, self._units, lots, debt)
        else:
            moved = sum(windows) - lots
        if self._kind == _CORRECT and not lots:
            moved = abs(moved)  # up or down
        if len(windows) <= 1 and moved == self._units:
            return True
        self._wrong(f"its parts amount to {moved}, not to {self._units}")
        return False
