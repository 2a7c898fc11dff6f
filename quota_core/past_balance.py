"""What an account had at any moment, from its entries alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from quota_core.account_walk import account_now, entries_back
from quota_core.accounts import AccountRef
from quota_core.database import Database
from quota_core.ledger import NEVER_MS
from quota_core.periods import Anchor, PeriodKind, period_at
from quota_core.plan_terms import PlanTerms
from quota_core.pots import Pots
from quota_core.store import metrics as metric_rows

_KIND_BY_LENGTH = {
    len("2026-11-20T12Z"): PeriodKind.HOUR,
    len("2026-11-20"): PeriodKind.DAY,
    len("2026-W47"): PeriodKind.WEEK,
    len("2026-11"): PeriodKind.MONTH,
    len("2026"): PeriodKind.YEAR,
    len("level"): PeriodKind.LEVEL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PastMetric:
    """
    What there was of one metric, in units.

    `windows` are those in force then that something was used of: key, used, of this beyond the limit. `left` could
    be spent from lots, `ended` had been left in lots when they ended.
    """

    metric: str
    windows: tuple[tuple[str, int, int], ...]
    left: int
    ended: int
    debt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PastBalance:
    """
    An account at a moment, after its entry `entry` (version `version`); both 0 before its first.

    `plan` None is the catalog's default plan.
    """

    account: AccountRef
    at_ms: int
    entry: int
    version: int
    plan: str | None
    metrics: tuple[PastMetric, ...]


async def past_balance(
    database: Database,
    account: AccountRef,
    at_ms: int,
    *,
    zone: ZoneInfo,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> PastBalance:
    """
    Return what the account had at `at_ms`: after the last of its entries that was made by then.

    `zone` is the catalog's, in which windows turn; `progress` is told how many entries were read, of how many.

    Raises:
        LookupError: there is no such account.
        BrokenChainError: its entries are not what was written.

    """
    standing = await account_now(database, account)
    if standing is None:
        raise LookupError(f"no account {account}")
    pots, entry_id, version = Pots(), 0, 0
    async for entry in entries_back(database, standing):
        progress(standing.version - entry.version + 1, standing.version)
        if not version and entry.at_ms > at_ms:
            continue  # later than what was asked for
        if not version:
            entry_id, version = entry.id, entry.version
        pots.add(entry)
    names = {number: name for name, number in (await database.read(metric_rows.metric_ids)).items()}

    def in_force(key: str) -> bool:
        return _in_force(key, at_ms, zone, standing.created_ms)

    terms = PlanTerms() if pots.plan is None else PlanTerms().changed(pots.plan, at_ms)
    return PastBalance(
        account=account,
        at_ms=at_ms,
        entry=entry_id,
        version=version,
        plan=terms.plan_at(at_ms),
        metrics=tuple(
            _metric(names.get(metric, str(metric)), metric, pots, at_ms, in_force)
            for metric in sorted({metric for metric, _ in pots.units})
        ),
    )


def _metric(name: str, number: int, pots: Pots, at_ms: int, in_force: Callable[[str], bool]) -> PastMetric:
    units = {pot: amount for (metric, pot), amount in pots.units.items() if metric == number and amount}
    lots = {int(pot[1:]): amount for pot, amount in units.items() if pot[0] == "#"}
    left = sum(amount for lot, amount in lots.items() if pots.ends_ms.get(lot, NEVER_MS) > at_ms)
    windows = sorted(pot for pot in units if pot[0] not in "#!+%" and in_force(pot))
    return PastMetric(
        metric=name,
        windows=tuple((key, units[key], units.get(f"+{key}", 0)) for key in windows),
        left=left,
        ended=sum(lots.values()) - left,
        debt=units.get("!", 0),
    )


def _in_force(key: str, at_ms: int, zone: ZoneInfo, account_start_ms: int) -> bool:
    kind, _, counted_from = key.partition("@")
    period = period_at(
        PeriodKind(kind) if counted_from else _KIND_BY_LENGTH[len(key)],
        at_ms,
        zone=zone,
        anchor=Anchor.ACCOUNT if counted_from else Anchor.CALENDAR,
        account_start_ms=account_start_ms,
    )
    return period.key == key
