"""The web server: one application from its parts, served on one port until it is drained."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from quota_core.access_keys import AccessKeys
from quota_core.balances import Balances
from quota_core.catalog import Catalog
from quota_core.grants import Grants
from quota_core.messages import Messages
from quota_core.meter import UNMETERED, Meter
from quota_core.people import People
from quota_core.purchases import Purchases
from quota_core.quota import Quota
from quota_core.request_ids import REQUEST_ID
from quota_core.settlement import Settlements
from webhooks import api_docs, health, pages, problems, route_table, stripe_webhook
from webhooks.access import ACCESS, SPENT, Access
from webhooks.admin_changes_api import GRANTS
from webhooks.api_docs import API_DOCS
from webhooks.api_table import TABLE, later_routes
from webhooks.budgets import Budget, Callers
from webhooks.connections import Connection
from webhooks.consume_again import Consuming
from webhooks.credits_api import CREDITS, Credits
from webhooks.draining import UNDER_WAY, UnderWay
from webhooks.endpoints_api import MESSAGES
from webhooks.health import CHECKS, Check
from webhooks.known_heads import KnownHeads
from webhooks.pages import PAGES, Pages
from webhooks.plan_limits import PlanLimits
from webhooks.ready_answer import SECURITY_HEADERS, ReadyHead
from webhooks.records import RECORDS, Records
from webhooks.remembered_keys import RememberedKeys
from webhooks.rest_api import REST_API, RestApi
from webhooks.stripe_webhook import STRIPE_WEBHOOK, StripeWebhook

# aiohttp logs here what goes wrong before a handler runs.
connections_log = logging.getLogger(f"{__name__}.connections")

KEEPALIVE_SECONDS = 15.0
DRAIN_SECONDS = 6.0
LINGER_SECONDS = 1.0  # how long the rest of a body is still read that was refused
BACKLOG = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """
    Requests a minute: of one key, of one address to the API, to the pages and to Stripe's webhook.

    `service` is for operations that a service's key asks for, which its own users cause.
    """

    key: int = 6_000
    service: int = 3_000_000
    address: int = 12_000
    pages: int = 600
    webhooks: int = 12_000


def build(
    *,
    access_keys: AccessKeys,
    quota: Quota,
    balances: Balances,
    records: Records,
    grants: Grants,
    purchases: Purchases,
    people: People,
    settlements: Settlements,
    messages: Messages,
    catalog: Catalog,
    signing_secrets: Sequence[str],
    checks: Mapping[str, Check],
    default_locale: str,
    clock: Callable[[], int],
    back_url: str | None = None,
    trusted_proxies: Iterable[str] = (),
    limits: Limits | None = None,
    meter: Meter = UNMETERED,
    monotonic: Callable[[], float] = time.monotonic,
) -> web.Application:
    """
    Return the application.

    Args:
        signing_secrets: of Stripe's webhook endpoint; with none, every delivery is refused.
        checks: what `/readyz` asks, by name.
        back_url: where the pages' link back to Discord leads, None for no link.
        trusted_proxies: addresses or networks whose `X-Forwarded-For` is believed; ValueError for what is neither.
        clock, monotonic: UTC milliseconds, and seconds for budgets.
        meter: is told of what was answered.

    """
    bounds, callers = limits or Limits(), Callers(trusted_proxies)
    by_plan = PlanLimits(quota.book, balances, clock=clock, monotonic=monotonic)
    access = _access(access_keys, bounds, callers, by_plan, clock=clock, monotonic=monotonic)
    app = _routed(clock, meter)
    app[ACCESS], app[CHECKS] = access, dict(checks)
    head, under_way = ReadyHead(clock), app[UNDER_WAY]
    again = Consuming(access=access, quota=quota, head=head, clock=clock, meter=meter, under_way=under_way)
    app[CREDITS] = Credits(access=access, quota=quota, head=head, clock=clock, meter=meter, again=again)
    app[RECORDS], app[GRANTS], app[MESSAGES] = records, grants, messages
    app[REST_API] = RestApi(
        balances=balances, purchases=purchases, people=people, catalog=catalog, default_locale=default_locale
    )
    app[STRIPE_WEBHOOK] = StripeWebhook(
        settlements=settlements,
        secrets=tuple(signing_secrets),
        budget=Budget("webhooks", bounds.webhooks, monotonic=monotonic),
        callers=callers,
        clock=clock,
        meter=meter,
    )
    shown = Budget("pages", bounds.pages, monotonic=monotonic)
    app[API_DOCS] = api_docs.described(TABLE, budget=shown, callers=callers)
    app[PAGES] = Pages(
        orders=purchases, catalog=catalog, budget=shown, callers=callers, back_url=back_url, clock=clock
    )
    return app


def _access(
    keys: AccessKeys,
    bounds: Limits,
    callers: Callers,
    by_plan: PlanLimits,
    *,
    clock: Callable[[], int],
    monotonic: Callable[[], float],
) -> Access:
    return Access(
        keys,
        RememberedKeys(keys, clock=clock, monotonic=monotonic),
        by_address=Budget("address", bounds.address, monotonic=monotonic),
        by_key=Budget("key", bounds.key, monotonic=monotonic),
        by_service=Budget("service", bounds.service, monotonic=monotonic),
        by_plan=by_plan,
        callers=callers,
        monotonic=monotonic,
    )


def _routed(clock: Callable[[], int], meter: Meter) -> web.Application:
    """Return an application that knows its routes and not yet its parts."""
    under_way = UnderWay()
    app = web.Application(middlewares=[problems.middleware(clock=clock, under_way=under_way, meter=meter)])
    app[UNDER_WAY] = under_way
    app.add_routes([*route_table.routes(TABLE), *later_routes()])
    app.add_routes([*api_docs.routes(), *pages.routes(), *health.routes()])
    app.router.add_post(stripe_webhook.PATH, stripe_webhook.receive)
    app.on_response_prepare.append(_finish_headers)
    return app


async def _finish_headers(request: web.Request, response: web.StreamResponse) -> None:
    # aiohttp's own answer names its version and Python's, which only helps those who look for holes.
    response.headers.update(SECURITY_HEADERS)
    response.headers["X-Request-ID"] = REQUEST_ID.get()
    spent = request.get(SPENT)
    if spent is not None and "RateLimit" not in response.headers:
        response.headers.update(spent.headers)


def open_port(host: str, port: int) -> socket.socket:
    """
    Take a port of this machine; 0 takes any free one, and `url_of` tells which.

    It is taken before anything else starts, since addresses that buyers are sent to contain it.

    Raises:
        OSError: the port is in use, or the address is none of this machine; the message names it.

    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        reason = (
            "is in use: stop what uses it, or choose another with --http-port or HTTP_PORT"
            if error.errno == errno.EADDRINUSE
            else str(error.strerror)
        )
        raise OSError(error.errno, f"port {port} on {host} (HTTP) {reason}") from error


