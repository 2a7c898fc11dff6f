"""
Turns crossed thresholds into messages: one for each account, metric, threshold and window.

The crossing's row is the fact that happens once; whichever process finds it turned into nothing yet owes the
messages and marks it, in one transaction. Of thresholds that were crossed together, people hear of the highest
alone; programs, by webhook, of each.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

from quota_core.accounts import AccountRef
from quota_core.balances import lots_left
from quota_core.book import Book
from quota_core.database import Database
from quota_core.errors import UnavailableError
from quota_core.events import ALERT, CHANNELS
from quota_core.ledger import AccountState, Payer
from quota_core.notices import Notices
from quota_core.preferences import preference_of
from quota_core.statements import Work
from quota_core.store import crossings as crossing_rows
from quota_core.store import notices as notice_rows
from quota_core.store import recipients as recipient_rows
from quota_core.store import states as state_rows
from quota_core.store.crossings import Unrouted

log = logging.getLogger(__name__)

ROUTED_AT_ONCE = 100
POLL_SECONDS = 5.0  # what another process crossed, and could not turn into messages, waits no longer
GRACE_MS = 60_000  # in which a command shows its user what it crossed, so that no direct message follows
_PROGRAMS = ("webhook",)


class Alerts:
    """
    Route crossings.

    Args:
        database: where they stand.
        book: the states of accounts, and with them the catalog.
        notices: where messages are owed.
        default_locale: of accounts whose language is not known.
        clock: UTC milliseconds.

    """

    def __init__(
        self,
        database: Database,
        book: Book,
        notices: Notices,
        *,
        default_locale: str,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._book = book
        self._notices = notices
        self._crossed = book.crossed
        self._default_locale = default_locale
        self._clock = clock

    async def run(self) -> None:
        """Route until cancelled."""
        while True:
            self._crossed.clear()
            try:
                while await self.route() == ROUTED_AT_ONCE:
                    pass
            except UnavailableError as error:
                log.warning("alerts wait: %s", error)
            except Exception:
                log.exception("alerts could not be routed; again in %.0f s", POLL_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._crossed.wait()

    async def route(self) -> int:
        """Owe what crossings that wait lead to, and return how many there were, a hundred at most."""
        if not await self._database.read(crossing_rows.any_unrouted):
            return 0
        count = await self._database.write(self._route)
        if count:
            self._notices.wake.set()
        return count

    async def seen(self, account: AccountRef, entry_ids: Sequence[int]) -> None:
        """Note that the user was shown, where it happened, what these entries crossed."""
        await self._database.write(lambda: self._seen(account, entry_ids))

    def _seen(self, account: AccountRef, entry_ids: Sequence[int]) -> Work[None]:
        now_ms = self._clock()
        state = (yield from self._book.states_of([account], now_ms=now_ms, create=False))[account]
        for metric, period, percent in (yield from crossing_rows.mark_shown(state.id, entry_ids)):
            yield from notice_rows.read_elsewhere(state.id, ALERT, _about(metric, period, percent), now_ms)

    def _route(self) -> Work[int]:
        now_ms = self._clock()
        found = yield from crossing_rows.unrouted(ROUTED_AT_ONCE)
        refs = yield from state_rows.refs(sorted({one.account for one in found}))
        states = yield from self._book.states_of(refs.values(), now_ms=now_ms, create=False)
        for (account, metric, _), together in groupby(found, key=lambda one: one[:3]):
            crossings = list(together)
            if metric not in self._book.metric_names:
                continue  # of a newer program's catalog
            yield from self._tell(states[refs[account]], crossings, now_ms)
        yield from crossing_rows.mark_routed(found)
        return len(found)

    def _tell(self, state: AccountState, crossings: Sequence[Unrouted], now_ms: int) -> Work[None]:
        for one in crossings:
            facts = yield from self._facts(state, one, now_ms)
            if facts is None:
                log.info("a crossing of account %d is of no window of its plan any more", state.id)
                continue
            about = _about(one.metric, one.period, one.percent)
            highest = one is crossings[-1]
            yield from self._notices.owe_recipients(
                state, ALERT, about, facts, now_ms=now_ms, only=CHANNELS if highest else _PROGRAMS
            )
            if highest and not one.shown and (yield from _agreed(state)):
                yield from self._notices.owe_directly(
                    state,
                    ALERT,
                    about,
                    facts,
                    locale=state.locale or self._default_locale,
                    now_ms=now_ms,
                    after_ms=GRACE_MS,
                )

    def _facts(self, state: AccountState, one: Unrouted, now_ms: int) -> Work[dict[str, Any] | None]:
        """Return what is told of a crossing, by the windows that were in force when it happened."""
        if state.parent is not None:
            return None  # whose limits are those of another account since
        metric = self._book.metric_names[one.metric]
        plan = self._book.plan_id(state, one.at_ms)
        windows = self._book.windows(state, metric, one.at_ms)
        allowances = self._book.catalog.plans[plan].allowances_of(metric)
        for window, allowance in zip(windows, allowances, strict=True):
            # A gauge's window never turns, and is told of once a month: level@2026-11.
            if window.pot not in (one.period, one.period.partition("@")[0]) or not window.limit:
                continue
            severities = [t.severity for t in allowance.thresholds if t.at == one.percent]
            used = state.used.get(window.place, (0, 0))[0]
            if window.place not in state.used:  # it has closed meanwhile
                closed = yield from state_rows.closed_windows([(state.id, one.metric, window.pot)])
                used = closed[0][3] if closed else 0
            return {
                "metric": metric,
                "window": str(window.kind),
                "period": one.period,
                "threshold": one.percent,
                "severity": severities[0] if severities else "warning",
                "used": used,
                "limit": window.limit,
                "resets_ms": window.period.turns_ms,
                "plan": plan,
                "overage_policy": allowance.overage,
                "purchased_left": lots_left(Payer(state, windows), metric, now_ms),
            }
        return None


def _about(metric: int, period: str, percent: int) -> str:
    return f"{metric}/{period}/{percent}"


def _agreed(state: AccountState) -> Work[bool]:
    """Tell whether the account's user may be written to: by their own choice, or because they bought something."""
    if state.ref.kind != "user":
        return False
    preference = preference_of((yield from recipient_rows.chosen(state.id)))
    if preference.dm == "unset":
        return (yield from recipient_rows.has_bought(state.id))
    return preference.dm == "on"
