"""What the tests of channels share: messages on a real ledger, and senders that reach loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import pytest

from channels.assembly import sending
from channels.guarded import Guarded
from channels.mail import MailServer
from quota_core.accounts import AccountRef
from quota_core.events import CHANNELS
from quota_core.messages import Messages
from quota_core.notices import Notice, Notices
from tests.channels.receiver import PATIENCE_SECONDS, Receiver, receiving
from tests.core.opened_ledger import OPERATOR_ACCOUNT, OpenLedger, SteerableClock

ANA = AccountRef("user", "1")


class WatchedNotices(Notices):
    """An outbox that tells a test what became of each attempt."""

    def __init__(self, ledger: OpenLedger) -> None:
        super().__init__(ledger.database, clock=ledger.clock)
        self._outcomes: asyncio.Queue[str] = asyncio.Queue()

    async def outcome(self) -> str:
        """Return what became of the next attempt."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self._outcomes.get()

    async def sent(self, notice: Notice) -> None:
        await super().sent(notice)
        self._outcomes.put_nowait("sent")

    async def give_up(self, notice: Notice, reason: str) -> None:
        await super().give_up(notice, reason)
        self._outcomes.put_nowait("dead")

    async def try_later(self, notice: Notice, reason: str, *, after_seconds: float | None = None) -> None:
        await super().try_later(notice, reason, after_seconds=after_seconds)
        self._outcomes.put_nowait("later")


@dataclass(frozen=True, slots=True)
class Post:
    """Messages on a ledger, and what sends them."""

    ledger: OpenLedger
    notices: WatchedNotices
    messages: Messages

    @property
    def clock(self) -> SteerableClock:
        """The time of the ledger."""
        return self.ledger.clock

    def sending(self, mail_server: MailServer | None = None) -> AbstractAsyncContextManager[None]:
        """Send until the block ends."""
        return sending(
            self.ledger.catalog,
            self.messages,
            Guarded(allow_private=True),
            mail_server=mail_server,
            dashboard_url="https://quota.example/dashboard",
            can_sell=True,
            clock=self.ledger.clock,
        )

    async def cross(self, account: AccountRef = ANA, *, units: int = 48, key: str = "a") -> None:
        """Cross a threshold and route it."""
        await self.ledger.quota.consume(account, units, key=key)
        await self.messages.alerts.route()

    async def later(self, *, hours: int = 1) -> None:
        """Let time pass and wake the senders."""
        self.clock.move(hours=hours)
        self.notices.wake.set()

    async def states(self, kind: str = "quota_alert") -> list[tuple[str, str, str | None]]:
        """Return channel, state and failure of every notice of a kind."""
        rows = await self.ledger.rows(
            "SELECT channel, state, failure FROM notices WHERE kind = $1 ORDER BY id", kind
        )
        return [(row[0], row[1], row[2]) for row in rows]


@pytest.fixture
def post(ledger: OpenLedger) -> Post:
    """Return messages on an open ledger, whose webhooks may be on loopback."""
    notices = WatchedNotices(ledger)
    messages = Messages(
        *(ledger.database, ledger.book, notices),
        operators=[OPERATOR_ACCOUNT],
        channels=CHANNELS,
        default_locale="en",
        allow_private=True,
        clock=ledger.clock,
    )
    return Post(ledger, notices, messages)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Return a real HTTP server."""
    async with receiving() as one:
        yield one
