"""
The money path: an order with its price, a payment page, and one credit for one payment.

The units credited come from our own order. What Stripe reports only points at it, and must agree with it.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from quota_core.accounts import AccountRef
from quota_core.book import Book
from quota_core.crash_points import crash_point
from quota_core.database import Database
from quota_core.errors import CheckoutUnavailableError, UnknownOrderError
from quota_core.statements import Work
from quota_core.store import orders as order_rows
from quota_core.store.orders import OrderRow

PAGE_MS = 60 * 60_000
SHORTEST_PAGE_MS = 31 * 60_000  # Stripe takes 30 minutes to 24 hours, and the call takes a moment
LAST_MINUTE_MS = 2 * 60_000  # a link is not handed out again when there is no time left to pay


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """An open payment page; `reference` is the rail's id of it."""

    reference: str
    url: str


class Checkout(Protocol):
    """What the core needs of a payment provider; implemented at the edge."""

    @property
    def livemode(self) -> bool:
        """Whether money is real: it follows the key."""
        ...

    def parameters(self, order: OrderRow, *, account_label: str) -> Mapping[str, Any]:
        """Return every parameter of the call that opens the page; they are stored and repeated as they are."""
        ...

    async def open(self, parameters: Mapping[str, Any], *, idempotency_key: str) -> Page:
        """
        Open the page, or return the one that was opened under this key.

        Raises:
            CheckoutUnavailableError: nothing was charged.

        """
        ...

    async def has_ended(self, reference: str) -> bool:
        """Tell whether a page surely takes no payment any more; False when that cannot be found out."""
        ...

    async def receipt_url(self, payment: str) -> str | None:
        """Return the link of the receipt, None when the provider gives none now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A page that the buyer can pay on, and what it is for."""

    order_id: str
    reference: str
    url: str
    token: str
    account: AccountRef
    package: str
    units: int
    price_minor: int
    currency: str
    expires_ms: int
    reused: bool


