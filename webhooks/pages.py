"""
The pages of a purchase: our own short link to Stripe's page, and where Stripe sends the buyer back to.

They only look: a payment is credited by what Stripe signed, never by who opens a page.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web

from quota_core.catalog import Catalog
from quota_core.errors import UnknownOrderError
from quota_core.purchases import Purchases
from quota_core.store.orders import OrderRow
from webhooks.budgets import Budget, Callers
from webhooks.page_html import HEADERS, Page, response
from webhooks.page_words import MESSAGES, language_for
from wording.words import Words

PAY_PATH = "/pay/"
SUCCESS_PATH = "/checkout/success"
CANCEL_PATH = "/checkout/cancel"
MAX_NAME_LENGTH = 255
# A confirmation comes within seconds, a bank's answer within days.
REFRESH_SECONDS = {"open": 3, "preparing": 2, "pending": 60}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """
    What the pages need.

    Args:
        orders: finds them by the token of our link, or by the reference of a payment page.
        back_url: where "back to Discord" leads, None for no such link.
        clock: UTC milliseconds.

    """

    orders: Purchases
    catalog: Catalog
    budget: Budget
    callers: Callers
    back_url: str | None
    clock: Callable[[], int]


PAGES = web.AppKey("PAGES", Pages)


def routes() -> list[web.RouteDef]:
    """Return the routes of the pages."""
    return [
        web.get(f"{PAY_PATH}{{token}}", pay),
        web.get(SUCCESS_PATH, success),
        web.get(CANCEL_PATH, cancel),
    ]


async def pay(request: web.Request) -> web.Response:
    """Send the buyer on to the payment page of the order, or say why there is nothing to pay."""
    pages = _admitted(request)
    order = await _found(pages.orders.order_by_token, request.match_info["token"])
    if order is None:
        return _page(request, "unknown", None)
    state = _state_to_pay(order, now_ms=pages.clock())
    if state != "open":
        return _page(request, state, order)
    assert order.url is not None
    # As it is: Stripe's address ends in a long fragment that a re-encoded one might lose.
    return web.Response(status=HTTPStatus.SEE_OTHER, headers={**HEADERS, "Location": order.url})


async def success(request: web.Request) -> web.Response:
    """Show how the order stands that Stripe sent this buyer back from."""
    pages = _admitted(request)
    order = await _found(pages.orders.order_by_reference, request.query.get("session_id", ""))
    return _page(request, "unknown" if order is None else order.state, order)


async def cancel(request: web.Request) -> web.Response:
    """Say that nothing was charged."""
    _admitted(request)
    return _page(request, "cancelled", None)


def _admitted(request: web.Request) -> Pages:
    pages = request.app[PAGES]
    pages.budget.spend(pages.callers.of(request))
    return pages


async def _found(find: Callable[[str], Awaitable[OrderRow | None]], name: str) -> OrderRow | None:
    """Return what `find` finds; names that cannot exist never reach the database."""
    if not (0 < len(name) <= MAX_NAME_LENGTH and name.isascii() and name.isprintable()):
        return None
    try:
        return await find(name)
    except UnknownOrderError:
        return None


def _state_to_pay(order: OrderRow, *, now_ms: int) -> str:
    """Return the order's state as its link meets it: `open` only when there is a page to go to."""
    if order.state != "open":
        return order.state
    if order.expires_ms <= now_ms:
        return "expired"
    return "preparing" if order.url is None else "open"


def _page(request: web.Request, state: str, order: OrderRow | None) -> web.Response:
    pages = request.app[PAGES]
    language = language_for(request.query.get("lang"), request.headers.get("Accept-Language", ""))
    messages = MESSAGES[language]
    units, reference = "", ""
    if order is not None:
        units = Words(language).units(order.units, pages.catalog, order.metric)
        reference = messages["reference"][0].format(order=order.id)
    sign, title, *lines = messages[state]
    return response(
        Page(
            language=language,
            sign=sign,
            title=title,
            lines=tuple(line.format(units=units) for line in lines),
            reference=reference,
            link=None if pages.back_url is None else (messages["back"][0], pages.back_url),
            refresh_seconds=REFRESH_SECONDS.get(state),
            address=str(request.rel_url),
            status=HTTPStatus.NOT_FOUND if state == "unknown" else HTTPStatus.OK,
        )
    )
