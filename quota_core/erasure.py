"""
Forgetting a person: the name goes, and the account's entries stay, about nobody.

It is done when what the person used today counts no more, so that nobody gets a new allowance by being
forgotten, and a week later where units would be lost, so that it can be thought over. Never while a payment page is
open: whoever pays on it must be somebody.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from quota_core import witnesses
from quota_core.accounts import AccountRef
from quota_core.balances import lots_left
from quota_core.book import Book
from quota_core.database import Database
from quota_core.errors import ErasureRefusedError
from quota_core.keys import key_bytes
from quota_core.ledger import NEVER_MS, AccountState, Draft, EntryKind, Payer
from quota_core.posting import Posting
from quota_core.statements import Work
from quota_core.store import erasures as rows

log = logging.getLogger(__name__)

THINK_OVER_MS = 7 * 86_400_000


class Tombstones(Protocol):
    """Remembers, outside the database, who was forgotten: a back-up that is restored knows them still."""

    def add(self, account: AccountRef, now_ms: int) -> None:
        """Remember an account without writing its name."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """
    What being forgotten would mean.

    `due_ms` is when it is, or would be, done; `asked` tells whether it was asked for. `lost` are units by metric
    that nobody could spend any more.
    """

    asked: bool
    due_ms: int
    lost: dict[str, int]


class Erasures:
    """Ask, cancel, and carry out."""

    def __init__(
        self, database: Database, book: Book, tombstones: Tombstones, *, clock: Callable[[], int]
    ) -> None:
        self._database = database
        self._book = book
        self._tombstones = tombstones
        self._clock = clock

    async def outlook(self, account: AccountRef) -> Outlook:
        """Say what being forgotten would mean for an account."""
        return await self._database.read(lambda: self._outlook(account))

    async def ask(self, account: AccountRef) -> Outlook:
        """
        Plan that the account is forgotten; asked again, the plan stays as it is.

        Raises:
            ErasureRefusedError: something must end first.

        """
        return await self._database.write(lambda: self._ask(account))

    async def cancel(self, account: AccountRef) -> None:
        """Plan it no more."""
        await self._database.write(lambda: self._cancel(account))

    async def forget_soon(self, account: AccountRef) -> bool:
        """Forget an account now, or as soon as what must end first has ended; True when it is done."""
        if await self.forget(account):
            return True
        await self._database.write(lambda: self._plan_now(account))
        return False

    def _plan_now(self, account: AccountRef) -> Work[None]:
        now_ms = self._clock()
        state = (yield from self._book.states_of([account], now_ms=now_ms, create=False))[account]
        if state.id:
            yield from rows.plan(state.id, now_ms, now_ms)

    async def carry_out_due(self) -> int:
        """Forget everyone whose time has come, and return how many; units that came since wait a week, too."""
        now_ms = self._clock()
        done = after = 0
        # All of them, page by page: those that must wait stay due, and would keep the others from their turn.
        while page := await self._database.read(
            lambda after=after: rows.due(now_ms, think_over_ms=THINK_OVER_MS, after=after)  # type: ignore[misc]  # mypy cannot infer a default argument
        ):
            for after, kind, external_id in page:  # noqa: B007 - where the next page begins
                done += await self.forget(AccountRef(kind, external_id))
        return done

    async def forget(self, account: AccountRef) -> bool:
        """Forget an account now; False when there is none, or something must end first."""
        try:
            await self._database.read(lambda: self._may_go(account))
            # Before the deed: a crash between the two forgets somebody twice, and never remembers them.
            self._tombstones.add(account, self._clock())
            return await self._database.write(lambda: self._forget(account))
        except ErasureRefusedError as error:
            log.warning("an erasure waits: %s", error)
            return False

    def _payers(self, account: AccountRef, now_ms: int) -> Work[tuple[AccountState, dict[str, Payer]]]:
        states = yield from self._book.states_of([account], now_ms=now_ms, create=False)
        state = states[account]
        metrics = list(self._book.catalog.metrics)
        payers = yield from self._book.payers([(state, metric) for metric in metrics], now_ms)
        return state, {metric: payers[state.id, metric] for metric in metrics}

    def _outlook(self, account: AccountRef) -> Work[Outlook]:
        now_ms = self._clock()
        planned_ms = yield from rows.planned(*account)
        state, payers = yield from self._payers(account, now_ms)
        lost = {metric: lots_left(payer, metric, now_ms) for metric, payer in payers.items()}
        lost = {metric: units for metric, units in lost.items() if units}
        running = [
            window.period.end_ms
            for payer in payers.values()
            for window in payer.windows
            if window.period.end_ms < NEVER_MS and state.used.get(window.place, (0, 0))[0]
        ]
        page_ends_ms = yield from rows.pages_end(state.id, now_ms)
        if page_ends_ms is not None:
            running.append(page_ends_ms)
        due_ms = max([now_ms, *running]) + (THINK_OVER_MS if lost else 0)
        return Outlook(
            asked=planned_ms is not None, due_ms=due_ms if planned_ms is None else planned_ms, lost=lost
        )

    def _ask(self, account: AccountRef) -> Work[Outlook]:
        now_ms = self._clock()
        outlook = yield from self._outlook(account)
        state = (yield from self._book.states_of([account], now_ms=now_ms, create=True))[account]
        yield from self._require_ended(state)
        due_ms = yield from rows.plan(state.id, now_ms, outlook.due_ms)
        return Outlook(asked=True, due_ms=due_ms, lost=outlook.lost)

    def _cancel(self, account: AccountRef) -> Work[None]:
        state = (yield from self._book.states_of([account], now_ms=self._clock(), create=False))[account]
        yield from rows.cancel(state.id)

    def _may_go(self, account: AccountRef) -> Work[None]:
        now_ms = self._clock()
        state = (yield from self._book.states_of([account], now_ms=now_ms, create=False))[account]
        yield from self._require_over(state, now_ms)

    def _require_over(self, state: AccountState, now_ms: int) -> Work[None]:
        """Refuse also while a payment page is open, which a plan to be forgotten only waits for."""
        yield from self._require_ended(state)
        if (yield from rows.pages_end(state.id, now_ms)) is not None:
            raise ErasureRefusedError("payment")

    def _require_ended(self, state: AccountState) -> Work[None]:
        """Refuse while the account owes units, is blocked, or has something under way."""
        what: Literal["debt", "blocked", "payment", "hold"] | None = None
        if state.blocked:
            what = "blocked"
        elif any(state.debt.values()):
            what = "debt"
        else:
            found = yield from rows.open_business(state.id)
            what = found[0][0] if found else None
        if what is not None:
            raise ErasureRefusedError(what)

    def _forget(self, account: AccountRef) -> Work[bool]:
        now_ms = self._clock()
        state, payers = yield from self._payers(account, now_ms)
        if not state.id:
            return False
        yield from self._require_over(state, now_ms)
        metric = self._book.catalog.primary_metric
        posting = Posting(self._book, now_ms)
        yield from posting.begin()
        draft = Draft(
            state=state, kind=EntryKind.ERASE, metric=metric, units=0, parts=(witnesses.erased(state.id),)
        )
        posting.append(draft, key_bytes(f"erase:{state.id}"), payers[metric].windows)
        posting.close()
        yield from posting.write()
        for order_id, reference, payment, tax_minor, parameters in (
            yield from rows.witnessed_orders(state.id)
        ):
            if not parameters.startswith(rows.ERASED):
                witness, _ = witnesses.paid(order_id, reference, payment, tax_minor, parameters)
                yield from rows.forget_order(order_id, reference, f"{rows.ERASED}{witness}")
            yield from _rename(order_id, str(account), f"{rows.ERASED}{state.id}")
        beginning = witnesses.first_digest(*account, state.created_ms)
        yield from rows.forget_person(state.id, str(account), beginning, now_ms)
        self._book.states.pop(account, None)
        return True


def _rename(order_id: str, spelled: str, erased: str) -> Work[None]:
    """Name the account as erased in what others were told of an order."""
    for notice, text in (yield from rows.notices_about(order_id)):
        facts = json.loads(text)
        if facts.get("account") == spelled:
            yield from rows.set_facts(notice, json.dumps(facts | {"account": erased}, sort_keys=True))
