"""The REST API: what an account has left, and a payment page for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from quota_core.access_keys import Scope
from quota_core.balances import Balance, Balances, MetricBalance
from quota_core.catalog import Catalog
from quota_core.people import People
from quota_core.periods import PeriodKind
from quota_core.purchases import Purchases
from webhooks.access import Access, account_of
from webhooks.body import read_model
from webhooks.problems import refused, timestamp
from wording.words import Words

MAX_ID_LENGTH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class RestApi:
    """What the handlers need; `default_locale` is that of buyers who were never seen."""

    access: Access
    balances: Balances
    purchases: Purchases
    people: People
    catalog: Catalog
    default_locale: str


REST_API = web.AppKey("REST_API", RestApi)


class CheckoutRequest(BaseModel):
    """The body of `POST /api/quota/checkout`; a user's id is a string, or a number for those who can hold one."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    user_id: Annotated[int, Field(ge=1)] | Annotated[str, Field(min_length=1, max_length=MAX_ID_LENGTH)]
    package_id: Annotated[str, Field(min_length=1, max_length=MAX_ID_LENGTH)]


def routes() -> list[web.RouteDef]:
    """Return the API's routes."""
    return [
        web.get("/api/quota/{user}", show_quota),
        web.post("/api/quota/checkout", open_checkout),
    ]


async def show_quota(request: web.Request) -> web.Response:
    """Answer what an account has of the catalog's primary metric; null is unlimited, or not in the plan."""
    api = request.app[REST_API]
    key = await api.access.authorize(request, Scope.QUOTA_READ)
    account = account_of(key, Scope.QUOTA_READ, request.match_info["user"])
    return _answer(quota_facts(await api.balances.of(account), api.catalog.primary_metric))


async def open_checkout(request: web.Request) -> web.Response:
    """Answer a payment page for a package: the one that is still open for it, or a new one."""
    api = request.app[REST_API]
    key = await api.access.authorize(request, Scope.CHECKOUT_CREATE)
    wanted = await read_model(request, CheckoutRequest)
    account = account_of(key, Scope.CHECKOUT_CREATE, str(wanted.user_id))
    if account.kind != "user":
        # The confirmation is a direct message, so somebody must be there to read it.
        raise refused(HTTPStatus.UNPROCESSABLE_ENTITY, "not-a-user", "Only a user can buy")
    opened = await api.purchases.begin(
        account,
        wanted.package_id,
        buyer=account,
        locale=await api.people.locale_of(account) or api.default_locale,
        account_label=f"Discord {account.external_id}",
    )
    price = Words("en").money(opened.price_minor, opened.currency)
    return _answer(
        {
            "session_id": opened.reference,
            "checkout_url": opened.url,
            "amount": opened.units,
            "price": str(price),
        }
    )


def quota_facts(balance: Balance, metric: str) -> dict[str, Any]:
    """Return the documented answer about one metric; its plan's daily window, or its first when none is daily."""
    part = balance.of(metric)
    if part is None:
        # Not in the plan, and never bought.
        part = MetricBalance(
            metric=metric,
            windows=(),
            allowance_left=0,
            purchased=0,
            purchased_left=0,
            frozen=0,
            expiring_left=0,
            debt=0,
        )
    windows = sorted(part.windows, key=lambda window: window.kind != PeriodKind.DAY)
    window = windows[0] if windows else None
    return {
        "daily_limit": None if window is None else window.limit,
        "daily_used": None if window is None else window.used,
        "daily_remaining": None if window is None else window.left,
        "purchased_quota": part.purchased,
        "purchased_used": part.purchased_used,
        "purchased_remaining": part.purchased_left,
        "total_remaining": part.total_left,
        "reset_at": None if window is None else timestamp(window.resets_ms),
    }


def _answer(facts: Mapping[str, Any]) -> web.Response:
    # As UTF-8: the price has a currency sign, which people read in a terminal.
    return web.Response(
        text=json.dumps(facts, ensure_ascii=False),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
