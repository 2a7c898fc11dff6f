"""The program's side of Stripe: what opens payment pages, and what asks for reports that never arrived."""

from __future__ import annotations

import contextlib
import logging

from core_parts import CoreParts
from ledger_file import utc_ms
from quota_core.catalog import Catalog
from quota_core.leases import Leases
from settings import Settings
from webhooks.product_text import ProductTexts
from webhooks.stripe_catch_up import CatchUp
from webhooks.stripe_checkout import StripeCheckout

log = logging.getLogger(__name__)


def opened_checkout(
    stack: contextlib.AsyncExitStack, settings: Settings, catalog: Catalog, public_url: str
) -> StripeCheckout | None:
    """Return what sells, until the stack closes; None without a key."""
    if settings.stripe_api_key is None:
        log.warning("no STRIPE_API_KEY: everything works, but nothing can be bought")
        return None
    checkout = StripeCheckout(
        settings.stripe_api_key.get_secret_value(),
        api_url=settings.stripe_api_url,
        success_url=f"{public_url}/checkout/success",
        cancel_url=f"{public_url}/checkout/cancel",
        product=ProductTexts(catalog, terms_url=settings.terms_url),
        automatic_tax=settings.stripe_automatic_tax,
        invoice_creation=settings.stripe_invoices,
        consent=settings.stripe_terms_consent,
    )
    stack.push_async_callback(checkout.close)
    return checkout


def catching_up(settings: Settings, core: CoreParts, checkout: StripeCheckout, *, holder: str) -> CatchUp:
    """Return what asks Stripe for reports that never arrived; `holder` names this process for people."""
    database = core.ledger.database
    return CatchUp(
        checkout.history,
        core.settlements,
        core.deliveries,
        leases=None if database.alone else Leases(database, holder=holder, clock=utc_ms),
        interval_seconds=settings.stripe_catch_up_seconds,
        clock=utc_ms,
    )
