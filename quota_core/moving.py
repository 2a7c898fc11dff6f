"""
One transfer of units between a server and a member, as a transaction's work: what it refuses, and its entries.

Two entries for each end that the units have: out of the server's lots, and into a lot of the member. Each names the
other's account, and the second one's key follows from the first one's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal

from quota_core import facts, ledger, shares
from quota_core.accounts import AccountRef
from quota_core.balances import lots_left
from quota_core.book import Book
from quota_core.chain import Entry
from quota_core.errors import ConflictingReplayError, QuotaError
from quota_core.keys import derived_key
from quota_core.ledger import NEVER_MS, AccountState, Draft, EntryKind, Payer, spendable
from quota_core.parts import Part
from quota_core.posting import Posting
from quota_core.statements import Work
from quota_core.store import entries as entry_rows
from quota_core.store import erasures as erasure_rows

Reason = Literal["short", "debt", "server_blocked", "member_blocked", "leaving", "not_a_person", "not_here"]


class TransferRefusedError(QuotaError):
    """
    Nothing was moved.

    Attributes:
        reason: short (the server owns fewer units that can be spent now), debt (it owes units), server_blocked or
            member_blocked (by an operator), leaving (the member asked to be forgotten), not_a_person, or not_here
            (no member of the server, as the edge knows).
        metric: what was to be moved.
        units_left: what the server could give of it, in units; of `short` alone.

    """

    def __init__(self, reason: Reason, *, metric: str = "", units_left: int = 0) -> None:
        self.reason = reason
        self.metric = metric
        self.units_left = units_left
        super().__init__(f"nothing was moved: {reason}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """Units that moved, or would; what the server's lots and the member's hold afterwards."""

    units: int
    server_left: int
    member_left: int
    replayed: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Transfer:
    """One transfer, as a transaction's work; `by` is who makes it."""

    book: Book
    guild: AccountRef
    member: AccountRef
    by: AccountRef
    metric: str
    units: int
    key: bytes

    def look(self, now_ms: int) -> Work[Moved]:
        """Return what would be moved."""
        states = yield from self.book.states_of([self.guild, self.member], now_ms=now_ms, create=False)
        server, member = yield from self.payers(states, now_ms)
        refusal = yield from self.refusal(server, member, now_ms)
        if refusal is not None:
            raise refusal
        moved = self.moved(server, member, now_ms)
        paid = min(self.units, member.state.debt.get(self.metric, 0))
        return Moved(
            units=self.units,
            server_left=moved.server_left - self.units,
            member_left=moved.member_left + self.units - paid,
        )

    def lock(self, now_ms: int) -> Work[tuple[dict[AccountRef, AccountState], list[Entry]]]:
        """Lock everyone it is about, and return them with the entries that left the server under the key before."""
        refs = [self.guild, self.member, self.by]
        states = yield from self.book.states_of(refs, now_ms=now_ms, create=True)
        account = states[self.guild].id
        found: list[Entry] = []
        while before := (yield from entry_rows.by_keys([(self._key(len(found)), account)])):
            found += before
        return states, found

    def payers(self, states: dict[AccountRef, AccountState], now_ms: int) -> Work[tuple[Payer, Payer]]:
        """Return the server and the member, with their windows."""
        server, member = states[self.guild], states[self.member]
        found = yield from self.book.payers([(server, self.metric), (member, self.metric)], now_ms)
        return found[server.id, self.metric], found[member.id, self.metric]

    def refusal(self, server: Payer, member: Payer, now_ms: int) -> Work[TransferRefusedError | None]:
        """Return why these units must not be moved, None when they may."""
        left = lots_left(server, self.metric, now_ms)
        if server.state.blocked:
            return TransferRefusedError("server_blocked")
        if member.state.blocked:
            return TransferRefusedError("member_blocked")
        if any(server.state.debt.values()):
            return TransferRefusedError("debt")
        if left < self.units:
            return TransferRefusedError("short", metric=self.metric, units_left=left)
        leaves = (yield from erasure_rows.planned(*self.member)) is not None
        return TransferRefusedError("leaving") if leaves else None

    def write(self, server: Payer, member: Payer, by: int, now_ms: int) -> Work[list[Entry]]:
        """Write two entries for each end that the units have, and return them all."""
        shares_by_end = self._by_end(server.state, now_ms)
        posting = Posting(self.book, now_ms)
        yield from posting.begin(2 * len(shares_by_end))
        giver, taker = server.state, member.state
        for number, (end_ms, parts) in enumerate(shares_by_end):
            units = -sum(delta for _, delta in parts)
            key = self._key(number)
            said = (*parts, facts.fact(facts.TO, taker.id), facts.fact(facts.BY, by))
            out = Draft(state=giver, kind=EntryKind.TRANSFER, metric=self.metric, units=units, parts=said)
            posting.append(out, key, server.windows)
            lot = yield from self.book.add_lot(
                taker,
                self.metric,
                source="grant",
                order_id=None,
                units=units,
                expires_ms=None if end_ms == NEVER_MS else end_ms,
                now_ms=now_ms,
            )
            draft = ledger.bring(taker, EntryKind.TRANSFER, self.metric, units, lot.id)
            into = Draft(
                state=taker,
                kind=EntryKind.TRANSFER,
                metric=self.metric,
                units=units,
                parts=(*draft.parts, facts.fact(facts.FROM, giver.id)),
            )
            posting.append(into, shares.payer_key(giver.id, key), member.windows)
        posting.close()
        yield from posting.write()
        return posting.entries

    def moved(self, server: Payer, member: Payer, now_ms: int) -> Moved:
        """Return how both stand."""
        return Moved(
            units=self.units,
            server_left=lots_left(server, self.metric, now_ms),
            member_left=lots_left(member, self.metric, now_ms),
        )

    def replayed(self, states: dict[AccountRef, AccountState], before: list[Entry]) -> Work[Moved]:
        """Return the first answer, if what stands under the key is this transfer."""
        giver, taker = states[self.guild], states[self.member]
        said = {(EntryKind.TRANSFER, self.book.metric_ids[self.metric], taker.id)}
        if {(e.kind, e.metric, facts.fact_in(e.parts, facts.TO)) for e in before} != said or (
            sum(entry.units for entry in before) != self.units
        ):
            raise ConflictingReplayError("this key was used before, with other content")
        into = yield from entry_rows.by_keys([(shares.payer_key(giver.id, before[-1].key), taker.id)])
        return Moved(
            units=self.units,
            server_left=before[-1].purchased_left,
            member_left=into[0].purchased_left,
            replayed=True,
        )

    def _key(self, number: int) -> bytes:
        """Return the key of what left the server with the first, second, … end."""
        return derived_key(f"transfer{number}", self.key) if number else self.key

    def _by_end(self, server: AccountState, now_ms: int) -> list[tuple[int, list[Part]]]:
        """Take the units from the lots in the order in which a spend would, and return them by when they end."""
        lots, left = [], self.units
        for lot in spendable(server.lots.get(self.metric, ()), now_ms):
            taken = min(left, lot.left)
            lots.append((lot.expires_ms, (f"#{lot.id}", -taken)))
            left -= taken
            if not left:
                break
        assert not left, "looked at before"
        return [
            (end_ms, [part for _, part in together])
            for end_ms, together in groupby(lots, key=lambda one: one[0])
        ]
