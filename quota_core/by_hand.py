"""What every change by hand has in common: its key, its entry, and the audit row that says by whom and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from quota_core import facts, witnesses
from quota_core.accounts import AccountRef
from quota_core.book import Book
from quota_core.chain import Entry
from quota_core.crash_points import crash_point
from quota_core.errors import ConflictingReplayError
from quota_core.ledger import AccountState, Draft, EntryKind, Payer
from quota_core.operators import Actor
from quota_core.parts import Part, parts_text
from quota_core.posting import Posting
from quota_core.statements import Work
from quota_core.store import entries as entry_rows

MAX_REASON_LENGTH = 200


def reason_text(reason: str) -> str:
    """Return a reason as the audit keeps it: one line, since no database stores every control character."""
    kept = reason[:MAX_REASON_LENGTH]
    return "".join(character if character.isprintable() else " " for character in kept)


class Started(NamedTuple):
    """The locked account, the entry that was made under the key before (None: none), other locked accounts."""

    payer: Payer
    before: Entry | None
    others: tuple[AccountState, ...]


@dataclass(frozen=True, slots=True)
class ByHand:
    """One change of one account by hand, as a transaction's work."""

    book: Book
    account: AccountRef
    metric: str
    key: bytes
    actor: Actor
    reason: str

    def start(self, now_ms: int, *others: AccountRef) -> Work[Started]:
        """Lock the account and `others`, and look what was done under the key before."""
        states = yield from self.book.states_of([self.account, *others], now_ms=now_ms, create=True)
        state = states[self.account]
        found = yield from entry_rows.by_keys([(self.key, state.id)])
        payers = yield from self.book.payers([(state, self.metric)], now_ms)
        others_states = tuple(states[ref] for ref in others)
        return Started(payers[state.id, self.metric], found[0] if found else None, others_states)

    def write(self, posting: Posting, draft: Draft, payer: Payer) -> Work[None]:
        """Write the entry of a draft, with its audit row."""
        action = facts.action_of(draft.kind, parts_text(draft.parts))
        witness = witnesses.by_hand(str(self.actor), action, self.reason)
        # A plan is what stands last in its entry.
        parts = (witness, *draft.parts) if draft.kind is EntryKind.PLAN else (*draft.parts, witness)
        entry = posting.append(replace(draft, parts=parts), self.key, payer.windows)
        posting.close()
        yield from posting.write()
        yield from entry_rows.add_audit(
            entry.id,
            actor=str(self.actor),
            action=action,
            reason=self.reason,
            now_ms=posting.now_ms,
        )
        crash_point("admin.71.written")

    def note(self, kind: EntryKind, said: Sequence[Part], state: AccountState, now_ms: int) -> Work[None]:
        """Write an entry that moves no units and says something of the account."""
        payers = yield from self.book.payers([(state, self.metric)], now_ms)
        posting = Posting(self.book, now_ms)
        yield from posting.begin()
        draft = Draft(state=state, kind=kind, metric=self.metric, units=0, parts=tuple(said))
        yield from self.write(posting, draft, payers[state.id, self.metric])


def require_same(entry: Entry, kind: EntryKind, said: Sequence[Part]) -> None:
    """Raise ConflictingReplayError unless the entry under a key is of this kind and says all of this."""
    if entry.kind != kind or not set(parts_text(said).split()) <= set(entry.parts.split()):
        raise ConflictingReplayError("this key was used before, with other content")
