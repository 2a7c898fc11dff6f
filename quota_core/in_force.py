"""Which windows are in force for an account at a moment, and with which limits."""

from __future__ import annotations

import sys
from typing import NamedTuple

from quota_core.catalog import Allowance, Catalog
from quota_core.ledger import NEVER_MS, AccountState, Window
from quota_core.periods import Anchor, Period, period_at

_NOTHING = (0, 0)


class Terms(NamedTuple):
    """
    A plan's windows on a metric, and from when until when they are in force.

    `own` says that they are this account's alone: its plan ends, or its windows count from its own start
    or roll over what was left in the one before.
    """

    windows: tuple[Window, ...]
    from_ms: int
    until_ms: int
    own: bool


class InForce:
    """The windows of plans; those that many accounts share are made once."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._terms: dict[tuple[str | None, str], Terms] = {}

    def terms(self, state: AccountState, metric: str, now_ms: int) -> Terms:
        """Return the windows that the account's plan has on the metric, with whom and when they hold for."""
        plan = state.plan_at(now_ms)
        terms = self._terms.get((plan, metric))
        if terms is not None and terms.from_ms <= now_ms < terms.until_ms:
            return terms
        plan_id = self._catalog.plan_id(plan)
        allowances = self._catalog.plans[plan_id].allowances_of(metric)
        windows = tuple(self._window(allowance, state, now_ms) for allowance in allowances)
        terms = Terms(
            windows,
            max((window.period.start_ms for window in windows), default=0),
            min((window.period.end_ms for window in windows), default=NEVER_MS),
            own=state.plan_until_ms is not None
            or any(one.anchor is Anchor.ACCOUNT or one.rollover_cap for one in allowances),
        )
        if not terms.own:
            self._terms[plan, metric] = terms
        return terms

    def _period(self, allowance: Allowance, state: AccountState, now_ms: int) -> Period:
        return period_at(
            allowance.period,
            now_ms,
            zone=self._catalog.zone,
            anchor=allowance.anchor,
            account_start_ms=state.created_ms,
        )

    def _before(self, allowance: Allowance, state: AccountState, period: Period, now_ms: int) -> str | None:
        """Return the place of the window that this one rolls over from; None when nothing was given in it."""
        before = self._period(allowance, state, period.start_ms - 1)
        since_ms = max(state.created_ms, state.plan_terms.since_at(now_ms) or 0)
        if before.key == period.key or since_ms >= before.end_ms:
            return None
        return sys.intern(f"{allowance.metric}/{before.key}")

    def _window(self, allowance: Allowance, state: AccountState, now_ms: int) -> Window:
        period = self._period(allowance, state, now_ms)
        limit, rolled, before = allowance.limit_units, 0, None
        if allowance.rollover_cap and limit is not None:
            before = self._before(allowance, state, period, now_ms)
            used, overage = _NOTHING if before is None else state.used.get(before, (limit, 0))
            rolled = 0 if before is None else min(allowance.rollover_cap, max(0, limit - used + overage))
            limit += rolled
        percents = tuple(threshold.at for threshold in allowance.thresholds)
        return Window(
            place=sys.intern(f"{allowance.metric}/{period.key}"),
            pot=period.key,
            kind=allowance.period,
            period=period,
            limit=limit,
            cap=allowance.overage_cap if allowance.overage == "charge" else 0,
            percents=percents,
            first_mark=-(-min(percents) * limit // 100) if limit and percents else NEVER_MS,
            rolled=rolled,
            before=before,
        )
