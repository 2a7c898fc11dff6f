"""
The hot path: whether an account may spend some units now, and from which pot.

Operations queue while the previous batch commits; each batch is one durable transaction, and answers are
released after its commit, never before. Alone, an operation waits for nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from quota_core import answers, ledger
from quota_core.accounts import AccountRef
from quota_core.answers import Spend
from quota_core.book import Book
from quota_core.catalog import MAX_UNITS
from quota_core.chain import Entry
from quota_core.database import Database
from quota_core.errors import (
    AccountBlockedError,
    AmountError,
    ConflictingReplayError,
    QuotaError,
    UnavailableError,
    UnknownMetricError,
    UnknownSpendError,
)
from quota_core.keys import derived_key, key_bytes
from quota_core.ledger import AccountState, EntryKind, Payer
from quota_core.posting import Posting
from quota_core.statements import Work
from quota_core.store import entries as entry_rows
from quota_core.store import states as state_rows

log = logging.getLogger(__name__)

MAX_BATCH = 512
MAX_QUEUE = 20_000


class Consume(NamedTuple):
    """
    One operation: `units` (at least 1) of `metric`, paid by `payers` in their order.

    The key is unique for ever per account; the same key with the same content gets the first answer.
    """

    payers: tuple[AccountRef, ...]
    metric: str
    units: int
    key: bytes


class Quota:
    """Spend, give back and look, for any account."""

    def __init__(self, database: Database, book: Book, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._book = book
        self._clock = clock
        self._queue: list[tuple[Consume, asyncio.Future[Spend]]] = []
        self._flusher: asyncio.Task[None] | None = None

    @property
    def book(self) -> Book:
        """The states of accounts, and with them the catalog."""
        return self._book

    async def consume(
        self,
        account: AccountRef,
        units: int = 1,
        *,
        key: str | int | UUID,
        metric: str | None = None,
        payers: Sequence[AccountRef] = (),
    ) -> Spend:
        """
        Take `units` of `metric` (the primary one unless given), once per `key`; durable when it returns.

        Args:
            account: pays first; its own pots come before those of `payers`.
            units: 1..2^53-1.
            key: made by the caller, 1..200 characters; unique for ever per account.
            metric: an id of the catalog.
            payers: further accounts, in order.

        Raises:
            OutOfQuotaError: all together have less; nothing was written, the same key may succeed later.
            AccountBlockedError, UnknownMetricError, AmountError: refused for that reason.
            ConflictingReplayError: the key was used for something else.
            UnavailableError: the ledger cannot be written just now; send the same key again.

        """
        operation = self.operation(account, units, key=key, metric=metric, payers=payers)
        if len(self._queue) >= MAX_QUEUE:
            raise UnavailableError("too many operations are waiting", retry_seconds=1)
        future: asyncio.Future[Spend] = asyncio.get_running_loop().create_future()
        self._queue.append((operation, future))
        if self._flusher is None:
            self._flusher = asyncio.create_task(self._flush())
        return await future

    def operation(
        self,
        account: AccountRef,
        units: int = 1,
        *,
        key: str | int | UUID,
        metric: str | None = None,
        payers: Sequence[AccountRef] = (),
    ) -> Consume:
        """Check the arguments of `consume` and return the operation they make."""
        if not 1 <= units <= MAX_UNITS:
            raise AmountError(units, minimum=1, maximum=MAX_UNITS)
        catalog = self._book.catalog
        metric = catalog.primary_metric if metric is None else metric
        if metric not in catalog.metrics:
            raise UnknownMetricError(metric)
        # An account that is named twice pays once, at its first place.
        everyone = tuple(dict.fromkeys((account, *payers))) if payers else (account,)
        return Consume(everyone, metric, units, key_bytes(key))

    async def consume_many(self, operations: Sequence[Consume]) -> list[Spend | QuotaError]:
        """Decide operations in their order, in as few transactions as possible; refusals are returned."""
        outcomes: list[Spend | QuotaError] = []
        for start in range(0, len(operations), MAX_BATCH):
            outcomes += await self._commit(operations[start : start + MAX_BATCH])
        return outcomes

    async def drain(self) -> None:
        """Wait until everything that was queued has its answer."""
        if self._flusher is not None:
            # Shielded: whoever stops waiting must not take the answers from those who wait.
            await asyncio.shield(self._flusher)

    async def _flush(self) -> None:
        try:
            while self._queue:
                batch, self._queue = self._queue[:MAX_BATCH], self._queue[MAX_BATCH:]
                outcomes = await self._outcomes([operation for operation, _ in batch])
                for (_, future), outcome in zip(batch, outcomes, strict=True):
                    if future.done():
                        continue  # its caller was cancelled; the key tells a repeat what happened
                    if isinstance(outcome, Exception):
                        future.set_exception(outcome)
                    else:
                        future.set_result(outcome)
        finally:
            self._flusher = None

    async def _outcomes(self, operations: list[Consume]) -> Sequence[Spend | Exception]:
        """Commit a batch; what makes it fail belongs to those who wait, and to no other operation than its own."""
        try:
            return await self._commit(operations)
        except UnavailableError as error:
            return [error] * len(operations)
        except Exception as error:
            if len(operations) == 1:
                return [error]
            log.exception("a batch of %d failed; its operations are tried one by one", len(operations))
            return [outcome for one in operations for outcome in await self._outcomes([one])]

    async def _commit(self, operations: Sequence[Consume]) -> list[Spend | QuotaError]:
        return await self._database.write(lambda: self._batch(operations))

    def _batch(self, operations: Sequence[Consume]) -> Work[list[Spend | QuotaError]]:
        now_ms = self._clock()
        states = yield from self._book.states_of(
            [ref for operation in operations for ref in operation.payers], now_ms=now_ms, create=True
        )
        # Look only now: the rows are locked, so of two copies of a request one sees the other's entry.
        known = yield from self._known([(op.key, states[op.payers[0]].id) for op in operations])
        yield from self._book.prepare(
            [(states[ref], op.metric) for op in operations for ref in op.payers], now_ms
        )
        posting = Posting(self._book, now_ms)
        yield from posting.begin()
        outcomes = [self._outcome(operation, states, known, posting) for operation in operations]
        new = yield from posting.write()
        if not new:
            return outcomes
        return answers.with_crossings([op.metric for op in operations], outcomes, posting.accounts, new)

    def _outcome(
        self,
        operation: Consume,
        states: Mapping[AccountRef, AccountState],
        known: dict[tuple[bytes, int], list[Entry]],
        posting: Posting,
    ) -> Spend | QuotaError:
        refs, metric, units, key = operation
        first = states[refs[0]]
        place = (key, first.id)
        if place in known:
            return self._replay(operation, [states[ref].id for ref in refs], known[place])
        if len(refs) == 1 and not first.blocked:
            entry = posting.spend_allowance(first.payers[metric], metric, units, key)
            if entry is not None:
                known[place] = [entry]
                # metric, units, from the allowance, from lots, overage, what is left, entry, no replay
                return Spend(metric, units, units, 0, 0, entry[10], entry[11], (entry[0],), False)  # noqa: FBT003 - see above
        made = self._decide(operation, [states[ref].payers[metric] for ref in refs], posting)
        if isinstance(made, QuotaError):
            return made
        known[place] = made
        return answers.spend_of(metric, made, replayed=False)

    def _known(self, keys: Sequence[tuple[bytes, int]]) -> Work[dict[tuple[bytes, int], list[Entry]]]:
        """Return, for each key that its account has used, the entries of that operation, all payers' included."""
        found = {(entry.key, entry.account): [entry] for entry in (yield from entry_rows.by_keys(keys))}
        if not found:
            return found
        shares = {
            (payer_key(first.account, first.key), account): first
            for (first,) in found.values()
            for account in payers_in(first)
        }
        for entry in (yield from entry_rows.by_keys(list(shares))):
            first = shares[entry.key, entry.account]
            found[first.key, first.account].append(entry)
        return found

    def _decide(self, operation: Consume, payers: list[Payer], posting: Posting) -> list[Entry] | QuotaError:
        now_ms = posting.now_ms
        for payer in payers:
            if payer.state.blocked:
                return AccountBlockedError(str(payer.state.ref))
        drafts = ledger.spend(payers, operation.metric, operation.units, now_ms)
        if isinstance(drafts, ledger.Shortage):
            plan = self._book.plan_id(payers[0].state, now_ms)
            return answers.refusal(
                payers[0], operation.metric, operation.units, plan=plan, shortage=drafts, now_ms=now_ms
            )
        windows = {payer.state.id: payer.windows for payer in payers}
        # The key is the first payer's; another one's account may have its own operation under the same key.
        first = drafts[0]
        entries = [posting.append(first, operation.key, windows[first.state.id])]
        for draft in drafts[1:]:
            key = payer_key(first.state.id, operation.key)
            entries.append(posting.append(draft, key, windows[draft.state.id]))
        return entries

    def _replay(self, operation: Consume, accounts: list[int], before: list[Entry]) -> Spend | QuotaError:
        same = (
            {entry.account for entry in before} <= set(accounts)
            and all(entry.kind == EntryKind.SPEND for entry in before)
            and {entry.metric for entry in before} == {self._book.metric_ids[operation.metric]}
            and sum(entry.units for entry in before) == operation.units
        )
        if not same:
            return ConflictingReplayError("this key was used before, with other content")
        return answers.spend_of(operation.metric, before, replayed=True)

    async def give_back(self, account: AccountRef, *, key: str | int | UUID) -> int:
        """
        Undo the spend that was made under `key`, once, in the windows it was booked on; return its units.

        Raises:
            UnknownSpendError: nothing was spent under this key.

        """
        return await self._database.write(lambda: self._give_back(account, key_bytes(key)))

    def _give_back(self, account: AccountRef, key: bytes) -> Work[int]:
        now_ms = self._clock()
        states = yield from self._book.states_of([account], now_ms=now_ms, create=False)
        state = states[account]
        spent = (yield from self._known([(key, state.id)])).get((key, state.id), [])
        if not spent or spent[0].kind != EntryKind.SPEND:
            raise UnknownSpendError("nothing was spent under this key")
        units = sum(entry.units for entry in spent)
        if (yield from entry_rows.by_keys([(derived_key("give_back", key), state.id)])):
            return units
        refs = yield from state_rows.refs([entry.account for entry in spent])
        states = yield from self._book.states_of(refs.values(), now_ms=now_ms, create=False)
        metric = self._book.metric_names[spent[0].metric]
        payers = yield from self._book.payers([(one, metric) for one in states.values()], now_ms)
        posting = Posting(self._book, now_ms)
        yield from posting.begin()
        for entry in spent:
            payer = payers[entry.account, metric]
            parts = ledger.parts_of(entry.parts)
            yield from self._book.touch(payer.state, metric, parts)
            draft = ledger.give_back(payer.state, metric, entry.units, parts)
            posting.append(draft, derived_key("give_back", entry.key), payer.windows)
        yield from posting.write()
        return units


def payer_key(first_account: int, key: bytes) -> bytes:
    """Return the key under which another account pays for an operation of `first_account`."""
    return derived_key("payer", first_account.to_bytes(8, "big") + key)


def payers_in(entry: Entry) -> list[int]:
    """Return the other accounts that paid for the operation of this entry."""
    if "^" not in entry.parts:
        return []
    return [int(pot[1:]) for pot, _ in ledger.parts_of(entry.parts) if pot[0] == "^"]
