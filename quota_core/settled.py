"""
Up to which entry the history is complete, while other processes append to it.

On PostgreSQL an id is drawn before its entry is committed, so that a larger one may be seen earlier. Who reads the
entries in the order of their ids must not pass a place where one may still appear.
"""

from __future__ import annotations

import asyncio

from quota_core.database import Database
from quota_core.statements import Work
from quota_core.store import entries as entry_rows

PAUSE_SECONDS = 0.01


async def settled_id(database: Database, *, patience_seconds: float = 5.0) -> int | None:
    """
    Return an id up to which no entry can appear any more; None when that cannot be said just now.

    A transaction draws its ids while it holds locks, so it has a number by then. All that had one when the newest
    id was read are waited for, without stopping anyone; who came later draws larger ids. A transaction elsewhere on
    the server that writes for longer than `patience_seconds` makes the answer None.
    """
    if database.alone:
        return await database.read(entry_rows.last_id)
    newest, horizon = await database.write(_newest)
    try:
        async with asyncio.timeout(patience_seconds):
            while (await database.read(entry_rows.oldest_transaction)) < horizon:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(PAUSE_SECONDS)
    except TimeoutError:
        return None
    return newest


def _newest() -> Work[tuple[int, int]]:
    # In this order: the second statement's moment is later, so whoever drew the newest id is counted in it.
    newest = yield from entry_rows.newest_drawn_id()
    return newest, (yield from entry_rows.next_transaction())