def url_of(listener: socket.socket) -> str:
    """Return the address at which this machine reaches the listener."""
    host, port = listener.getsockname()[:2]
    address = ipaddress.ip_address(host)
    if address.is_unspecified:
        address = ipaddress.ip_address("::1" if address.version == 6 else "127.0.0.1")  # noqa: PLR2004 - of the protocol
    return f"http://{f'[{address}]' if address.version == 6 else address}:{port}"  # noqa: PLR2004 - the same


@asynccontextmanager
async def serve(
    app: web.Application,
    listener: socket.socket,
    *,
    drain_seconds: float = DRAIN_SECONDS,
    keepalive_seconds: float = KEEPALIVE_SECONDS,
) -> AsyncIterator[str]:
    """
    Serve `app` on a listener from `open_port` until the block ends, and give its address.

    The end comes in two steps: no new connections, then at most `drain_seconds` for requests under way.
    """
    connections_log.addFilter(_calm)
    under_way = app.get(UNDER_WAY)
    if under_way is None:
        under_way = UnderWay()
        app.middlewares.insert(0, under_way.count)
    # aiohttp waits this long for handlers that are left, and again for those it then cancels.
    runner = web.AppRunner(app, shutdown_timeout=drain_seconds / 4)
    loop, heads = asyncio.get_running_loop(), KnownHeads()
    listening: asyncio.Server | None = None

    def connection() -> Connection:
        assert runner.server is not None
        return Connection(
            runner.server,
            heads=heads,
            loop=loop,
            access_log=None,
            logger=connections_log,
            keepalive_timeout=keepalive_seconds,
            lingering_time=LINGER_SECONDS,
            # A body is never unpacked: what is small on the wire must not be large in memory.
            auto_decompress=False,
        )

    try:
        await runner.setup()
        listening = await loop.create_server(connection, sock=listener, backlog=BACKLOG)
        yield url_of(listener)
    finally:
        if listening is not None:
            listening.close()
        await under_way.finish(drain_seconds / 2)
        await runner.cleanup()
        listener.close()


def _calm(record: logging.LogRecord) -> bool:
    """Make one quiet line of what is no HTTP: anybody can send it, so it is no error of ours."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, HttpProcessingError):
        record.levelno, record.levelname = logging.INFO, "INFO"
        record.msg, record.args = "%s (%s)", (record.getMessage(), type(error).__name__)
        record.exc_info = None
    return True
