"""A Stripe on loopback: the API, a payment page, signed deliveries, and the calls that play with them."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from aiohttp import web

from sandbox.faults import Faults
from sandbox.stripe_after_sale import AfterSaleControl
from sandbox.stripe_api import StripeApi
from sandbox.stripe_cashier import Cashier
from sandbox.stripe_catalogue import Catalogue
from sandbox.stripe_control import StripeControl
from sandbox.stripe_customers import Customers
from sandbox.stripe_delivery import BACKOFF_SECONDS, Deliverer
from sandbox.stripe_disputes import Disputes
from sandbox.stripe_endpoints import WebhookEndpoints
from sandbox.stripe_events import EventLog
from sandbox.stripe_file import StripeFile
from sandbox.stripe_idempotency import IdempotencyKeys
from sandbox.stripe_intents import PaymentIntents
from sandbox.stripe_invoices import Invoices
from sandbox.stripe_methods import PaymentMethods
from sandbox.stripe_page import PaymentPage
from sandbox.stripe_payment_pages import PaymentPages
from sandbox.stripe_payments import Payments
from sandbox.stripe_refunds import Refunds
from sandbox.stripe_sessions import Sessions
from sandbox.stripe_state import StripeObject, StripeState

EXPIRY_CHECK_SECONDS = 0.25


class StripeSandbox:
    """
    One Stripe account, in memory or kept in a file.

    Args:
        faults: troubles on demand; those of `webhooks` are served here.
        clock: the time in seconds since 1970.
        webhook_secret: what signs deliveries to every endpoint.
        backoff_seconds: the waits between attempts to deliver.
        url_length: how long the address of a session's page is made, in characters.
        debit_seconds: how long the bank takes over a debit that the API confirmed; the page's debits wait for a
            person.
        tax_percent: the rate of sessions with automatic tax.
        latency_seconds: how long each request to the API takes.
        file: what keeps the account from one start to the next; None: it begins empty and is forgotten.

    Attributes:
        base_url: where it is reached, without a slash at the end; set it once the port is known.

    """

    def __init__(
        self,
        faults: Faults,
        *,
        clock: Callable[[], float],
        webhook_secret: str,
        backoff_seconds: Sequence[float] = BACKOFF_SECONDS,
        url_length: int = 360,
        debit_seconds: float = 0.5,
        tax_percent: int = 20,
        latency_seconds: float = 0,
        file: Path | None = None,
    ) -> None:
        self.base_url = ""
        self._debit_seconds = debit_seconds
        self._tasks: set[asyncio.Task[None]] = set()
        state = StripeState(clock=clock)
        self._file = None if file is None else StripeFile(file, state)
        self._hooks = WebhookEndpoints(state, secret=webhook_secret)
        self._deliverer = Deliverer(
            faults,
            clock=clock,
            secret=webhook_secret,
            endpoints=self._hooks.of_mode,
            backoff_seconds=backoff_seconds,
        )
        events = EventLog(state, deliver=self._deliverer.deliver, was_delivered=self._deliverer.was_delivered)
        catalogue, customers = Catalogue(state, events), Customers(state, events)
        methods, invoices = PaymentMethods(state, events), Invoices(state, events)
        disputes = Disputes(state, events)
        refunds = Refunds(state, events, methods, disputes)
        payments = Payments(state, events, methods, disputes, receipt_url=self._receipt_url)
        self._sessions = Sessions(state, events, catalogue, page_url=self._page_url, url_length=url_length)
        self._cashier = Cashier(
            state,
            events,
            sessions=self._sessions,
            customers=customers,
            methods=methods,
            payments=payments,
            invoices=invoices,
            tax_percent=tax_percent,
        )
        pages = PaymentPages(state, self._cashier, methods, settle_later=self._settle_later)
        intents = PaymentIntents(state, methods, payments)
        self._parts = (
            *(self._sessions, intents, methods, customers, catalogue),
            *(events, self._hooks, pages, invoices, refunds, disputes),
        )
        keys, before = IdempotencyKeys(state, clock=clock), self._sessions.expire_due
        self._api = StripeApi(state, keys, before_call=before, latency_seconds=latency_seconds)
        self._after_sale = AfterSaleControl(state, self._cashier, refunds, disputes)
        self._state = state

    def routes(self) -> list[web.RouteDef]:
        """Return every route: `/v1/…`, the payment page and receipts, `/control/stripe/…`."""
        endpoints = [endpoint for part in self._parts for endpoint in part.endpoints()]
        control = StripeControl(
            self._state,
            sessions=self._sessions,
            cashier=self._cashier,
            after_sale=self._after_sale,
            deliverer=self._deliverer,
            api=self._api,
        )
        page = PaymentPage(
            self._state, sessions=self._sessions, cashier=self._cashier, after_sale=self._after_sale
        )
        return [*self._api.routes(endpoints), *page.routes(), *control.routes()]

    async def start(self) -> None:
        """Begin to deliver events and to watch the clock."""
        await self._deliverer.start()
        self._spawn(self._watch_clock())

    async def stop(self) -> None:
        """End every task; what was not delivered by now never is."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._deliverer.stop()
        self._save()

    def add_endpoint(self, url: str) -> None:
        """Deliver every event, of test mode and of live mode, to `url` on this machine."""
        for live in (False, True):
            self._hooks.add(url, live=live)

    def _page_url(self, checkout: str) -> str:
        return f"{self.base_url}/c/pay/{checkout}"

    def _receipt_url(self, secret: str) -> str:
        return f"{self.base_url}/receipts/payment/{secret}"

    def _spawn(self, work: object) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)  # type: ignore[arg-type]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _settle_later(self, session: StripeObject, paid: bool) -> None:  # noqa: FBT001 - a plain callable
        self._spawn(self._settle(session, paid=paid))

    async def _settle(self, session: StripeObject, *, paid: bool) -> None:
        await asyncio.sleep(self._debit_seconds)
        if self._cashier.waiting(session) is not None:
            self._cashier.settle(session, paid=paid)

    async def _watch_clock(self) -> None:
        while True:
            await asyncio.sleep(EXPIRY_CHECK_SECONDS)
            self._sessions.expire_due()
            self._save()

    def _save(self) -> None:
        if self._file is not None:
            self._file.save()
