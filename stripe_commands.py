"""`python bot.py stripe verify` and `stripe sync`: the catalog's prices beside Stripe's."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias

import stripe

import settings as configuration
from quota_core import catalog_file
from quota_core.catalog import Catalog
from quota_core.offered_prices import Offer, Price, differences, offers_in, spelled
from settings import Settings, SettingsError
from webhooks.stripe_connection import StripeConnection, stripe_client
from webhooks.stripe_prices import StripePrices

EXIT_UNAVAILABLE = 75  # EX_TEMPFAIL: the same command may succeed later
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - it has no public name
Tell = Callable[[str], None]


def add_stripe_commands(commands: Commands, shared: argparse.ArgumentParser) -> None:
    """Add the commands to the command line."""
    actions = commands.add_parser("stripe", help="the catalog's prices in Stripe").add_subparsers(
        required=True, metavar="ACTION"
    )
    for name, help_text, action in (
        ("verify", "compare the catalog's prices with Stripe's; changes nothing", verify_prices),
        ("sync", "make the prices that are missing; never changes one", sync_prices),
    ):
        parser = actions.add_parser(name, parents=[shared], help=help_text)
        parser.add_argument("--catalog", metavar="NAME", help="instead of CATALOG")
        parser.set_defaults(action=_on_stripe(action))
        if action is sync_prices:
            parser.add_argument("--packages", action="store_true", help="for packages too, which need none")


def _on_stripe(
    action: Callable[[Catalog, StripePrices, argparse.Namespace], Awaitable[int]],
) -> Callable[[argparse.Namespace], Awaitable[int]]:
    async def run(options: argparse.Namespace) -> int:
        settings = configuration.load(need_discord=False, data=options.data)
        catalog = catalog_file.load(options.catalog or settings.catalog)
        try:
            async with opened_client(settings) as client:
                return await action(catalog, StripePrices(client), options)
        except stripe.StripeError as error:
            print(f"Nothing more was done: {trouble_of(error)}", file=sys.stderr)  # noqa: T201 - a command's answer
            return EXIT_UNAVAILABLE

    return run


@contextlib.asynccontextmanager
async def opened_client(settings: Settings) -> AsyncIterator[stripe.StripeClient]:
    """
    Open the way to the Stripe account of the settings.

    Raises:
        SettingsError: there is no key.

    """
    if settings.stripe_api_key is None:
        raise SettingsError(["STRIPE_API_KEY: missing: it is in Stripe's dashboard, Developers, API keys"])
    connection = StripeConnection()
    key = settings.stripe_api_key.get_secret_value()
    try:
        yield stripe_client(key, api_url=settings.stripe_api_url, connection=connection)
    finally:
        await connection.close_async()  # type: ignore[no-untyped-call] # so in the library


async def verify_prices(
    catalog: Catalog, prices: StripePrices, options: argparse.Namespace | None, tell: Tell = print
) -> int:
    """Compare, and say of each plan and package how it stands; 1 when something must be done."""
    del options
    problems = 0
    for offer in offers_in(catalog):
        found = await _found(prices, offer)
        lines = _verdict(offer, found)
        problems += bool(lines)
        for line in lines or [_sound(offer, found)]:
            tell(line)
    tell(f"{problems} to be mended" if problems else "catalog and Stripe agree")
    return 1 if problems else 0


async def sync_prices(
    catalog: Catalog, prices: StripePrices, options: argparse.Namespace, tell: Tell = print
) -> int:
    """Make what is missing, and say what to put into the catalog; 1 when something must be done by hand."""
    problems = 0
    for offer in offers_in(catalog):
        if not (offer.needs_price or options.packages):
            continue
        found = await _found(prices, offer)
        if found is None and offer.stripe_price is None:
            found = await prices.create(offer)
            tell(f"made    {offer}: {found.id}, {spelled(offer.amount_minor, offer.currency)}")
        lines = _verdict(offer, found)
        problems += bool(lines)
        for line in lines:
            tell(line)
        if found is not None and not lines and offer.stripe_price is None:
            tell(f'        put into [{offer.kind}s.{offer.id}]: stripe_price = "{found.id}"')
    tell(f"{problems} to be mended by hand" if problems else "nothing is missing")
    return 1 if problems else 0


async def _found(prices: StripePrices, offer: Offer) -> Price | None:
    if offer.stripe_price is not None:
        return await prices.by_id(offer.stripe_price)
    return await prices.by_key(offer.key)


def _verdict(offer: Offer, price: Price | None) -> list[str]:
    """Return what is wrong with an offer's price, a line each; none when all is well."""
    if price is not None:
        return [f"WRONG   {offer}, {price.id}: {what}" for what in differences(offer, price)]
    if offer.stripe_price is not None:
        return [
            f"MISSING {offer}: Stripe has no {offer.stripe_price} in the mode of this key; correct the catalog"
        ]
    if offer.needs_price:
        amount = spelled(offer.amount_minor, offer.currency)
        return [
            f"MISSING {offer}: Stripe has no price of {amount} for it; python bot.py stripe sync makes it"
        ]
    return []


def _sound(offer: Offer, price: Price | None) -> str:
    amount = spelled(offer.amount_minor, offer.currency)
    return f"ok      {offer}: {amount}, " + (
        "sent with each order, no price needed" if price is None else f"{price.id} says the same"
    )


def trouble_of(error: stripe.StripeError) -> str:
    """Say in words why Stripe did not answer, and what to do; never with the key."""
    match error:
        case stripe.AuthenticationError():
            return "Stripe refuses STRIPE_API_KEY; take a new one from the dashboard (Developers, API keys)"
        case stripe.PermissionError():
            return "the restricted key in STRIPE_API_KEY lacks a right; this needs Products and Prices"
        case stripe.APIConnectionError():
            return "Stripe cannot be reached; look at the network and at STRIPE_API_URL"
        case _:
            return f"Stripe answered {error.http_status}: {error.user_message or type(error).__name__}"
