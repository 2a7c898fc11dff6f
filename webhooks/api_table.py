"""All operations of the API, in the order of their description, and the documented ones that are still to come."""

from __future__ import annotations

from http import HTTPStatus
from typing import NamedTuple, NoReturn

from aiohttp import web

from webhooks import (
    admin_changes_api,
    admin_figures_api,
    admin_lists_api,
    billing_api,
    check_api,
    credits_api,
    endpoint_routes,
    holds_api,
    levels_api,
    rest_api,
    summary_api,
    topups_api,
    usage_api,
)
from webhooks.problems import refused

TABLE = (
    *rest_api.ROUTES,
    *check_api.ROUTES,
    *credits_api.ROUTES,
    *holds_api.ROUTES,
    *levels_api.ROUTES,
    *billing_api.ROUTES,
    *summary_api.ROUTES,
    *topups_api.ROUTES,
    *usage_api.ROUTES,
    *endpoint_routes.ROUTES,
    *admin_lists_api.ROUTES,
    *admin_figures_api.ROUTES,
    *admin_changes_api.ROUTES,
)


class Later(NamedTuple):
    """A path that a document names and that has no answer of its own yet, and why."""

    method: str
    path: str
    reason: str


_PAYMENTS = "payments through an external backend are not built yet; packages are sold through Stripe"
_RESOURCES = "add-ons by the month come with subscriptions, which are not built yet"
_SUPPORT = "support tickets are not built yet"
_PAGES = "web pages for members and operators are not built yet; the API answers what they will show"
_SHARE = "links that show a summary to others come with the web pages, which are not built yet"
LATER = (
    Later("POST", "/usage-billing/share", _SHARE),
    Later("GET", "/usage-billing/share/{token}", _SHARE),
    Later("GET", "/share/quota/{token}", _SHARE),
    Later("GET", "/billing/", _PAGES),
    Later("GET", "/billing/admin.html", _PAGES),
    Later("POST", "/billing/checkout", "plans are sold by subscription, which is not built yet"),
    Later("POST", "/api/payments/{team}/initiate", _PAYMENTS),
    Later("GET", "/api/payments/{team}/history", _PAYMENTS),
    Later("GET", "/api/payments/{payment}/status", _PAYMENTS),
    Later("POST", "/api/payments/callback", _PAYMENTS),
    Later("POST", "/api/payments/{payment}/cancel", _PAYMENTS),
    Later("GET", "/api/resources/{team}/available", _RESOURCES),
    Later("POST", "/api/resources/{team}/purchase", _RESOURCES),
    Later("GET", "/api/resources/{team}/list", _RESOURCES),
    Later("DELETE", "/api/resources/{team}/cancel/{resource}", _RESOURCES),
    Later("GET", "/api/resources/{team}/limits", _RESOURCES),
    Later("POST", "/api/support/{team}/tickets", _SUPPORT),
    Later("GET", "/api/support/{team}/tickets", _SUPPORT),
    Later("GET", "/api/support/{team}/tickets/{ticket}", _SUPPORT),
    Later("POST", "/api/support/{team}/tickets/{ticket}/messages", _SUPPORT),
    Later("GET", "/api/support/{team}/stats", _SUPPORT),
)


def later_routes() -> list[web.RouteDef]:
    """Return the routes of what is still to come: each answers 501 with its reason."""
    return [web.route(one.method, one.path, _Refusal(one).handle) for one in LATER]


class _Refusal:
    def __init__(self, later: Later) -> None:
        self._later = later

    async def handle(self, request: web.Request) -> NoReturn:
        del request
        raise refused(
            HTTPStatus.NOT_IMPLEMENTED, "not-implemented", "This is not built yet", self._later.reason
        )
