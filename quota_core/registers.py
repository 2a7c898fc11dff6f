"""What an operator looks through: all accounts, by name, kind, plan and state; and what was done by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from quota_core.accounts import AccountRef
from quota_core.balances import Balance, Balances
from quota_core.book import Book
from quota_core.database import Database
from quota_core.ledger import NEVER_MS
from quota_core.parts import parts_of
from quota_core.plan_terms import said_by
from quota_core.statements import Work
from quota_core.store import registers as rows
from quota_core.summary import standing_of


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFilter:
    """Which accounts: those whose name contains `text`, of a kind, on a plan, of a standing; empty is any."""

    text: str = ""
    kind: str = ""
    plan: str = ""
    standing: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedAccount:
    """An account in a list; `standing` is active, exhausted or blocked."""

    id: int
    balance: Balance
    standing: str
    created_ms: int
    active_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPage:
    """Some accounts, newest first; `next_id` is where the next page begins, None after the last."""

    accounts: tuple[ListedAccount, ...]
    next_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One change by hand: who made it to which account, and why; `detail` is what a plan changed to."""

    id: int
    actor: str
    action: str
    reason: str
    at_ms: int
    account: AccountRef
    metric: str
    units: int
    entry: int
    detail: str


class Registers:
    """Look through them; `clock` gives UTC milliseconds."""

    def __init__(
        self, database: Database, book: Book, balances: Balances, *, clock: Callable[[], int]
    ) -> None:
        self._database = database
        self._catalog = book.catalog
        self._metric_ids = book.metric_ids
        self._balances = balances
        self._clock = clock

    async def accounts(self, wanted: AccountFilter, before_id: int | None, limit: int) -> AccountPage:
        """
        Return a page of accounts.

        What an account has is no column, so those of another standing are passed over: a page may be shorter than
        `limit`, or empty, before the last.
        """
        place = NEVER_MS if before_id is None else before_id
        # Exhausted is no state that is stored: those accounts are active by their rows.
        status = {"": "", "blocked": "blocked"}.get(wanted.standing, "active")
        looked = rows.Looked(_pattern(wanted.text), wanted.kind, wanted.plan, status)
        found = await self._database.read(lambda: rows.accounts(self._plans, place, looked, limit + 1))
        listed = []
        for number, kind, name, created_ms, active_ms in found[:limit]:
            balance = await self._balances.of(AccountRef(kind, name))
            listed.append(
                ListedAccount(
                    id=number,
                    balance=balance,
                    standing=standing_of(balance, self._catalog),
                    created_ms=created_ms,
                    active_ms=active_ms,
                )
            )
        return AccountPage(
            accounts=tuple(one for one in listed if wanted.standing in ("", one.standing)),
            next_id=listed[-1].id if len(found) > limit else None,
        )

    @property
    def _plans(self) -> rows.Plans:
        known = f" {' '.join(self._catalog.plans)} "
        return rows.Plans(self._catalog.default_plan, known, self._clock())

    async def plans(self) -> dict[str, int]:
        """Return how many accounts are on each plan, every plan of the catalog included."""
        found = await self._database.read(lambda: rows.on_plans(self._plans))
        return dict.fromkeys(self._catalog.plans_by_rank, 0) | {row[0]: row[1] for row in found}

    async def use_by_plan(self, since: str, metric: str) -> dict[str, tuple[int, int]]:
        """Return how many accounts used a metric since a day, and units, by plan; as far as days are added up."""
        number = self._metric_ids[metric]
        found = await self._database.read(lambda: rows.use_by_plan(self._plans, since, number))
        return dict.fromkeys(self._catalog.plans_by_rank, (0, 0)) | {
            row[0]: (row[1], row[2]) for row in found
        }

    async def by_hand(
        self, before_id: int | None, limit: int, *, actor: str, action: str, account: AccountRef | None
    ) -> list[Deed]:
        """Return what was done by hand, newest first; empty filters nothing."""
        place = NEVER_MS if before_id is None else before_id
        return await self._database.read(lambda: self._by_hand(place, limit, actor, action, account))

    def _by_hand(
        self, before_id: int, limit: int, actor: str, action: str, account: AccountRef | None
    ) -> Work[list[Deed]]:
        of = ("", "") if account is None else (account.kind, account.external_id)
        found = yield from rows.audit(before_id, actor, action, of, limit)
        return [
            Deed(
                id=row[0],
                actor=row[1],
                action=row[2],
                reason=row[3],
                at_ms=row[4],
                account=AccountRef(row[5], row[6]),
                metric=row[7],
                units=row[8],
                entry=row[9],
                detail=_plan_in(row[10]) if row[2] == "plan" else "",
            )
            for row in found
        ]


def _plan_in(parts: str) -> str:
    """Return the plan that an entry changed to."""
    return said_by(parts_of(parts)[-1]).after


def _pattern(text: str) -> str:
    """Return the pattern of names that contain a text, whatever it is made of."""
    if not text:
        return ""
    for mark in "!%_":
        text = text.replace(mark, f"!{mark}")
    return f"%{text.lower()}%"
