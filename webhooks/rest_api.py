"""The REST API: what an account has left, and a payment page for it."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from aiohttp import web
from pydantic import Field

from quota_core.access_keys import Scope
from quota_core.balances import Balance, Balances, MetricBalance
from quota_core.catalog import Catalog
from quota_core.people import People
from quota_core.periods import PeriodKind
from quota_core.purchases import Purchases
from webhooks.access import account_of
from webhooks.problems import moment_or_none, refused
from webhooks.route_table import Call, Facts, Request, Route, UserId
from wording.words import Words

MAX_ID_LENGTH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class RestApi:
    """What the handlers need; `default_locale` is that of buyers who were never seen."""

    balances: Balances
    purchases: Purchases
    people: People
    catalog: Catalog
    default_locale: str


REST_API = web.AppKey("REST_API", RestApi)


class CheckoutRequest(Request):
    """For whom what is bought, and who pays and is told: the account itself unless `buyer_id` names a user."""

    user_id: UserId = ""
    buyer_id: UserId = ""
    package_id: Annotated[str, Field(min_length=1, max_length=MAX_ID_LENGTH)]


class QuotaFacts(Facts):
    """What an account has of the primary metric; null is unlimited, or not in the plan."""

    daily_limit: int | None
    daily_used: int | None
    daily_remaining: int | None
    purchased_quota: int
    purchased_used: int
    purchased_remaining: int
    total_remaining: int | None
    reset_at: str | None


class CheckoutFacts(Facts):
    """An open payment page for `amount` units."""

    session_id: str
    checkout_url: str
    amount: int
    price: str


async def show_quota(call: Call) -> QuotaFacts:
    """Answer what an account has of the catalog's primary metric."""
    api = call.request.app[REST_API]
    return quota_facts(await api.balances.of(call.named), api.catalog.primary_metric)


async def open_checkout(call: Call) -> CheckoutFacts:
    """Answer a payment page for a package: the one that is still open for it, or a new one."""
    api, wanted = call.request.app[REST_API], call.body
    assert isinstance(wanted, CheckoutRequest)
    account = call.account(wanted.user_id)
    buyer = account_of(call.key, call.scope, str(wanted.buyer_id)) if wanted.buyer_id else account
    if buyer.kind != "user":
        # The confirmation is a direct message, so somebody must be there to read it.
        raise refused(
            HTTPStatus.UNPROCESSABLE_ENTITY, "not-a-user", "Only a user can buy", "buyer_id names who pays"
        )
    opened = await api.purchases.begin(
        account,
        wanted.package_id,
        buyer=buyer,
        locale=await api.people.locale_of(buyer) or api.default_locale,
        account_label=f"Discord {account.external_id}" if account.kind == "user" else str(account),
    )
    price = Words("en").money(opened.price_minor, opened.currency)
    return CheckoutFacts(
        session_id=opened.reference, checkout_url=opened.url, amount=opened.units, price=str(price)
    )


def quota_facts(balance: Balance, metric: str) -> QuotaFacts:
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
    return QuotaFacts(
        daily_limit=None if window is None else window.limit,
        daily_used=None if window is None else window.used,
        daily_remaining=None if window is None else window.left,
        purchased_quota=part.purchased,
        purchased_used=part.purchased_used,
        purchased_remaining=part.purchased_left,
        total_remaining=part.total_left,
        reset_at=None if window is None else moment_or_none(window.resets_ms),
    )


ROUTES = (
    Route(
        name="show_quota",
        method="GET",
        path="/api/quota/{account}",
        family="Quota",
        summary="What an account has of the primary metric",
        scope=Scope.QUOTA_READ,
        answer=QuotaFacts,
        refusals=frozenset({400, 404, 503}),
        polled=True,
        endpoint=show_quota,
    ),
    Route(
        name="open_checkout",
        method="POST",
        path="/api/quota/checkout",
        aliases=("/api/billing/topups/checkout", "/usage-billing/topups/checkout"),
        family="Quota",
        summary="A payment page for a package: the one that is still open, or a new one",
        scope=Scope.CHECKOUT_CREATE,
        body=CheckoutRequest,
        answer=CheckoutFacts,
        refusals=frozenset({404, 503}),
        endpoint=open_checkout,
    ),
)
