"""
The check of what came since the last one: cheap enough to run every few minutes.

What it finds is worth stopping all writes for.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from quota_core.chain import Entry, digest_of
from quota_core.database import Database
from quota_core.statements import Work
from quota_core.store import proofs as rows
from quota_core.verdict import Verdict
from quota_core.witnesses import first_digest

STEP = 2000  # entries in one transaction: about 10 ms
_CHECK_MARK = "checked_entry"


async def check_recent(database: Database) -> Verdict:
    """Check the chains of the entries that came since the last such check, and the heads of their accounts."""
    verdict = Verdict()
    started_seconds = time.perf_counter()
    while await database.write(lambda: _check_step(verdict)):
        pass
    verdict.seconds = time.perf_counter() - started_seconds
    return verdict


def _check_step(verdict: Verdict) -> Work[bool]:
    mark = yield from rows.mark(_CHECK_MARK)
    found = [Entry._make(row) for row in (yield from rows.entries_after(mark, STEP))]
    known = {entry.id for entry in found}
    previous = yield from rows.entries([e.prev for e in found if e.prev and e.prev not in known])
    before = {entry.id: entry for entry in (*previous, *found)}
    first = {
        row[0]: first_digest(*row[1:])
        for row in (yield from rows.openings([e.account for e in found if e.prev == 0]))
    }
    last: dict[int, Entry] = {}
    for entry in found:
        prior = before.get(entry.prev)
        follows = prior.version + 1 if prior is not None and prior.account == entry.account else 1
        digest = first.get(entry.account, b"") if prior is None else prior.digest
        if entry.version != follows or (prior is None) != (entry.prev == 0):
            verdict.note([f"entry {entry.id}: does not follow entry {entry.prev}"])
        elif entry.digest != digest_of(entry, digest):
            verdict.note([f"entry {entry.id}: its digest does not fit what it says"])
        last[entry.account] = entry
    if len(found) < STEP:
        yield from _check_heads(verdict, list(last.values()))
    verdict.entries += len(found)
    if found and not verdict.problems:
        yield from rows.set_mark(_CHECK_MARK, found[-1].id)
    return len(found) == STEP and not verdict.problems


def _check_heads(verdict: Verdict, last: Sequence[Entry]) -> Work[None]:
    """Check, once all entries are read, that the last one of each account is where its balance says it stands."""
    by_account = {entry.account: entry for entry in last}
    for account, *head in (yield from rows.heads(list(by_account))):
        entry = by_account[account]
        if head != [entry.version, entry.id, entry.digest]:
            verdict.note([f"account {account}: its head is not its last entry, {entry.id}"])
