"""
The check of what came since the last one: cheap enough to run every few minutes.

What it finds is worth stopping all writes for.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from quota_core.chain import Entry, digest_of
from quota_core.database import Database
from quota_core.settled import settled_id
from quota_core.statements import Work
from quota_core.store import entries as entry_rows
from quota_core.store import marks
from quota_core.store import proofs as rows
from quota_core.verdict import Verdict

STEP = 2000  # entries in one transaction: about 10 ms
_CHECK_MARK = "checked_entry"


class _Step(NamedTuple):
    """Some entries that were checked: how many, the last one's id, what is wrong."""

    entries: int
    last_id: int
    problems: list[str]


async def check_recent(database: Database) -> Verdict:
    """Check the chains of the entries that came since the last such check, and the heads of their accounts."""
    verdict = Verdict()
    started_seconds = time.perf_counter()
    # Where others write, an entry of a smaller id may still come: the next check begins before such places.
    settled = await settled_id(database)
    mark = await database.read(lambda: marks.mark(_CHECK_MARK))
    more = True
    while more:
        step = await database.read(partial(_check_step, mark))
        verdict.entries += step.entries
        verdict.note(step.problems)
        more = step.entries == STEP and verdict.sound
        if step.entries and verdict.sound:
            mark = step.last_id
            if settled is not None:
                await database.write(partial(marks.set_mark, _CHECK_MARK, min(mark, settled)))
    verdict.seconds = time.perf_counter() - started_seconds
    return verdict


def _check_step(mark: int) -> Work[_Step]:
    problems: list[str] = []
    found = [entry_rows.entry_of(row) for row in (yield from rows.entries_after(mark, STEP))]
    known = {entry.id for entry in found}
    previous = yield from entry_rows.by_ids([e.prev for e in found if e.prev and e.prev not in known])
    before = {entry.id: entry for entry in (*previous, *found)}
    first = yield from rows.openings([e.account for e in found if e.prev == 0])
    last: dict[int, Entry] = {}
    for entry in found:
        prior = before.get(entry.prev)
        follows = prior.version + 1 if prior is not None and prior.account == entry.account else 1
        digest = first.get(entry.account, b"") if prior is None else prior.digest
        if entry.version != follows or (prior is None) != (entry.prev == 0):
            problems.append(f"entry {entry.id}: does not follow entry {entry.prev}")
        elif entry.digest != digest_of(entry, digest):
            problems.append(f"entry {entry.id}: its digest does not fit what it says")
        last[entry.account] = entry
    if len(found) < STEP:
        problems += yield from _check_heads(list(last.values()))
    return _Step(len(found), found[-1].id if found else mark, problems)


def _check_heads(last: Sequence[Entry]) -> Work[list[str]]:
    """Check, once all entries are read, that the last one of each account is where its balance says it stands."""
    by_account = {entry.account: entry for entry in last}
    return [
        f"account {account}: its head is not its last entry, {by_account[account].id}"
        for account, *head in (yield from rows.heads(list(by_account)))
        if head != [by_account[account].version, by_account[account].id, by_account[account].digest]
    ]
