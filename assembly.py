"""
All parts of the bot, put together once: opened in order, closed in the opposite one.

Nothing is decided here. Stopping goes: no new connections, requests under way, the message in hand, Discord, the
local socket, the database.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from aiohttp import web

from cogs.assembly import Parts, make_bot
from cogs.client import QuotaBot
from cogs.command_sync import MarksInFile
from cogs.connection import DiscordState, point_at, run_discord
from ledger_file import Ledger, opened_ledger, utc_ms
from quota_core import catalog_file
from quota_core.access_keys import AccessKeys
from quota_core.account_statement import Statements
from quota_core.accounts import AccountRef
from quota_core.balances import Balances
from quota_core.catalog import Catalog
from quota_core.grants import Grants
from quota_core.history import History
from quota_core.notices import Notices
from quota_core.operators import Operators
from quota_core.people import People
from quota_core.purchases import Purchases
from quota_core.quota import Quota
from quota_core.settlement import Settlements
from quota_core.stats import Statistics
from quota_core.watch import watch_ledger
from settings import Settings
from stopping import Stop
from terminal import local_socket
from terminal.backup_schedule import keep_backups, plan_of
from terminal.desk import Desk
from terminal.proofs import Proofs
from webhooks import server
from webhooks.product_text import ProductTexts
from webhooks.stripe_checkout import StripeCheckout

log = logging.getLogger(__name__)

__all__ = ["Ledger", "opened_ledger", "proofs_of", "run_bot", "utc_ms"]

DRAIN_SECONDS = 4.0
Ready = Callable[[str, AccessKeys], Awaitable[None]]
"""Called with the server's address once everything listens."""


async def run_bot(
    settings: Settings,
    data: Path,
    *,
    ready: Ready,
    wait_for_discord_seconds: float = 2.0,
    back_url: str | None = None,
    with_ask: bool = False,
) -> int:
    """
    Run everything until a signal, stop in order, and return the exit code.

    Args:
        settings: with a Discord token.
        data: where run-time files live.
        ready: called once everything listens.
        wait_for_discord_seconds: how long Discord is waited for before that; webhooks are served without it.
        back_url: where the web pages' way back to Discord leads.
        with_ask: load the sample command `!ask`.

    Raises:
        OSError: the port is in use.
        CatalogError, DatabaseInUseError, SchemaError: it cannot start.

    """
    catalog = catalog_file.load(settings.catalog)
    for warning in catalog_file.margin_warnings(catalog):
        log.warning("%s: %s", settings.catalog, warning)
    async with contextlib.AsyncExitStack() as stack:
        stop = stack.enter_context(Stop())
        listener = server.open_port(settings.http_host, settings.http_port)
        stack.callback(listener.close)
        http_url = server.url_of(listener)
        ledger = await stack.enter_async_context(opened_ledger(settings, catalog, data))
        desk = Desk(ledger.database, ledger.keys, clock=utc_ms, proofs=proofs_of(ledger))
        await stack.enter_async_context(local_socket.serve(desk, data))
        await stack.enter_async_context(_task(watch_ledger(ledger.database), "ledger check"))
        await stack.enter_async_context(
            _task(keep_backups(ledger.database, plan_of(settings), utc_ms), "back-ups")
        )
        checkout = _checkout(settings, catalog, settings.public_url or http_url)
        if checkout is None:
            log.warning("no STRIPE_API_KEY: everything works, but nothing can be bought")
        else:
            stack.push_async_callback(checkout.close)
        core = _Core(settings, ledger, checkout)
        stack.push_async_callback(core.quota.drain)
        await core.notices.take_over()
        discord = _Discord(core.parts(settings, data, settings.public_url or http_url, with_ask=with_ask))
        await stack.enter_async_context(_task(discord.run(settings), "Discord"))
        app = _web(settings, core, discord, back_url=back_url)
        await stack.enter_async_context(server.serve(app, listener, drain_seconds=DRAIN_SECONDS))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_for_discord_seconds):
                await stop.or_until(discord.usable())
        if not stop.asked:
            await ready(http_url, ledger.keys)
        await stop.wait()
    log.info("stopped")
    return 0


def proofs_of(ledger: Ledger) -> Proofs:
    """Return the commands that prove a ledger."""
    zone = ledger.book.catalog.zone
    return Proofs(database=ledger.database, key=ledger.signing_key, zone=zone, clock=ledger.clock)


