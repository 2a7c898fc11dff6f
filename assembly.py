"""
All parts of the bot, put together once: opened in order, closed in the opposite one.

Nothing is decided here. Stopping goes: no new connections, requests under way, the message in hand, Discord, the
local socket, the database.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import platform
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from aiohttp import web

from cogs.assembly import Parts
from cogs.connection import point_at
from cogs.gateway_process import GatewayProcess
from core_parts import CoreParts
from desks import desk_of
from duties import ALL_OF_THEM, Duties, require_coherent
from ledger_file import Ledger, opened_ledger, utc_ms
from monitoring.exposition import Metrics
from monitoring.loop_lag import watch_loop
from monitoring.page import PATH, MetricsPage
from monitoring.tallies import Tallies
from outgoing import channels
from quota_core import catalog_file
from quota_core.access_keys import AccessKeys
from quota_core.catalog import Catalog
from quota_core.leases import Leases
from quota_core.news import CarriesNews
from quota_core.store.notices import CHANNEL
from quota_core.tombstones import keep_forgetting
from quota_core.watch import watch_ledger
from selling import catching_up, opened_checkout
from settings import Settings
from stopping import Stop
from terminal import local_socket
from terminal.backup_schedule import keep_backups, plan_of
from webhooks import health, server
from webhooks.health import Check, Remark
from webhooks.stripe_checkout import StripeCheckout

log = logging.getLogger(__name__)

__all__ = ["Ledger", "opened_ledger", "run_bot", "utc_ms"]

DRAIN_SECONDS = 4.0
_HOLDER = f"{platform.node()} {os.getpid()}"
STANDS_BY = "stand-by: another process is connected"
Ready = Callable[[str, AccessKeys], Awaitable[None]]
"""Called with the server's address once everything listens."""


async def run_bot(
    settings: Settings,
    data: Path,
    *,
    ready: Ready,
    duties: Duties = ALL_OF_THEM,
    wait_for_discord_seconds: float = 2.0,
    back_url: str | None = None,
    with_ask: bool = False,
) -> int:
    """
    Run everything until a signal, stop in order, and return the exit code.

    Args:
        settings: with a Discord token, if that is one of the duties.
        data: where run-time files live.
        ready: called once everything listens.
        duties: what this process does.
        wait_for_discord_seconds: how long Discord is waited for before that; webhooks are served without it.
        back_url: where the web pages' way back to Discord leads.
        with_ask: load the sample command `!ask`.

    Raises:
        OSError: the port is in use.
        CatalogError, DatabaseInUseError, SchemaError, SettingsError: it cannot start.

    """
    catalog = _catalog(settings)
    require_coherent(settings, duties)
    async with contextlib.AsyncExitStack() as stack:
        stop = stack.enter_context(Stop())
        listener = server.open_port(settings.http_host, settings.http_port)
        stack.callback(listener.close)
        http_url = server.url_of(listener)
        ledger = await stack.enter_async_context(opened_ledger(settings, catalog, data))
        await _keep(stack, settings, ledger, data)
        checkout = opened_checkout(stack, settings, catalog, settings.public_url or http_url)
        tallies = Tallies(clock=utc_ms)
        core = CoreParts(settings, ledger, checkout, meter=tallies)
        await _tend(stack, settings, core, http_url)
        gateway = None
        if duties.discord:
            parts = core.parts(settings, data, settings.public_url or http_url, with_ask=with_ask)
            gateway = _gateway(settings, duties, core, parts)
            await _hear_of_notices(stack, core)
            await stack.enter_async_context(_task(_run_gateway(settings, gateway), "Discord"))
        checks = _checks(core, gateway)
        if duties.http and checkout is not None:
            checks["stripe"] = await _catch_up(stack, settings, core, checkout)
        app = _web(settings, duties, core, checks, back_url=back_url)
        await _publish(stack, settings, core, tallies, app)
        await stack.enter_async_context(server.serve(app, listener, drain_seconds=DRAIN_SECONDS))
        if gateway is not None:
            await _wait_for_discord(stop, gateway, wait_for_discord_seconds)
        if not stop.asked:
            await ready(http_url, ledger.keys)
        await stop.wait()
    log.info("stopped")
    return 0


def _catalog(settings: Settings) -> Catalog:
    catalog = catalog_file.load(settings.catalog)
    for warning in catalog_file.margin_warnings(catalog):
        log.warning("%s: %s", settings.catalog, warning)
    return catalog


async def _keep(stack: contextlib.AsyncExitStack, settings: Settings, ledger: Ledger, data: Path) -> None:
    """Do what a ledger needs of each process that opened it."""
    database = ledger.database
    if database.alone:
        # Where others may open the database too, commands do that themselves.
        await stack.enter_async_context(local_socket.serve(desk_of(ledger, settings), data))
        await stack.enter_async_context(_task(keep_backups(database, plan_of(settings), utc_ms), "back-ups"))
    await stack.enter_async_context(_task(watch_ledger(database), "ledger check"))


