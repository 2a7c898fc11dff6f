"""`python bot.py doctor`: look at everything that the bot needs around it, and say what to do about the rest."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import stripe

import settings as configuration
from cogs.checkup import discord_findings
from cogs.connection import point_at
from quota_core import catalog_file
from quota_core.catalog import Catalog
from quota_core.errors import CatalogError
from quota_core.findings import Finding, State, counted, note, to_mend, well
from settings import Settings, SettingsError
from stripe_commands import opened_client, trouble_of, verify_prices
from terminal.ledger_checkup import line_of
from webhooks.checkup import reach_findings, stripe_findings
from webhooks.stripe_prices import StripePrices

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - it has no public name
Action: TypeAlias = Callable[[argparse.Namespace], Awaitable[int]]


def add_doctor(commands: Commands, shared: argparse.ArgumentParser, *, tool: Action) -> None:
    """Add the command; `tool` has the running bot look at its ledger, or opens it."""
    parser = commands.add_parser(
        "doctor", parents=[shared], help="look at all that the bot needs, and say what to do"
    )

    async def run(options: argparse.Namespace) -> int:
        return max(await examine(print, options.data), await tool(options))

    parser.set_defaults(action=run, command="doctor")


async def examine(tell: Callable[[str], object], data: Path) -> int:
    """Look at everything but the ledger; 1 when something is to be done. No secret is ever part of a line."""
    try:
        settings = configuration.load(need_discord=False, data=data)
        catalog = catalog_file.load(settings.catalog)
    except (SettingsError, CatalogError) as error:
        what = "settings" if isinstance(error, SettingsError) else "catalog"
        for problem in error.problems:
            tell(line_of(to_mend(what, problem, f"docs/{what}.md")))
        raise
    found = list(_catalog_findings(settings, catalog))
    for some in await asyncio.gather(
        _ask_discord(settings), _ask_stripe(settings, catalog), reach_findings(settings.public_url)
    ):
        found += some
    for finding in found:
        tell(line_of(finding))
    return int(any(finding.state is State.TO_DO for finding in found))


def _catalog_findings(settings: Settings, catalog: Catalog) -> Iterator[Finding]:
    plans, packages = counted(len(catalog.plans), "plans"), counted(len(catalog.packages), "packages")
    yield well("catalog", f"{settings.catalog}: {plans}, {packages}")
    for warning in catalog_file.margin_warnings(catalog):
        yield note("catalog", warning)
    if not settings.operator_ids and not settings.operator_guild_ids:
        yield note("operators", "nobody may use !admin_quota", "put your Discord user id into OPERATOR_IDS")


async def _ask_discord(settings: Settings) -> list[Finding]:
    if settings.discord_api_url is not None and settings.discord_gateway_url is not None:
        point_at(settings.discord_api_url, settings.discord_gateway_url)
    token = None if settings.discord_token is None else settings.discord_token.get_secret_value()
    return await discord_findings(token, message_content=settings.message_content_intent)


async def _ask_stripe(settings: Settings, catalog: Catalog) -> list[Finding]:
    if settings.stripe_api_key is None:
        return [note("Stripe", "no STRIPE_API_KEY, so nothing can be bought", "docs/settings.md, Stripe")]
    lines: list[str] = []
    key = settings.stripe_api_key.get_secret_value()
    try:
        async with opened_client(settings) as client:
            found = await stripe_findings(client, api_key=key, public_url=settings.public_url)
            await verify_prices(catalog, StripePrices(client), None, lines.append)
    except stripe.StripeError as error:
        return [to_mend("Stripe", trouble_of(error), "then run this again")]
    wrong = [line for line in lines if line.startswith(("WRONG", "MISSING"))]
    if not wrong:
        return [*found, well("prices", "catalog and Stripe agree")]
    return [*found, *(to_mend("prices", line, "python bot.py stripe verify") for line in wrong)]
