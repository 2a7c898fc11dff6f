"""
An account's entries, from a given one back to the first, along the links that the entries themselves hold.

Each digest is checked on the way, so what is told of the past is what was written then.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from quota_core.accounts import AccountRef
from quota_core.chain import Entry, digest_of
from quota_core.database import Database
from quota_core.statements import Work
from quota_core.store import walks as rows
from quota_core.verdict import Pace, Stopwatch
from quota_core.witnesses import beginning


class BrokenChainError(Exception):
    """An entry of the account is not what was written: `ledger verify` says more."""

    def __init__(self, entry_id: int) -> None:
        self.entry_id = entry_id
        super().__init__(f"entry {entry_id} is not what was written; run ledger verify")


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """An account at the moment at which a walk began; `head` is its last entry, 0 before the first."""

    id: int
    ref: AccountRef
    created_ms: int
    version: int
    head: int
    digest: bytes
    kept: bytes | None = None

    @property
    def beginning(self) -> bytes:
        """What stands before the first entry."""
        return beginning(*self.ref, self.created_ms, self.kept)


async def account_now(database: Database, ref: AccountRef) -> Walked | None:
    """Return where an account stands, None when there is no such account."""
    found = await database.read(lambda: rows.standing(*ref))
    if found is None:
        return None
    account, created_ms, version, head, digest, kept = found
    return Walked(
        id=account, ref=ref, created_ms=created_ms, version=version, head=head, digest=digest, kept=kept
    )


async def entries_back(database: Database, account: Walked) -> AsyncIterator[Entry]:
    """
    Yield the account's entries, newest first, some at a time; others get the database between two looks.

    Raises:
        BrokenChainError: an entry does not fit its digest or its place.

    """
    pace = Pace()
    later: Entry | None = None
    head = account.head
    while head:
        found = await database.read(lambda start=head: _some(start, pace))  # type: ignore[misc]  # mypy cannot infer a default argument
        if not found:
            raise BrokenChainError(head)
        for entry in found:
            _check_link(account, later, entry)
            if later is not None:
                yield later
            later = entry
        head = found[-1].prev
    if later is not None:
        if later.version != 1 or later.digest != digest_of(later, account.beginning):
            raise BrokenChainError(later.id)
        yield later


def _some(start: int, pace: Pace) -> Work[list[Entry]]:
    with Stopwatch(pace):
        return (yield from rows.walk_back(start, pace.rows))


def _check_link(account: Walked, later: Entry | None, entry: Entry) -> None:
    """Check that `entry` is the one before `later`; the newest must be the account's head."""
    if later is None:
        if (entry.account, entry.version, entry.digest) != (account.id, account.version, account.digest):
            raise BrokenChainError(entry.id)
    elif (entry.account, entry.version) != (account.id, later.version - 1) or later.digest != digest_of(
        later, entry.digest
    ):
        raise BrokenChainError(later.id)