class Purchases:
    """Open orders, and tell how they stand; `settlement` credits them."""

    def __init__(
        self,
        database: Database,
        book: Book,
        checkout: Checkout | None,
        *,
        clock: Callable[[], int],
        page_ms: int = PAGE_MS,
    ) -> None:
        assert page_ms >= SHORTEST_PAGE_MS
        self._database = database
        self._book = book
        self._checkout = checkout
        self._clock = clock
        self._page_ms = page_ms
        self._opening: dict[str, asyncio.Future[Page]] = {}

    @property
    def can_sell(self) -> bool:
        """Whether a payment provider is configured."""
        return self._checkout is not None

    async def begin(
        self,
        account: AccountRef,
        package_id: str,
        *,
        buyer: AccountRef,
        locale: str,
        account_label: str = "",
    ) -> Opened:
        """
        Return an open payment page for a package, a new one or the one that is still open.

        Args:
            account: is credited.
            package_id: an id of the catalog.
            buyer: pays, and gets the confirmation.
            locale: of the page and of what follows.
            account_label: how the page names the account that is credited.

        Raises:
            UnknownPackageError: it is not on sale.
            CheckoutUnavailableError: nothing was charged; press again.

        """
        self._book.catalog.package(package_id)
        if self._checkout is None:
            raise CheckoutUnavailableError("no Stripe key is set", configured=False)

        def ordered() -> Work[OrderRow]:
            return self._order(account, package_id, buyer, locale, account_label)

        order = await self._database.write(ordered)
        crash_point("checkout.30.order_committed")
        if order.url is not None and order.reference is not None:
            page = Page(reference=order.reference, url=order.url)
            if not await self._checkout.has_ended(page.reference):
                return _opened(order, page, reused=True)
            # Ended before its time, by hand in the provider's dashboard for one: a new order, and a new page.
            await self._database.write(lambda: order_rows.end(order.id))
            order = await self._database.write(ordered)
        return _opened(order, await self._open_once(order), reused=False)

    def _order(
        self, account: AccountRef, package_id: str, buyer: AccountRef, locale: str, label: str
    ) -> Work[OrderRow]:
        """Find the open order of this package, or write a new one; the call's parameters are kept with it."""
        assert self._checkout is not None
        now_ms = self._clock()
        states = yield from self._book.states_of({account, buyer}, now_ms=now_ms, create=True)
        package = self._book.catalog.package(package_id)
        found = yield from order_rows.open_order(
            states[account].id, states[buyer].id, package_id, now_ms + LAST_MINUTE_MS
        )
        terms = (package.units, package.price_minor, self._book.catalog.currency, self._checkout.livemode)
        if (
            found is not None
            and terms == (found.units, found.price_minor, found.currency, found.livemode)
            # A page that was never opened can be opened only while the provider would take its expiry.
            and (found.url is not None or found.expires_ms - now_ms >= SHORTEST_PAGE_MS)
        ):
            return found
        order = OrderRow(
            id="",
            account=states[account].id,
            buyer=states[buyer].id,
            rail="stripe",
            reference=None,
            package=package_id,
            metric=package.metric,
            units=package.units,
            price_minor=package.price_minor,
            currency=self._book.catalog.currency,
            livemode=self._checkout.livemode,
            expires=package.expires,
            state="open",
            attempt=1,
            parameters="",
            url=None,
            token=secrets.token_urlsafe(18),
            locale=locale,
            payment=None,
            receipt_url=None,
            opened_ms=now_ms,
            expires_ms=now_ms + self._page_ms,
            paid_ms=None,
            account_ref=account,
            buyer_ref=buyer,
        )
        metric = self._book.metric_ids[package.metric]
        order = replace(order, id=order_rows.id_of(order, metric))
        parameters = self._checkout.parameters(order, account_label=label)
        order = replace(order, parameters=json.dumps(parameters))
        yield from order_rows.add(order, metric)
        return order

    async def _open_once(self, order: OrderRow) -> Page:
        """Open the order's page; presses that come meanwhile wait for the same call."""
        running = self._opening.get(order.id)
        if running is None:
            running = asyncio.ensure_future(self._open(order))
            self._opening[order.id] = running
            running.add_done_callback(lambda _: self._opening.pop(order.id, None))
        # Shielded: one impatient buyer must not cancel the call that another press waits for.
        return await asyncio.shield(running)

    async def _open(self, known: OrderRow) -> Page:
        assert self._checkout is not None
        # Another press may have opened it between this one's look at the order and its turn.
        order = await self.order(known.id)
        if order.url is not None and order.reference is not None:
            return Page(reference=order.reference, url=order.url)
        try:
            page = await self._checkout.open(
                json.loads(order.parameters), idempotency_key=f"order:{order.id}:checkout:{order.attempt}"
            )
        except CheckoutUnavailableError as error:
            if error.rejected:
                # What is wrong (a price that was archived, say) is mended elsewhere; then a new order fits.
                await self._database.write(lambda: order_rows.end(order.id))
            elif error.stored_failure:
                await self._database.write(lambda: order_rows.next_attempt(order.id, order.attempt))
            raise
        crash_point("checkout.31.page_opened")
        await self._database.write(lambda: order_rows.bind_page(order.id, page.reference, page.url))
        crash_point("checkout.32.page_saved")
        return page

    async def order(self, order_id: str) -> OrderRow:
        """Return an order by id; UnknownOrderError when there is none."""
        found = await self._database.read(lambda: order_rows.by_id(order_id))
        if found is None:
            raise UnknownOrderError(order_id)
        return found

    async def order_by_token(self, token: str) -> OrderRow:
        """Return the order that our own link names; UnknownOrderError when there is none."""
        found = await self._database.read(lambda: order_rows.by_token(token))
        if found is None:
            raise UnknownOrderError(token)
        return found

    async def order_by_reference(self, reference: str) -> OrderRow | None:
        """Return the order of a payment page, None when there is none."""
        return await self._database.read(lambda: order_rows.by_reference(reference))

    async def receipt_url(self, order_id: str) -> str | None:
        """Return the receipt of a paid order, asked for once and then kept; None when there is none now."""
        order = await self.order(order_id)
        if order.receipt_url is not None or order.payment is None or self._checkout is None:
            return order.receipt_url
        url = await self._checkout.receipt_url(order.payment)
        if url is not None:
            await self._database.write(lambda: order_rows.set_receipt(order_id, url))
        return url

    async def viewed(self, account: AccountRef, screen: str) -> None:
        """Record that someone opened the shop."""
        await self._database.write(lambda: self._viewed(account, screen))

    def _viewed(self, account: AccountRef, screen: str) -> Work[None]:
        now_ms = self._clock()
        states = yield from self._book.states_of([account], now_ms=now_ms, create=True)
        yield from order_rows.add_view(states[account].id, screen, now_ms)


def _opened(order: OrderRow, page: Page, *, reused: bool) -> Opened:
    return Opened(
        order_id=order.id,
        reference=page.reference,
        url=page.url,
        token=order.token,
        account=AccountRef(*order.account_ref),
        package=order.package,
        units=order.units,
        price_minor=order.price_minor,
        currency=order.currency,
        expires_ms=order.expires_ms,
        reused=reused,
    )
