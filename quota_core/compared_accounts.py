"""What accounts, their balances, windows and debts say, held against the recount."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from quota_core.plan_terms import PlanTerms
from quota_core.recount import Recount
from quota_core.recounted_standings import AS_OPENED
from quota_core.statements import Row, Work
from quota_core.store import proofs as rows
from quota_core.store import states as state_rows
from quota_core.store.erasures import ERASED
from quota_core.verdict import MAX_PROBLEMS, Verdict
from quota_core.witnesses import beginning

_LAST_ID = 2**63 - 1
_NOWHERE = (0, 0, b"", 0, 0)
_NO_PLAN = PlanTerms()


class AccountsTable:
    """
    Accounts with their balances and windows, in one look, so that nothing moves between them meanwhile.

    `suspects` are accounts whose windows do not amount to what their entries say; which window it is must be
    found out by counting them one by one.
    """

    def __init__(self, count: Recount, verdict: Verdict, metric_ids: Mapping[str, int]) -> None:
        self._count = count
        self._verdict = verdict
        self._metric_ids = metric_ids
        self.suspects: list[int] = []
        for table in ("accounts", "balances", "allowances"):
            verdict.count(table, 0)

    def look(self, mark: int | None, limit: int) -> Work[int | None]:
        """Compare the next accounts."""
        after = rows.LEAST_ID if mark is None else mark
        accounts = yield from rows.accounts_after(after, limit)
        upto = accounts[-1][0] if len(accounts) == limit else _LAST_ID
        closed: dict[int, list[Row]] = defaultdict(list)
        windows = yield from rows.windows_between(after, upto)
        for row in windows:
            closed[row[0]].append(row)
        self._verdict.count("allowances", len(windows))
        lone = yield from rows.lone_balances(after, upto)
        chains, plans, standings = self._count.chains, self._count.plans, self._count.standings
        for row in accounts:
            account = row[0]
            # Nearly every row is right; only of others the reason is looked for.
            if row[13] is not None or account in self._count.erased:
                self._verdict.note(self._erased(row))
            if (
                row[8:12] != chains.get(account, _NOWHERE)[:4]
                or row[3:5] != standings.get(account, AS_OPENED)
                or (*row[6:8], *row[14:17]) != plans.get(account, _NO_PLAN)
            ):
                self._verdict.note(self._account(row))
                self._verdict.note(self._balance(row))
            self._compare_windows(account, row[12] or "", closed.pop(account, ()))
        self._verdict.note(f"account {account}: has a balance, but no row" for (account,) in lone)
        self._verdict.note(f"account {account}: has windows, but no row" for account in closed)
        self._verdict.count("accounts", len(accounts))
        self._verdict.count("balances", sum(row[8] is not None for row in accounts) + len(lone))
        return upto if len(accounts) == limit else None

    def _account(self, row: Row) -> Iterator[str]:
        account, _, _, parent, status = row[:5]
        said, terms = self._count.plans.get(account, _NO_PLAN), PlanTerms(*row[6:8], *row[14:17])
        if terms != said:
            yield f"account {account}: is on {_plan_text(terms)}, its entries say {_plan_text(said)}"
        said_parent, said_status = self._count.standings.get(account, AS_OPENED)
        if status != said_status:
            yield f"account {account}: is {status}, its entries say {said_status}"
        if parent != said_parent:
            yield f"account {account}: belongs to account {parent}, its entries say {said_parent}"

    def _erased(self, row: Row) -> Iterator[str]:
        account, kind, external_id, kept = row[0], row[1], row[2], row[13]
        if account not in self._count.erased:
            yield f"account {account}: keeps its beginning as if it were erased, and no entry says so"
        elif kept is None or (kind, external_id) != ("external", f"{ERASED}{account}"):
            yield f"account {account}: was erased, and has a name all the same"

    def _balance(self, row: Row) -> Iterator[str]:
        account, kind, external_id, *_ = row
        created_ms, (version, head, digest, active_ms, _) = row[5], row[8:13]
        chain = self._count.chains.get(account)
        if chain is None:
            chain = (0, 0, beginning(kind, external_id, created_ms, row[13]), created_ms, 0)
        if version is None:
            yield f"account {account}: has no balance"
        elif (version, head, digest) != chain[:3]:
            yield (
                f"account {account}: its head is not its last entry, {chain[1]}"
                if chain[0]
                else f"account {account}: was opened under another name or at another time"
            )
        elif active_ms != chain[3]:
            yield f"account {account}: was not active at {active_ms}, its last entry is of {chain[3]}"

    def _compare_windows(self, account: int, text: str, closed: Iterable[Row]) -> None:
        total = 0
        sums, numbers = self._count.sums, self._metric_ids
        there: set[tuple[int, str]] = set()
        try:
            windows = state_rows.windows_in(text)
            for place, (used, overage) in windows.items():
                metric, _, period = place.partition("/")
                there.add((numbers[metric], period))
                total += sums.of_row(numbers[metric], period, used, overage)
        except (ValueError, KeyError):
            windows = {}
        if state_rows.windows_text(windows) != text:
            self._verdict.note([f"account {account}: its open windows cannot be read: {text!r}"[:200]])
            return
        for _, metric_id, period, used, overage in closed:
            if (metric_id, period) not in there:  # else it is open again, and what the balance says counts
                total += sums.of_row(metric_id, period, used, overage)
        chain = self._count.chains.get(account)
        if total != (chain[4] if chain else 0) and len(self.suspects) < MAX_PROBLEMS:
            self.suspects.append(account)


def _plan_text(terms: PlanTerms) -> str:
    text = f"plan {terms.plan} ({terms.since_ms} to {terms.until_ms})"
    return f"{text}, then {terms.next_plan} ({terms.next_until_ms})" if terms.next_plan else text


class DebtsTable:
    """What accounts owe."""

    def __init__(self, count: Recount, verdict: Verdict) -> None:
        self._count = count
        self._verdict = verdict
        self._seen: set[tuple[int, int]] = set()
        verdict.count("debts", 0)

    def look(self, mark: Row | None, limit: int) -> Work[Row | None]:
        """Compare the next debts."""
        found = yield from rows.debts_after(mark, limit)
        self._verdict.count("debts", len(found))
        for account, metric, units in found:
            self._seen.add((account, metric))
            said = self._count.debts.get((account, metric), 0)
            if units != said:
                self._verdict.note(
                    [f"account {account}: owes {units} of metric {metric}, its entries say {said}"]
                )
        if len(found) == limit:
            return found[-1]
        # A row that came behind the reading point while steps were made is looked up by itself.
        owed = {key: units for key, units in self._count.debts.items() if units and key not in self._seen}
        there = {row[:2]: row[2] for row in (yield from state_rows.debts([account for account, _ in owed]))}
        self._verdict.note(
            f"account {account}: owes {there.get((account, metric), 0)} of metric {metric}, its entries say {units}"
            for (account, metric), units in owed.items()
            if there.get((account, metric)) != units
        )
        return None
