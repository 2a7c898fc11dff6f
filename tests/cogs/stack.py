"""The real bot on a real ledger, connected to a running sandbox over real sockets."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cogs.assembly import Parts, make_bot
from cogs.client import QuotaBot
from cogs.command_sync import MarksInMemory
from cogs.connection import DiscordState, run_discord
from cogs.shards import Shards
from quota_core import catalog_file
from quota_core.account_statement import Statements
from quota_core.accounts import AccountRef
from quota_core.balances import Balances
from quota_core.book import Book
from quota_core.catalog import Catalog
from quota_core.database import Database
from quota_core.erasure import Erasures
from quota_core.events import CHANNELS, Channel
from quota_core.grants import Grants
from quota_core.history import History
from quota_core.messages import Messages
from quota_core.migrations import migrate
from quota_core.notices import Notice, Notices
from quota_core.operators import Operators
from quota_core.people import People
from quota_core.personal_data import PersonalData
from quota_core.pools import Pools
from quota_core.purchases import Checkout, Purchases
from quota_core.quota import Quota
from quota_core.refunding import Refunding
from quota_core.settlement import Settlements
from quota_core.signing import SigningKey
from quota_core.sqlite_database import SqliteDatabase
from quota_core.stats import Statistics
from quota_core.tombstones import TombstoneFile
from quota_core.transfers import Transfers
from sandbox.places import MEMBER_ID, OPERATOR_ID
from tests.noon import catalog_at_noon

MAX_GRANT_UNITS = 1_000_000_000
PATIENCE_SECONDS = 120
PUBLIC_URL = "https://quota.example"


class MovableClock:
    """The real time in UTC milliseconds, which a test can move forward."""

    def __init__(self) -> None:
        self.ahead_ms = 0

    def __call__(self) -> int:
        return int(time.time() * 1000) + self.ahead_ms


class WatchedNotices(Notices):
    """Notices that tell a test what became of each attempt."""

    def __init__(self, database: Database, *, clock: MovableClock) -> None:
        super().__init__(database, clock=clock)
        self.clock = clock
        self._outcomes: asyncio.Queue[str] = asyncio.Queue()
        self.attempts: list[Notice] = []

    async def outcome(self) -> str:
        """Return what became of the next attempt: sent, later, kept or dead."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self._outcomes.get()

    async def claim(self, channel: Channel = "dm") -> Notice | None:
        notice = await super().claim(channel)
        if notice is not None:
            self.attempts.append(notice)
        return notice

    async def sent(self, notice: Notice) -> None:
        await super().sent(notice)
        self._outcomes.put_nowait("sent")

    async def keep(self, notice: Notice, reason: str) -> None:
        await super().keep(notice, reason)
        self._outcomes.put_nowait("kept")

    async def give_up(self, notice: Notice, reason: str) -> None:
        await super().give_up(notice, reason)
        self._outcomes.put_nowait("dead")

    async def try_later(self, notice: Notice, reason: str, *, after_seconds: float | None = None) -> None:
        await super().try_later(notice, reason, after_seconds=after_seconds)
        self._outcomes.put_nowait("later")

    async def shown(self, notices: Sequence[Notice]) -> None:
        await super().shown(notices)
        self._outcomes.put_nowait("shown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """The core on one database."""

    clock: MovableClock
    database: Database
    settlements: Settlements
    notices: WatchedNotices
    parts: Parts

    async def spend(self, units: int, *, user_id: int = MEMBER_ID, key: str = "spent before") -> None:
        """Use units of a user, as some other command did before."""
        await self.parts.quota.consume(AccountRef("user", str(user_id)), units, key=key)

    async def used(self, user_id: int = MEMBER_ID) -> int:
        """Return what a user has used of today's allowance."""
        balance = await self.parts.balances.of(AccountRef("user", str(user_id)))
        return balance.metrics[0].windows[0].used

    async def bought(self, user_id: int = MEMBER_ID) -> int:
        """Return what a user was given or bought."""
        return (await self.parts.balances.of(AccountRef("user", str(user_id)))).metrics[0].purchased


def messages_on(
    database: Database, book: Book, notices: WatchedNotices, *, operators: Sequence[AccountRef]
) -> Messages:
    """Return what stands around an outbox, with every channel."""
    return Messages(
        *(database, book, notices),
        operators=operators,
        channels=CHANNELS,
        default_locale="en-US",
        allow_private=True,  # receivers are on loopback
        clock=notices.clock,
    )


@asynccontextmanager
async def opened_core(
    path: Path,
    *,
    checkout: Checkout | None = None,
    catalog: Catalog | None = None,
    operators: Operators | None = None,
    public_url: str = PUBLIC_URL,
    with_ask: bool = True,
    **options: Any,
) -> AsyncIterator[Core]:
    """Open the ledger in a file, and close it when the block ends."""
    clock = MovableClock()
    database = SqliteDatabase(path)
    await database.open()
    try:
        await migrate(database, clock=clock)
        book = Book(catalog or catalog_file.load(str(catalog_at_noon(path.parent))))
        database.attach(book)
        await database.write(book.open)
        operators = operators or Operators(user_ids=frozenset({OPERATOR_ID}))
        told = [AccountRef("user", str(one)) for one in sorted(operators.user_ids)]
        notices, quota = WatchedNotices(database, clock=clock), Quota(database, book, clock=clock)
        messages = messages_on(database, book, notices, operators=told)
        settlements = Settlements(
            database, book, notices, operators=told, default_locale="en-US", clock=clock
        )
        statements = Statements(database, SigningKey.new(), clock=clock)
        parts = Parts(
            catalog=book.catalog,
            quota=quota,
            balances=Balances(database, book, clock=clock),
            grants=Grants(database, book, operators, max_grant_units=MAX_GRANT_UNITS, clock=clock),
            refunding=Refunding(database, None, settlements.reversals, operators),
            history=History(database, book),
            statements=statements,
            erasures=Erasures(database, book, TombstoneFile(path.parent, b"s" * 32), clock=clock),
            personal_data=PersonalData(database, statements, clock=clock),
            statistics=Statistics(database, book, clock=clock),
            notices=notices,
            messages=messages,
            people=People(database, book, clock=clock),
            purchases=Purchases(database, book, checkout, clock=clock),
            pools=Pools(database, book, clock=clock),
            transfers=Transfers(database, book, notices, max_units=MAX_GRANT_UNITS, clock=clock),
            operators=operators,
            marks=MarksInMemory(),
            default_locale="en-US",
            public_url=public_url,
            clock=clock,
            monotonic=asyncio.get_running_loop().time,
            with_ask=with_ask,
            **options,
        )
        yield Core(clock=clock, database=database, settlements=settlements, notices=notices, parts=parts)
        await quota.drain()
    finally:
        await database.close()


class States:
    """What the supervisor reported, in order."""

    def __init__(self) -> None:
        self.seen: list[DiscordState] = []
        self._changed = asyncio.Event()

    def __call__(self, state: DiscordState) -> None:
        self.seen.append(state)
        self._changed.set()

    async def until(self, state: DiscordState, *, times: int = 1) -> None:
        """Wait until a state was reported."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self.seen.count(state) < times:
                self._changed.clear()
                await self._changed.wait()


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A bot under its supervisor; `bots` are those it made, the last one is in use."""

    states: States
    task: asyncio.Task[None]
    bots: list[QuotaBot]

    @property
    def bot(self) -> QuotaBot:
        """The bot in use."""
        return self.bots[-1]


@asynccontextmanager
async def running_bot(
    parts: Parts, *, message_content: bool = True, until: DiscordState = DiscordState.CONNECTED
) -> AsyncIterator[Running]:
    """Run the bot until the block ends; it is ready and its commands are registered when the block begins."""
    states = States()
    bots: list[QuotaBot] = []

    def make(message_content: bool, shards: Shards | None) -> QuotaBot:  # noqa: FBT001 - the supervisor passes nothing else
        bots.append(make_bot(parts, message_content=message_content, shards=shards))
        bots[-1]._connection.guild_ready_timeout = 0.01  # so that READY does not wait for two seconds
        return bots[-1]

    task = asyncio.create_task(run_discord(make, "a-token", message_content=message_content, on_state=states))
    try:
        waiting = asyncio.ensure_future(states.until(until))
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        await (task if task.done() and not waiting.done() else waiting)
        if until is DiscordState.CONNECTED:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await bots[-1].synced.wait()
                await bots[-1].wait_until_ready()
        yield Running(states=states, task=task, bots=bots)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