async def _publish(
    stack: contextlib.AsyncExitStack,
    settings: Settings,
    core: CoreParts,
    tallies: Tallies,
    app: web.Application,
) -> None:
    """Serve `/metrics` where the settings say so: beside the other routes, on a port of its own, or not at all."""
    if settings.metrics_port is None and settings.metrics_token is None:
        return
    database, token = core.ledger.database, settings.metrics_token
    metrics = Metrics(
        tallies,
        figures=lambda: core.figures.last,
        halted=lambda: database.halted is not None,
        clock=utc_ms,
    )
    page = MetricsPage(metrics, core.figures, token=None if token is None else token.get_secret_value())
    stack.push_async_callback(core.figures.close)
    await stack.enter_async_context(_task(watch_loop(tallies), "loop lag"))
    if token is not None:
        app.add_routes(page.routes())
    if settings.metrics_port is not None:
        listener = server.open_port(settings.metrics_host, settings.metrics_port)
        log.info("metrics: %s%s", server.url_of(listener), PATH)
        await stack.enter_async_context(server.serve(page.application(), listener, drain_seconds=1.0))


async def _catch_up(
    stack: contextlib.AsyncExitStack, settings: Settings, core: CoreParts, checkout: StripeCheckout
) -> Check:
    """Ask Stripe for what never arrived, now and on a schedule; return what `/readyz` asks of that."""
    catch_up = catching_up(settings, core, checkout, holder=_HOLDER)
    await stack.enter_async_context(_task(catch_up.run(), "what Stripe has"))
    return catch_up.check


async def _tend(stack: contextlib.AsyncExitStack, settings: Settings, core: CoreParts, http_url: str) -> None:
    """Answer what is queued before the end, end holds in time, turn crossings into messages and send those."""
    stack.push_async_callback(core.quota.drain)
    await stack.enter_async_context(_task(core.quota.holds.end_in_time(), "holds"))
    await stack.enter_async_context(_task(core.messages.alerts.run(), "alerts"))
    await stack.enter_async_context(_task(core.records.usage.keep_up(), "use by day"))
    ledger = core.ledger
    forgetting = keep_forgetting(ledger.database, core.erasures, ledger.tombstones)
    await stack.enter_async_context(_task(forgetting, "erasures"))
    await stack.enter_async_context(channels(settings, core, http_url))


async def _hear_of_notices(stack: contextlib.AsyncExitStack, core: CoreParts) -> None:
    database = core.ledger.database
    if database.alone:
        await core.notices.take_over()
    elif isinstance(database, CarriesNews):
        news = database.listen(CHANNEL, core.notices.wake.set)
        await stack.enter_async_context(_task(news, "news of notices"))


def _gateway(settings: Settings, duties: Duties, core: CoreParts, parts: Parts) -> GatewayProcess:
    if settings.discord_api_url is not None and settings.discord_gateway_url is not None:
        point_at(settings.discord_api_url, settings.discord_gateway_url)
    database = core.ledger.database
    leases = None if database.alone else Leases(database, holder=_HOLDER, clock=utc_ms)
    return GatewayProcess(parts, leases, duties.shards)


async def _wait_for_discord(stop: Stop, gateway: GatewayProcess, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.or_until(gateway.usable())


async def _run_gateway(settings: Settings, gateway: GatewayProcess) -> None:
    assert settings.discord_token is not None
    token = settings.discord_token.get_secret_value()
    await gateway.run(token, message_content=settings.message_content_intent)


def _checks(core: CoreParts, gateway: GatewayProcess | None) -> dict[str, Check]:
    """Return what `/readyz` asks: what this process does, and nothing else."""
    checks: dict[str, Check] = {"database": core.check}
    if gateway is not None:
        there = gateway

        async def discord() -> str | None:
            # Well: it does what it is there for, and whoever waits for it before ending the other must not wait.
            return Remark(STANDS_BY) if there.stands_by else there.trouble

        checks["discord"] = discord
    return checks


def _web(
    settings: Settings,
    duties: Duties,
    core: CoreParts,
    checks: dict[str, Check],
    *,
    back_url: str | None,
) -> web.Application:
    if not duties.http:
        app = web.Application()
        app.add_routes(health.routes())
        app[health.CHECKS] = checks
        return app
    return server.build(
        access_keys=core.ledger.keys,
        quota=core.quota,
        balances=core.balances,
        records=core.records,
        grants=core.grants,
        purchases=core.purchases,
        people=core.people,
        settlements=core.settlements,
        messages=core.messages,
        catalog=core.ledger.book.catalog,
        signing_secrets=[secret.get_secret_value() for secret in settings.stripe_webhook_secrets],
        checks=checks,
        default_locale=settings.default_locale,
        clock=utc_ms,
        back_url=back_url,
        trusted_proxies=settings.trusted_proxies,
        meter=core.meter,
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
