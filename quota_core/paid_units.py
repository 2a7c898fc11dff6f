"""
The step from free units to paid ones: what would be taken, and that a person agreed to it, once a window.

A consume that asks for free units alone is refused where it would take bought or charged ones, in the transaction
that would take them: nothing is written, and the same key may succeed once the person agreed.
"""

from __future__ import annotations

from collections.abc import Callable

from quota_core import ledger
from quota_core.accounts import AccountRef
from quota_core.book import Book
from quota_core.database import Database
from quota_core.errors import QuotaError
from quota_core.ledger import Draft, Payer, Window, spendable
from quota_core.statements import Work
from quota_core.store import recipients as rows


class PaidUnitsError(QuotaError):
    """
    Paid units would be taken, and only free ones were asked for.

    Attributes:
        metric: the metric asked for.
        units_asked: what the operation costs.
        from_purchased: what of it would come from bought or given units.
        from_overage: what of it would be charged for beyond the limit.
        purchased_left: what there is of such units now.
        resets_ms: when the windows that are used up are free again (UTC milliseconds), None when never.

    """

    def __init__(
        self,
        *,
        metric: str,
        units_asked: int,
        from_purchased: int,
        from_overage: int,
        purchased_left: int,
        resets_ms: int | None,
    ) -> None:
        self.metric = metric
        self.units_asked = units_asked
        self.from_purchased = from_purchased
        self.from_overage = from_overage
        self.purchased_left = purchased_left
        self.resets_ms = resets_ms
        super().__init__(f"{from_purchased + from_overage} of {units_asked} {metric} would be paid")


def paid_in(draft: Draft, payer: Payer, now_ms: int) -> PaidUnitsError | None:
    """
    Return what a draft would take of paid units; None when nothing, or when its payer has no free ones at all.

    Whoever has no allowance on a metric has paid units alone, and there is no step to ask about.
    """
    limited = [window for window in payer.windows if window.limit]
    bought = -sum(delta for pot, delta in draft.parts if pot[0] == "#")
    charged = max((delta for pot, delta in draft.parts if pot[0] == "+"), default=0)
    if not limited or not bought + charged:
        return None
    metric = draft.metric
    return PaidUnitsError(
        metric=metric,
        units_asked=draft.units,
        from_purchased=bought,
        from_overage=charged,
        purchased_left=sum(lot.left for lot in spendable(payer.state.lots.get(metric, ()), now_ms)),
        resets_ms=max(
            (one.period.turns_ms for one in limited if one.period.turns_ms is not None), default=None
        ),
    )


class Consents:
    """Look, note and recall."""

    def __init__(self, database: Database, book: Book, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._book = book
        self._clock = clock

    async def look(self, account: AccountRef, metric: str, units: int) -> PaidUnitsError | None:
        """Return what would be taken of paid units now; None when nothing would."""
        return await self._database.read(lambda: self._look(account, metric, units))

    def _look(self, account: AccountRef, metric: str, units: int) -> Work[PaidUnitsError | None]:
        now_ms = self._clock()
        payer = yield from self._payer(account, metric, now_ms, create=False)
        drafts = ledger.spend([payer], metric, units, now_ms)
        return None if isinstance(drafts, ledger.Shortage) else paid_in(drafts[0], payer, now_ms)

    async def given(self, account: AccountRef, metric: str) -> bool:
        """
        Tell whether the account's owner agreed in the longest window of now.

        Who bought units when nothing free was left agreed by that.
        """
        return await self._database.read(lambda: self._given(account, metric))

    def _given(self, account: AccountRef, metric: str) -> Work[bool]:
        payer = yield from self._payer(account, metric, self._clock(), create=False)
        window = _longest(payer)
        if window is None:
            return False
        account_id, number = payer.state.id, self._book.metric_ids[metric]
        return (yield from rows.has_agreed(account_id, number, window.pot)) or (
            yield from rows.has_bought_at_empty(account_id, number, window.period.start_ms)
        )

    async def give(self, account: AccountRef, metric: str) -> None:
        """Note that the account's owner agrees until the longest window ends."""
        await self._database.write(lambda: self._give(account, metric))

    def _give(self, account: AccountRef, metric: str) -> Work[None]:
        now_ms = self._clock()
        payer = yield from self._payer(account, metric, now_ms, create=True)
        window = _longest(payer)
        if window is not None:
            number = self._book.metric_ids[metric]
            yield from rows.agree(payer.state.id, number, window.pot, now_ms)

    def _payer(self, account: AccountRef, metric: str, now_ms: int, *, create: bool) -> Work[Payer]:
        states = yield from self._book.states_of([account], now_ms=now_ms, create=create)
        state = states[account]
        return (yield from self._book.payers([(state, metric)], now_ms))[state.id, metric]


def _longest(payer: Payer) -> Window | None:
    return max(payer.windows, key=lambda window: window.period.end_ms, default=None)
