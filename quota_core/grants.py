"""
What operators do by hand: give units, take them away, change a plan, block, say who pays for whom.

Each writes its entry and an audit row with actor and reason in one transaction, once per key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from quota_core import ledger, taking_back, witnesses
from quota_core.accounts import AccountRef
from quota_core.balances import lots_left
from quota_core.book import Book
from quota_core.by_hand import ByHand, reason_text
from quota_core.chain import Entry
from quota_core.crash_points import crash_point
from quota_core.database import Database
from quota_core.errors import AmountError, ConflictingReplayError, MetricKindError
from quota_core.keys import key_bytes
from quota_core.ledger import EntryKind
from quota_core.operators import Actor, Operators
from quota_core.parts import parts_of
from quota_core.periods import LAST_MOMENT_MS
from quota_core.plan_changes import PlanChange, PlanMoment, set_plan
from quota_core.posting import Posting
from quota_core.standings import ParentChange, StatusChange, set_blocked, set_parent
from quota_core.statements import Work

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What an operator changed: units really moved, and what the lots held before and after."""

    units: int
    before: int
    after: int
    replayed: bool = field(default=False, compare=False)


class Grants:
    """Add, remove, plan; for operators only, checked here too and not just at the edge."""

    def __init__(
        self,
        database: Database,
        book: Book,
        operators: Operators,
        *,
        max_grant_units: int,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._book = book
        self._operators = operators
        self._max_grant_units = max_grant_units
        self._clock = clock

    async def add(
        self,
        account: AccountRef,
        units: int,
        *,
        actor: Actor,
        reason: str,
        key: str | int | UUID,
        metric: str | None = None,
        expires_ms: int | None = None,
    ) -> Change:
        """
        Give `units` (1..MAX_GRANT) that never expire, or that end at a moment to come.

        Raises:
            NotAllowedError, AmountError, UnknownMetricError, MetricKindError: nothing was changed.
            ConflictingReplayError: the key was used for something else.

        """
        work = self._operation(account, actor=actor, reason=reason, key=key, metric=metric, units=units)
        return await self._committed(lambda: work.change(EntryKind.GRANT, units, self._clock(), expires_ms))

    async def remove(
        self,
        account: AccountRef,
        units: int,
        *,
        actor: Actor,
        reason: str,
        key: str | int | UUID,
        metric: str | None = None,
    ) -> Change:
        """Take up to `units` from what was given or bought, never below zero; the answer says how many."""
        work = self._operation(account, actor=actor, reason=reason, key=key, metric=metric, units=units)
        return await self._committed(lambda: work.change(EntryKind.REMOVE, units, self._clock()))

    async def set_plan(
        self,
        account: AccountRef,
        plan: str,
        *,
        until_ms: int | None,
        actor: Actor,
        reason: str,
        key: str | int | UUID,
        at: PlanMoment = "now",
    ) -> PlanChange:
        """
        Put the account on a plan, until a moment or for good.

        At once, what was used stays used, against the new limits. At `period_end`, when the longest window of the
        plan in force turns (or that plan ends), windows start empty. By `rule`, the catalog says which for a step
        up and for a step down.

        Raises:
            NotAllowedError, UnknownPlanError, AmountError: nothing was changed.

        """
        work = self._operation(account, actor=actor, reason=reason, key=key)
        self._book.catalog.known_plan(plan)
        return await self._committed(lambda: set_plan(work, plan, until_ms, at, self._clock()))

    async def block(
        self, account: AccountRef, *, actor: Actor, reason: str, key: str | int | UUID
    ) -> StatusChange:
        """Let the account spend nothing, whatever it has, until an operator unblocks it; holds may still end."""
        work = self._operation(account, actor=actor, reason=reason, key=key)
        return await self._committed(lambda: set_blocked(work, self._clock(), blocked=True))

    async def unblock(
        self, account: AccountRef, *, actor: Actor, reason: str, key: str | int | UUID
    ) -> StatusChange:
        """Lift a block by hand; an account that has nothing left has that after all."""
        work = self._operation(account, actor=actor, reason=reason, key=key)
        return await self._committed(lambda: set_blocked(work, self._clock(), blocked=False))

    async def set_parent(
        self,
        account: AccountRef,
        parent: AccountRef | None,
        *,
        actor: Actor,
        reason: str,
        key: str | int | UUID,
    ) -> ParentChange:
        """
        Let `parent` pay for what the account spends, at its own limits; None: nobody but itself.

        Raises:
            NotAllowedError: nothing was changed.
            UnfitParentError: one of them is no external account, or there would be two levels.

        """
        work = self._operation(account, actor=actor, reason=reason, key=key)
        return await self._committed(lambda: set_parent(work, parent, self._clock()))

    async def _committed(self, work: Callable[[], Work[T]]) -> T:
        change = await self._database.write(work)
        crash_point("admin.72.committed")
        return change

    def _operation(
        self,
        account: AccountRef,
        *,
        actor: Actor,
        reason: str,
        key: str | int | UUID,
        metric: str | None = None,
        units: int = 1,
    ) -> _Operation:
        """Check who asks and for how much; the same for every change by hand."""
        self._operators.require(actor)
        if not 1 <= units <= self._max_grant_units:
            raise AmountError(units, minimum=1, maximum=self._max_grant_units)
        name = self._book.catalog.primary_metric if metric is None else metric
        if self._book.catalog.metric(name).kind == "gauge":
            raise MetricKindError(name, "gauge")
        crash_point("admin.70.allowed")
        return _Operation(self._book, account, name, key_bytes(key), actor, reason_text(reason))


@dataclass(frozen=True, slots=True)
class _Operation(ByHand):
    """One change of units or plan, as a transaction's work."""

    def change(self, kind: EntryKind, units: int, now_ms: int, expires_ms: int | None = None) -> Work[Change]:
        payer, before, _ = yield from self.start(now_ms)
        if before is not None:
            return self._replayed(before, kind, units, expires_ms)
        if expires_ms is not None and not now_ms < expires_ms <= LAST_MOMENT_MS:
            raise AmountError(expires_ms, minimum=now_ms + 1, maximum=LAST_MOMENT_MS)
        posting = Posting(self.book, now_ms)
        yield from posting.begin()
        held = lots_left(payer, self.metric, now_ms)
        if kind is EntryKind.GRANT:
            lot = yield from self.book.add_lot(
                payer.state,
                self.metric,
                source="grant",
                order_id=None,
                units=units,
                expires_ms=expires_ms,
                now_ms=now_ms,
            )
            draft = ledger.bring(payer.state, kind, self.metric, units, lot.id)
        else:
            draft = taking_back.remove(payer.state, self.metric, units, now_ms)
        yield from self.write(posting, draft, payer)
        return Change(units=draft.units, before=held, after=lots_left(payer, self.metric, now_ms))

    def _replayed(self, entry: Entry, kind: EntryKind, units: int, expires_ms: int | None) -> Change:
        # A removal may have moved less than was asked, so only more than was asked is another content.
        ends = [end_ms for pot, end_ms in parts_of(entry.parts) if pot[0] == witnesses.ENDS_MARK]
        same = entry.kind == kind and self.book.metric_names[entry.metric] == self.metric
        same = same and ends == ([] if expires_ms is None else [expires_ms])
        if not same or (entry.units != units and not (kind is EntryKind.REMOVE and entry.units < units)):
            raise ConflictingReplayError("this key was used before, with other content")
        moved = sum(delta for pot, delta in parts_of(entry.parts) if pot[0] == "#")
        return Change(
            units=entry.units,
            before=entry.purchased_left - moved,
            after=entry.purchased_left,
            replayed=True,
        )
