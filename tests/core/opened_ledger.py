"""A ledger on a real database with all parts of the core around it, and a clock that tests turn."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from quota_core.access_keys import AccessKeys
from quota_core.accounts import AccountRef
from quota_core.balances import Balances
from quota_core.book import Book
from quota_core.catalog import Catalog
from quota_core.chain import Entry, digest_of
from quota_core.database import Database
from quota_core.events import CHANNELS
from quota_core.grants import Grants
from quota_core.history import History
from quota_core.ledger import EntryKind
from quota_core.messages import Messages
from quota_core.migrations import migrate
from quota_core.notices import Notices
from quota_core.operators import Actor, Operators
from quota_core.people import People
from quota_core.postgres_database import PostgresDatabase
from quota_core.purchases import Page, Purchases
from quota_core.quota import Quota
from quota_core.settlement import Payment, Settlements
from quota_core.sqlite_database import SqliteDatabase
from quota_core.statements import Row, Work, fetch, run
from quota_core.stats import Statistics
from quota_core.store.entries import after, take_ids
from quota_core.store.orders import OrderRow
from quota_core.transfers import Transfers
from quota_core.witnesses import by_hand

OPERATOR = Actor(user_id=900)
OPERATOR_ACCOUNT = AccountRef("user", "900")
NOON_MS = int(datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp() * 1000)
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


Place = Path | str
"""Where a ledger is: the path of an SQLite file, or the address of a PostgreSQL database."""


class SteerableClock:
    """UTC milliseconds that stand still until a test moves them, in either direction."""

    def __init__(self, now_ms: int = NOON_MS) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms

    def move(self, *, days: int = 0, hours: int = 0, seconds: int = 0, ms: int = 0) -> None:
        """Turn forwards, or backwards with negative amounts."""
        self.now_ms += days * DAY_MS + hours * HOUR_MS + seconds * 1000 + ms


@dataclass(slots=True)
class PaymentPages:
    """A payment provider that opens pages at once, and remembers every call by its idempotency key."""

    livemode: bool = False
    calls: list[str] = field(default_factory=list)
    pages: dict[str, tuple[str, Page]] = field(default_factory=dict)
    receipts: dict[str, str] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)

    def parameters(self, order: OrderRow, *, account_label: str) -> Mapping[str, Any]:
        """Return what a page of this order would be opened with."""
        return {"order": order.id, "amount": order.price_minor, "label": account_label}

    async def open(self, parameters: Mapping[str, Any], *, idempotency_key: str) -> Page:
        """Open a page, or return the one of this key; the same key with other parameters is an error."""
        self.calls.append(idempotency_key)
        text = json.dumps(dict(parameters), sort_keys=True)
        number = len(self.pages) + 1
        fresh = Page(reference=f"cs_test_{number}", url=f"https://pay.example/{number}")
        said, page = self.pages.setdefault(idempotency_key, (text, fresh))
        assert said == text, "the same idempotency key with other parameters"
        return page

    async def has_ended(self, reference: str) -> bool:
        """Tell whether a page was ended by hand."""
        return reference in self.ended

    async def receipt_url(self, payment: str) -> str | None:
        """Return the receipt of a payment, if there is one yet."""
        return self.receipts.get(payment)


@dataclass(slots=True, kw_only=True)
class OpenLedger:
    """Everything that works on one database."""

    place: Place
    clock: SteerableClock
    catalog: Catalog
    pages: PaymentPages
    database: Database
    book: Book
    quota: Quota
    balances: Balances
    grants: Grants
    history: History
    statistics: Statistics
    notices: Notices
    messages: Messages
    people: People
    keys: AccessKeys
    purchases: Purchases
    settlements: Settlements
    transfers: Transfers

    @property
    def path(self) -> Path:
        """The SQLite file."""
        assert isinstance(self.place, Path)
        return self.place

    async def rows(self, sql: str, *arguments: object) -> list[Row]:
        """Read rows, past every object of the core."""

        def work() -> Work[list[Row]]:
            return (yield fetch(sql, *arguments))

        return await self.database.read(work)

    async def execute(self, sql: str, *arguments: object) -> None:
        """Change rows, past every object of the core."""

        def work() -> Work[None]:
            yield run(sql, *arguments)

        await self.database.write(work)
        self.book.forget()

    async def tamper(self, sql: str) -> None:
        """Change rows as who holds the database can: past triggers and foreign keys."""
        if isinstance(self.place, Path):
            for (trigger,) in await self.rows("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
                await self.execute(f"DROP TRIGGER {trigger}")
            await self.rows("PRAGMA foreign_keys = OFF")  # as most tools that edit a file have it
            await self.execute(sql)
            return

        def work() -> Work[None]:
            yield run("SELECT set_config('session_replication_role', 'replica', true)")
            yield run(sql.replace("zeroblob(16)", "decode(repeat('00', 16), 'hex')"))

        await self.database.write(work)

    async def entries(self) -> list[Entry]:
        """Return every entry in order."""
        return await self.database.read(lambda: after(0, 1_000_000))

    async def close(self) -> None:
        """Close the file."""
        await self.quota.drain()
        await self.database.close()

    async def reopened(self, **options: Any) -> "OpenLedger":
        """Close the file and open it with new objects, as a restart does."""
        await self.close()
        return await open_ledger(
            self.place, catalog=self.catalog, clock=self.clock, pages=self.pages, **options
        )


async def open_ledger(
    place: Place,
    *,
    catalog: Catalog,
    clock: SteerableClock,
    pages: PaymentPages | None = None,
    resident_accounts: int = 200_000,
    max_grant_units: int = 1_000_000,
) -> OpenLedger:
    """Open or make the database and wire all parts of the core to it."""
    pages = PaymentPages() if pages is None else pages
    database = SqliteDatabase(place) if isinstance(place, Path) else PostgresDatabase(place, connections=4)
    await database.open()
    try:
        await migrate(database, clock=clock)
        book = Book(catalog, resident_accounts=resident_accounts if database.alone else 0)
        database.attach(book)
        await database.write(book.open)
    except BaseException:
        await database.close()
        raise
    notices = Notices(database, clock=clock)
    quota = Quota(database, book, clock=clock)
    operators = Operators(user_ids=frozenset({OPERATOR.user_id}), guild_ids=frozenset({77}))
    return OpenLedger(
        place=place,
        clock=clock,
        catalog=catalog,
        pages=pages,
        database=database,
        book=book,
        quota=quota,
        balances=Balances(database, book, clock=clock),
        grants=Grants(database, book, operators, max_grant_units=max_grant_units, clock=clock),
        history=History(database, book),
        statistics=Statistics(database, book, clock=clock),
        notices=notices,
        messages=Messages(
            database,
            book,
            notices,
            operators=[OPERATOR_ACCOUNT],
            channels=CHANNELS,
            default_locale="en",
            clock=clock,
        ),
        people=People(database, book, clock=clock),
        keys=AccessKeys(database, clock=clock),
        purchases=Purchases(database, book, pages, clock=clock),
        settlements=Settlements(
            database,
            book,
            notices,
            operators=[OPERATOR_ACCOUNT],
            default_locale="en",
            clock=clock,
        ),
        transfers=Transfers(database, book, notices, max_units=max_grant_units, clock=clock),
    )


def payment_of(order: OrderRow, reference: str, status: str = "paid", **changes: Any) -> Payment:
    """Return the report that agrees with an order, but for `changes`."""
    facts: dict[str, Any] = {
        "event_id": f"evt_{reference}_{status}",
        "status": status,
        "order_id": order.id,
        "reference": reference,
        "amount_subtotal_minor": order.price_minor,
        "discount_minor": 0,
        "tax_minor": 0,
        "currency": order.currency.lower(),
        "mode": "payment",
        "livemode": order.livemode,
        "payment": f"pi_{reference}",
        "ours": True,
    }
    return Payment(**{**facts, **changes})


async def buy(ledger: OpenLedger, account: AccountRef, package: str = "quota_100") -> None:
    """Buy a package and pay for it."""
    opened = await ledger.purchases.begin(account, package, buyer=account, locale="fr")
    order = await ledger.purchases.order(opened.order_id)
    assert order.reference is not None
    await ledger.settlements.settle(payment_of(order, order.reference))


async def owe_units(ledger: OpenLedger, account: AccountRef, metric: str, units: int) -> None:
    """
    Make an account owe units, as a purchase that is taken back after it was spent will.

    Nothing in the core makes debts yet, so the entry, its audit row and the debt are written here.
    """

    def work() -> Work[None]:
        states = yield from ledger.book.states_of([account], now_ms=ledger.clock(), create=True)
        state = states[account]
        entry_id = yield from take_ids(1)
        witness, _ = by_hand("user:900", "remove", "")
        entry = Entry(
            id=entry_id,
            account=state.id,
            version=state.version + 1,
            prev=state.head,
            kind=EntryKind.REMOVE.value,
            metric=ledger.book.metric_ids[metric],
            units=0,
            parts=f"!={units} {witness}=1",
            at_ms=ledger.clock(),
            key=b"debt" + entry_id.to_bytes(12, "big"),
            allowance_left=0,
            purchased_left=0,
            digest=b"",
        )
        entry = entry._replace(digest=digest_of(entry, state.digest))
        marks = ",".join(f"${place}" for place in range(1, 14))
        yield run(f"INSERT INTO entries VALUES ({marks})", *entry)
        yield run(
            "INSERT INTO audit (entry, actor, action, reason, at_ms) VALUES ($1, 'user:900', 'remove', '', $2)",
            entry.id,
            ledger.clock(),
        )
        yield run(
            "UPDATE balances SET version = $2, head = $3, digest = $4, active_ms = $5 WHERE account = $1",
            state.id,
            entry.version,
            entry.id,
            entry.digest,
            ledger.clock(),
        )
        yield run(
            """
            INSERT INTO debts VALUES ($1, $2, $3)
            ON CONFLICT (account, metric) DO UPDATE SET units = debts.units + excluded.units
            """,
            state.id,
            entry.metric,
            units,
        )

    await ledger.database.write(work)
    ledger.book.forget()
