"""
Messages that are owed: written in the transaction that causes them, sent afterwards, at least once.

A sender claims one notice at a time under a lease with a fence, so that a claimant that slept too long can
write nothing any more. What cannot be sent is kept and shown at the user's next command.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from quota_core.accounts import AccountRef
from quota_core.crash_points import crash_point
from quota_core.database import Database
from quota_core.events import Channel
from quota_core.owing import Owing, Wake
from quota_core.statements import Row, Work
from quota_core.store import notices as rows

LEASE_MS = 15_000  # its holder moves the end for as long as it is at work
HOLD_SECONDS = LEASE_MS / 3000
MAX_BACKOFF_MS = 15 * 60_000
POLL_SECONDS = 30.0  # how long a wake-up that got lost goes unnoticed
SHARED_POLL_SECONDS = 2.0  # other processes wake this one over the network
MAX_ATTEMPTS = 200  # two days at the longest pause; then the notice is shown at the next command
MAX_OTHER_BACKOFF_MS = 60 * 60_000
MAX_OTHER_ATTEMPTS = (
    40  # more than a day on every other channel; then it is dead, and an operator may retry it
)
MAX_WAIT_SECONDS = 3600.0  # of one postponement; what must wait longer is looked at again


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """
    One message owed to an account.

    `facts` are the numbers stored with the entry it tells of; `nonce` (at most 25 characters) is fixed, so that
    Discord drops a second copy; `dm_channel_id` is the direct channel, when it was opened before. `target` is the
    number of the recipient, empty for the account itself.
    """

    id: int
    account: AccountRef
    account_id: int
    kind: str
    facts: Mapping[str, Any]
    locale: str
    nonce: str
    attempts: int
    fence: int
    created_ms: int
    dm_channel_id: int | None
    channel: str = "dm"
    target: str = ""


class Notices(Owing):
    """
    Owe, claim, and settle notices.

    Args:
        database: where they stand.
        clock: UTC milliseconds.
        shared: whether other processes owe and send them too: then all go by the clock of the database.

    Attributes:
        wake: set when something may be due.
        poll_seconds: how often to look although nothing woke the sender.

    """

    def __init__(self, database: Database, *, clock: Callable[[], int], shared: bool = False) -> None:
        super().__init__(clock, shared=shared)
        self._database = database
        self.wake = Wake()
        self.poll_seconds = SHARED_POLL_SECONDS if shared else POLL_SECONDS

    async def take_over(self) -> None:
        """Free what an earlier process had in hand, at the start of the one process that owns the database."""
        if self._database.alone:
            await self._database.write(rows.end_leases)

    async def claim(self, channel: Channel = "dm") -> Notice | None:
        """Take a channel's notice that is due longest, None when nothing is due."""
        row = await self._database.write(lambda: self._claim(channel))
        if row is None:
            return None
        crash_point("outbox.20.claimed")
        return _notice(row)

    def _claim(self, channel: Channel) -> Work[Row | None]:
        now_ms = yield from self._now_ms()
        return (yield from rows.claim(channel, now_ms, LEASE_MS))

    async def hold(self, notice: Notice) -> bool:
        """Move the end of a claim; to be called every `HOLD_SECONDS`. False: another process has the notice."""
        return await self._database.write(lambda: self._hold(notice))

    def _hold(self, notice: Notice) -> Work[bool]:
        now_ms = yield from self._now_ms()
        return (yield from rows.hold(notice.id, notice.fence, until_ms=now_ms + LEASE_MS))

    async def seconds_until_due(self, channel: Channel = "dm") -> float | None:
        """Return how long nothing is due on a channel, None when nothing is owed there at all."""
        wait_ms = await self._database.read(lambda: self._wait_ms(channel))
        return None if wait_ms is None else wait_ms / 1000

    def _wait_ms(self, channel: Channel) -> Work[int | None]:
        now_ms = yield from self._now_ms()
        due_ms = yield from rows.next_due(channel, now_ms)
        return None if due_ms is None else due_ms - now_ms

    async def sent(self, notice: Notice) -> None:
        """Record that the notice is with its reader."""
        await self._finish(notice, "sent", None)
        crash_point("outbox.25.marked_sent")

    async def keep(self, notice: Notice, reason: str) -> None:
        """Keep the notice for the user's next command: direct messages are closed."""
        await self._finish(notice, "kept", reason)

    async def give_up(self, notice: Notice, reason: str) -> None:
        """Record that nobody will ever read it: the user is gone."""
        await self._finish(notice, "dead", reason)

    async def try_later(self, notice: Notice, reason: str, *, after_seconds: float | None = None) -> None:
        """Try again after a pause that doubles, or after the one that the other side asked for."""
        direct = notice.channel == "dm"
        if notice.attempts >= (MAX_ATTEMPTS if direct else MAX_OTHER_ATTEMPTS):
            await (self.keep(notice, reason) if direct else self.give_up(notice, reason))
            return
        longest_ms = MAX_BACKOFF_MS if direct else MAX_OTHER_BACKOFF_MS
        backoff_ms = min(longest_ms, 500 * 2 ** min(notice.attempts, 13))
        pause_ms = backoff_ms if after_seconds is None else int(after_seconds * 1000)
        # Up to a tenth more, so that what failed together does not come back together.
        pause_ms += secrets.randbelow(pause_ms // 10 + 1)
        await self._database.write(lambda: self._later(notice, pause_ms, reason[:200]))

    def _later(self, notice: Notice, pause_ms: int, reason: str) -> Work[None]:
        now_ms = yield from self._now_ms()
        yield from rows.later(notice.id, notice.fence, next_ms=now_ms + pause_ms, failure=reason)

    async def postpone(self, notice: Notice, seconds: float) -> None:
        """Look again later, an hour at most; it was not tried, so that this counts as no attempt."""
        pause_ms = int(min(seconds, MAX_WAIT_SECONDS) * 1000)
        await self._database.write(lambda: self._postpone(notice, pause_ms))

    def _postpone(self, notice: Notice, pause_ms: int) -> Work[None]:
        now_ms = yield from self._now_ms()
        yield from rows.postpone(notice.id, notice.fence, next_ms=now_ms + pause_ms)

    async def kept(self, account: AccountRef) -> list[Notice]:
        """Return what waits for this account's next command, oldest first, five at most."""
        found = await self._database.read(lambda: rows.kept(account.kind, account.external_id))
        return [_notice(row) for row in found]

    async def shown(self, notices: Sequence[Notice]) -> None:
        """Record that kept notices were shown."""
        now_ms = self._clock()
        await self._database.write(lambda: rows.shown([notice.id for notice in notices], now_ms))

    async def _finish(self, notice: Notice, state: str, failure: str | None) -> None:
        now_ms = self._clock()
        text = None if failure is None else failure[:200]
        await self._database.write(
            lambda: rows.finish(notice.id, notice.fence, state=state, failure=text, now_ms=now_ms)
        )


def _notice(row: Row) -> Notice:
    return Notice(
        id=row[0],
        account_id=row[1],
        kind=row[2],
        facts=json.loads(row[3]),
        locale=row[4],
        nonce=row[5],
        attempts=row[6],
        fence=row[7],
        created_ms=row[8],
        account=AccountRef(row[9], row[10]),
        dm_channel_id=None if row[11] is None else int(row[11]),
        channel=row[12],
        target=row[13],
    )
