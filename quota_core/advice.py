"""
Whether an operation could be done now: its decision, rehearsed on copies of the states, with nothing written.

It is advice: by the time somebody acts on it, others may have spent. Only a spend or a hold guarantees anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from quota_core.answers import Spend
from quota_core.balances import WindowBalance, windows_of
from quota_core.book import Book
from quota_core.consumes import Consume
from quota_core.database import Database
from quota_core.decisions import Decisions
from quota_core.errors import OutOfQuotaError, QuotaError
from quota_core.ledger import NEVER_MS, AccountState, Payer, allowance_left, known, overage_left, spendable
from quota_core.paying import add_parents, paying, told
from quota_core.posting import Posting
from quota_core.statements import Work

_NOBODY = 2**62  # more than any account's id


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """
    What would become of an operation, and what the account has of its metric; None is unlimited.

    `refusal` None: it could be done. `refills_ms` is when waiting helps: for a refusal, when the same could
    succeed; else when the first window turns; None when neither ever happens.
    """

    metric: str
    units: int
    refusal: QuotaError | None
    plan: str
    windows: tuple[WindowBalance, ...]
    allowance_left: int | None
    purchased_left: int
    expiring_left: int
    overage_left: int | None
    refills_ms: int | None

    @property
    def total_left(self) -> int | None:
        """All that can be spent without going beyond a limit."""
        if self.allowance_left is None:
            return None
        return self.allowance_left + self.purchased_left + self.expiring_left


class Advisor:
    """Rehearse decisions."""

    def __init__(
        self, database: Database, book: Book, decisions: Decisions, *, clock: Callable[[], int]
    ) -> None:
        self._database = database
        self._book = book
        self._clock = clock
        self._decisions = decisions

    async def on(self, operation: Consume) -> Advice:
        """Say what would become of the operation; from memory when everything needed is resident."""
        known = self._at_once(operation)
        return await self._database.read(lambda: self._on(operation)) if known is None else known

    def _at_once(self, operation: Consume) -> Advice | None:
        if self._database.busy:
            return None
        now_ms, states = self._clock(), []
        for ref in operation.payers:
            state = self._book.states.get(ref)
            if state is None or state.parent is not None:
                return None
            windows = self._book.windows(state, operation.metric, now_ms)
            if not known(state, windows):
                return None
            states.append(state)
        return self._rehearsed(operation, states, now_ms)

    def _on(self, operation: Consume) -> Work[Advice]:
        now_ms = self._clock()
        states = yield from self._book.states_of(operation.payers, now_ms=now_ms, create=False)
        yield from add_parents(self._book, states, now_ms)
        payers = paying(operation.payers, states)
        yield from self._book.prepare([(state, operation.metric) for state in payers], now_ms)
        return self._rehearsed(operation, payers, now_ms)

    def _rehearsed(self, operation: Consume, states: list[AccountState], now_ms: int) -> Advice:
        metric = operation.metric
        posting = Posting(self._book, now_ms)
        posting.rehearse()
        payers = []
        for place, state in enumerate(states):
            copied = _copied(state, _NOBODY + place)
            payers.append(Payer(copied, self._book.windows(copied, metric, now_ms)))
        outcome = self._decisions.decide(operation, payers, posting)
        place = told(payers)
        first = Payer(states[place], payers[place].windows)
        lots = spendable(first.state.lots.get(metric, ()), now_ms)
        refusal = None if isinstance(outcome, Spend) else outcome
        return Advice(
            metric=metric,
            units=operation.units,
            refusal=refusal,
            plan=self._book.plan_id(first.state, now_ms),
            windows=windows_of(first),
            allowance_left=allowance_left(first),
            purchased_left=sum(lot.left for lot in lots if lot.expires_ms == NEVER_MS),
            expiring_left=sum(lot.left for lot in lots if lot.expires_ms != NEVER_MS),
            overage_left=overage_left(first, 0),
            refills_ms=_refills(first, refusal),
        )


def _copied(state: AccountState, number: int) -> AccountState:
    """Return a state that a rehearsal may change; one that has no row yet gets a `number` of its own."""
    lots = {metric: [replace(lot) for lot in brought] for metric, brought in state.lots.items()}
    return replace(state, id=state.id or number, used=dict(state.used), lots=lots)


def _refills(payer: Payer, refusal: QuotaError | None) -> int | None:
    if refusal is not None:
        return refusal.retry_ms if isinstance(refusal, OutOfQuotaError) else None
    limited = [window.period.turns_ms for window in payer.windows if window.limit is not None]
    return min((turns_ms for turns_ms in limited if turns_ms is not None), default=None)
