"""How many requests a minute one account may cause, by its plan: `rate_limit` in the catalog."""

from __future__ import annotations

from collections.abc import Callable

from quota_core.accounts import AccountRef
from quota_core.balances import Balances
from quota_core.book import Book
from webhooks.budgets import CAPACITY, Budget, Spent

MEMORY_SECONDS = 10.0


class PlanLimits:
    """
    Count the requests that are made for accounts; `clock` gives UTC milliseconds, `monotonic` seconds.

    The plan of an account that is not resident is remembered for a few seconds, so that counting costs no look-up.
    """

    def __init__(
        self, book: Book, balances: Balances, *, clock: Callable[[], int], monotonic: Callable[[], float]
    ) -> None:
        self._book = book
        self._balances = balances
        self._clock = clock
        self._monotonic = monotonic
        self._budgets = {
            plan_id: Budget("plan", plan.rate_limit, monotonic=monotonic)
            for plan_id, plan in book.catalog.plans.items()
            if plan.rate_limit is not None
        }
        self._known: dict[AccountRef, tuple[str, float]] = {}

    @property
    def apply(self) -> bool:
        """Whether any plan has a limit; where none has, nobody needs to ask."""
        return bool(self._budgets)

    async def spend(self, account: AccountRef, spent: Spent) -> Spent:
        """
        Count a request for an account; return the tighter of its plan's budget and what the key has `spent`.

        Raises:
            ProblemError: 429, the account has had its share of this minute.

        """
        budget = self._budgets.get(await self._plan_of(account))
        if budget is None:
            return spent
        ours = budget.spend(str(account))
        return ours if ours.left <= spent.left else spent

    async def _plan_of(self, account: AccountRef) -> str:
        state = self._book.states.get(account)
        if state is not None:
            return self._book.plan_id(state, self._clock())
        now_seconds = self._monotonic()
        known = self._known.get(account)
        if known is not None and known[1] > now_seconds:
            return known[0]
        plan = (await self._balances.of(account)).plan
        self._known.pop(account, None)
        if len(self._known) >= CAPACITY:
            del self._known[next(iter(self._known))]
        self._known[account] = (plan, now_seconds + MEMORY_SECONDS)
        return plan
