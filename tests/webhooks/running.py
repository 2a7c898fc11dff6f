"""The bot's web server on a real ledger and a real port, with the sandbox's Stripe as the only other party."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import stripe
from aiohttp import web

from quota_core.access_keys import AccessKeys, Scope
from quota_core.accounts import AccountRef
from quota_core.balances import Balances
from quota_core.book import Book
from quota_core.catalog import Catalog
from quota_core.database import Database
from quota_core.grants import Grants
from quota_core.messages import Messages
from quota_core.migrations import migrate
from quota_core.notices import Notices
from quota_core.operators import Actor, Operators
from quota_core.people import People
from quota_core.postgres_database import PostgresDatabase
from quota_core.purchases import Opened, Purchases
from quota_core.quota import Quota
from quota_core.settlement import Settlements
from quota_core.sqlite_database import SqliteDatabase
from quota_core.statements import Row, Work, fetch
from quota_core.store.orders import OrderRow
from tests.sandbox.stripe_fixture import SECRET, Shop
from webhooks import server
from webhooks.product_text import ProductTexts
from webhooks.records import Records
from webhooks.stripe_checkout import StripeCheckout

ANA = AccountRef("user", "9007199254740993")  # above what a double can hold
BEN = AccountRef("user", "200")
OPERATOR = AccountRef("user", "900")
PATIENCE_SECONDS = 120
HOOK = "/webhooks/stripe"
OPERATORS = Operators(user_ids=frozenset({900}))
HALF_DAY_MS = 12 * 3_600_000


class Watch:
    """The real time in UTC milliseconds, which a test can move; also a monotonic clock in seconds."""

    def __init__(self) -> None:
        self.ahead_ms = 0

    def __call__(self) -> int:
        return time.time_ns() // 1_000_000 + self.ahead_ms

    def to_noon(self) -> None:
        """Go on to the next noon in UTC, so that no day ends during the test."""
        self.ahead_ms += (HALF_DAY_MS - self()) % (2 * HALF_DAY_MS)

    def seconds(self) -> float:
        """Return the time for budgets."""
        return time.monotonic() + self.ahead_ms / 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A served bot without its Discord side."""

    url: str
    http: aiohttp.ClientSession
    watch: Watch
    database: Database
    book: Book
    quota: Quota
    balances: Balances
    grants: Grants
    notices: Notices
    messages: Messages
    people: People
    keys: AccessKeys
    purchases: Purchases
    settlements: Settlements
    checkout: StripeCheckout
    # Parts of the served bot that are made with it.
    served: list[web.Application] = field(default_factory=list)

    @property
    def app(self) -> web.Application:
        """The application that is served."""
        return self.served[0]

    async def rows(self, sql: str, *arguments: object) -> list[Row]:
        """Read rows, past every object of the core."""

        def work() -> Work[list[Row]]:
            return (yield fetch(sql, *arguments))

        return await self.database.read(work)

    async def buy(self, account: AccountRef = ANA, package: str = "quota_1000") -> tuple[Opened, OrderRow]:
        """Open a payment page."""
        opened = await self.purchases.begin(
            account, package, buyer=account, locale="en-US", account_label="@ana"
        )
        return opened, await self.purchases.order(opened.order_id)

    async def purchased(self, account: AccountRef = ANA) -> int:
        """Return how many units the account ever bought."""
        part = (await self.balances.of(account)).of("requests")
        return 0 if part is None else part.purchased

    async def owed(self) -> list[tuple[str, Any]]:
        """Return the kind and the facts of every notice, oldest first."""
        rows = await self.rows("SELECT kind, facts FROM notices ORDER BY id")
        return [(kind, json.loads(facts)) for kind, facts in rows]

    async def outcomes(self) -> list[str]:
        """Return what became of every delivery that was kept, in order."""
        return [row[0] for row in await self.rows("SELECT outcome FROM deliveries ORDER BY received_ms, id")]

    async def key(self, *scopes: Scope, account: AccountRef | None = None) -> dict[str, str]:
        """Return the headers of a new key; with every scope when none is named."""
        token = await self.keys.create("test", scopes or tuple(Scope), account=account)
        return {"Authorization": f"Bearer {token}"}

    async def ask(self, method: str, path: str, **options: Any) -> tuple[int, Any, Mapping[str, str]]:
        """Return status, JSON body and headers of a request."""
        async with self.http.request(method, path, allow_redirects=False, **options) as answer:
            return answer.status, json.loads(await answer.read()), answer.headers

    async def deliver(self, event: object, *, secret: str = SECRET) -> tuple[int, Any]:
        """Post a signed event as Stripe does, and return status and body."""
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        headers = {"Stripe-Signature": signed(body, secret=secret, now_seconds=self.watch() // 1000)}
        status, answer, _ = await self.ask("POST", HOOK, data=body, headers=headers)
        return status, answer


def signed(body: bytes, *, secret: str = SECRET, now_seconds: int | None = None) -> str:
    """Return the header with which the official library says that Stripe signs."""
    header: str = stripe.WebhookSignature.generate_signature_header(body.decode(), secret, now_seconds)
    return header


def event_of(
    order: OrderRow, kind: str = "completed", *, event_id: str = "", **changes: Any
) -> dict[str, Any]:
    """Return the event that agrees with an order, but for `changes` of its session."""
    session: dict[str, Any] = {
        "id": order.reference or f"cs_test_{order.id}",
        "object": "checkout.session",
        "amount_subtotal": order.price_minor,
        "amount_total": order.price_minor,
        "client_reference_id": order.id,
        "currency": order.currency.lower(),
        "livemode": order.livemode,
        "metadata": {"type": "quota_purchase", "order": order.id},
        "mode": "payment",
        "payment_intent": f"pi_{order.id}",
        "payment_status": "paid",
        "status": "complete",
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
    }
    return {
        "id": event_id or f"evt_{kind}_{order.id}",
        "object": "event",
        "type": f"checkout.session.{kind}",
        "livemode": order.livemode,
        "data": {"object": session | changes},
    }


@asynccontextmanager
async def opened(place: Path | str, watch: Watch, catalog: Catalog) -> AsyncIterator[tuple[Database, Book]]:
    """Open a new ledger: in a folder, or at the address of a PostgreSQL database."""
    database: Database = (
        SqliteDatabase(place / "quota.db") if isinstance(place, Path) else PostgresDatabase(place)
    )
    await database.open()
    await migrate(database, clock=watch)
    book = Book(catalog)
    database.attach(book)
    await database.write(book.open)
    try:
        yield database, book
    finally:
        await database.close()


@asynccontextmanager
async def paying(
    shop: Shop | None, url: str, catalog: Catalog, **options: Any
) -> AsyncIterator[StripeCheckout]:
    """Open the way to a Stripe; without a `shop` it leads nowhere."""
    checkout = StripeCheckout(
        options.pop("api_key", "sk_test_sandbox"),
        api_url="http://127.0.0.1:9" if shop is None else shop.url,
        success_url=f"{url}/checkout/success",
        cancel_url=f"{url}/checkout/cancel",
        product=ProductTexts(catalog, terms_url="https://jauge.example/terms"),
        **options,
    )
    if shop is not None:
        shop.sandbox.add_endpoint(f"{url}{HOOK}")
    try:
        yield checkout
    finally:
        await checkout.close()


@asynccontextmanager
async def running(
    place: Path | str,
    catalog: Catalog,
    *,
    shop: Shop | None = None,
    selling: bool = True,
    secrets: tuple[str, ...] = (SECRET,),
    keepalive_seconds: float = 15,
    checkout_options: Mapping[str, Any] | None = None,
    **options: Any,
) -> AsyncIterator[Running]:
    """Serve a bot on a new ledger (see `opened`); without a `shop` its Stripe cannot be reached."""
    watch, listener = Watch(), server.open_port("127.0.0.1", 0)
    url = server.url_of(listener)
    async with (
        opened(place, watch, catalog) as (database, book),
        paying(shop, url, catalog, **(checkout_options or {})) as checkout,
        aiohttp.ClientSession(url) as http,
    ):
        notices = Notices(database, clock=watch)
        messages = Messages(
            *(database, book, notices),
            operators=[OPERATOR],
            channels=("webhook", "email"),
            default_locale="en-US",
            clock=watch,
        )
        bot = Running(
            url=url,
            http=http,
            watch=watch,
            database=database,
            book=book,
            quota=Quota(database, book, clock=watch),
            balances=Balances(database, book, clock=watch),
            grants=Grants(database, book, OPERATORS, max_grant_units=10**9, clock=watch),
            notices=notices,
            messages=messages,
            people=People(database, book, clock=watch),
            keys=AccessKeys(database, clock=watch),
            purchases=Purchases(database, book, checkout if selling else None, clock=watch),
            settlements=Settlements(
                database, book, notices, operators=[OPERATOR], default_locale="en-US", clock=watch
            ),
            checkout=checkout,
        )
        app = application(bot, catalog, secrets, **options)
        bot.served.append(app)
        async with server.serve(app, listener, keepalive_seconds=keepalive_seconds, drain_seconds=20):
            yield bot


def application(bot: Running, catalog: Catalog, secrets: tuple[str, ...], **options: Any) -> web.Application:
    """Return the application of these parts."""
    return server.build(
        access_keys=bot.keys,
        quota=bot.quota,
        balances=bot.balances,
        records=Records.of(bot.database, bot.book, bot.balances, clock=bot.watch),
        grants=bot.grants,
        purchases=bot.purchases,
        people=bot.people,
        settlements=bot.settlements,
        messages=bot.messages,
        catalog=catalog,
        signing_secrets=secrets,
        checks=options.pop("checks", {}),
        default_locale="en-US",
        clock=bot.watch,
        monotonic=bot.watch.seconds,
        **options,
    )


async def closed(url: str) -> None:
    """Return once nothing listens at an address."""
    host, port = url.removeprefix("http://").split(":")
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                _, writer = await asyncio.open_connection(host, int(port))
            except OSError:
                return
            writer.close()


def operator() -> Actor:
    """Return the operator who may grant."""
    return Actor(user_id=900)