class _Core:
    """The parts of the core that both edges share."""

    def __init__(self, settings: Settings, ledger: Ledger, checkout: StripeCheckout | None) -> None:
        database, book = ledger.database, ledger.book
        self.ledger = ledger
        self.operators = Operators(
            user_ids=frozenset(settings.operator_ids), guild_ids=frozenset(settings.operator_guild_ids)
        )
        self.notices = Notices(database, clock=utc_ms)
        self.quota = Quota(database, book, clock=utc_ms)
        self.balances = Balances(database, book, clock=utc_ms)
        self.people = People(database, book, clock=utc_ms)
        self.purchases = Purchases(
            database, book, checkout, clock=utc_ms, page_ms=settings.checkout_minutes * 60_000
        )
        self.settlements = Settlements(
            database,
            book,
            self.notices,
            operators=[AccountRef("user", str(user_id)) for user_id in settings.operator_ids],
            default_locale=settings.default_locale,
            clock=utc_ms,
        )

    def parts(self, settings: Settings, data: Path, public_url: str, *, with_ask: bool) -> Parts:
        """Return what the cogs need."""
        database, book = self.ledger.database, self.ledger.book
        return Parts(
            catalog=book.catalog,
            quota=self.quota,
            balances=self.balances,
            grants=Grants(database, book, self.operators, max_grant_units=settings.max_grant, clock=utc_ms),
            history=History(database, book),
            statements=Statements(database, self.ledger.signing_key, clock=utc_ms),
            statistics=Statistics(database, book, clock=utc_ms),
            notices=self.notices,
            people=self.people,
            purchases=self.purchases,
            operators=self.operators,
            marks=MarksInFile(data / "commands.sha256"),
            default_locale=settings.default_locale,
            public_url=public_url,
            clock=utc_ms,
            monotonic=time.monotonic,
            extensions=settings.extra_cogs,
            with_ask=with_ask,
        )

    async def check(self) -> str | None:
        """Say what is wrong with the database, for `/readyz`."""
        if self.ledger.database.halted is not None:
            return "writes are stopped"
        await self.notices.seconds_until_due()
        return None


class _Discord:
    """The connection to Discord, and how it stands."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._state = DiscordState.CONNECTING
        self._connected = asyncio.Event()
        self._bot: QuotaBot | None = None

    async def run(self, settings: Settings) -> None:
        """Stay connected until cancelled, or until Discord refuses the token."""
        assert settings.discord_token is not None
        if settings.discord_api_url is not None and settings.discord_gateway_url is not None:
            point_at(settings.discord_api_url, settings.discord_gateway_url)
        await run_discord(
            self._make,
            settings.discord_token.get_secret_value(),
            message_content=settings.message_content_intent,
            on_state=self._note,
        )

    def _make(self, message_content: bool) -> QuotaBot:  # noqa: FBT001 - the supervisor passes nothing else
        self._bot = make_bot(self._parts, message_content=message_content)
        return self._bot

    def _note(self, state: DiscordState) -> None:
        self._state = state
        if state is DiscordState.CONNECTED:
            self._connected.set()

    async def usable(self) -> None:
        """Wait until people can type commands and use slash commands."""
        await self._connected.wait()
        assert self._bot is not None
        await self._bot.synced.wait()

    async def check(self) -> str | None:
        """Say how it stands, for `/readyz`; None when it is connected."""
        return None if self._state is DiscordState.CONNECTED else self._state.value


def _web(settings: Settings, core: _Core, discord: _Discord, *, back_url: str | None) -> web.Application:
    return server.build(
        access_keys=core.ledger.keys,
        quota=core.quota,
        balances=core.balances,
        purchases=core.purchases,
        people=core.people,
        settlements=core.settlements,
        catalog=core.ledger.book.catalog,
        signing_secrets=[secret.get_secret_value() for secret in settings.stripe_webhook_secrets],
        checks={"database": core.check, "discord": discord.check},
        default_locale=settings.default_locale,
        clock=utc_ms,
        back_url=back_url,
        trusted_proxies=settings.trusted_proxies,
    )


def _checkout(settings: Settings, catalog: Catalog, public_url: str) -> StripeCheckout | None:
    if settings.stripe_api_key is None:
        return None
    return StripeCheckout(
        settings.stripe_api_key.get_secret_value(),
        api_url=settings.stripe_api_url,
        success_url=f"{public_url}/checkout/success",
        cancel_url=f"{public_url}/checkout/cancel",
        product=ProductTexts(catalog, terms_url=settings.terms_url),
        automatic_tax=settings.stripe_automatic_tax,
        invoice_creation=settings.stripe_invoices,
        consent=settings.stripe_terms_consent,
    )


@contextlib.asynccontextmanager
async def _task(work: Awaitable[None], name: str) -> AsyncIterator[None]:
    """Run `work` beside the block; what ends it with an error is logged, and the rest goes on."""

    async def guarded() -> None:
        try:
            await work
        except Exception:
            log.exception("%s ended", name)

    task = asyncio.create_task(guarded(), name=name)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
