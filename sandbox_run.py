"""
`python bot.py sandbox`: the unmodified bot beside a local Discord and a local Stripe, in one process and one loop.

The bot reaches both over real sockets, by base URL alone. The local Discord is in memory and new at each start; the
ledger is a database of its own, under `sandbox/` of the data folder, and stays, with what the local Stripe keeps. A
`.env` beside them has the settings, so that every command with `--data data/sandbox` reaches the same places.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import settings as configuration
from assembly import run_bot, utc_ms
from quota_core.access_keys import AccessKeys, Scope
from sandbox.places import OPERATOR_ID
from sandbox.server import Sandbox, serve
from settings import Settings

BANNER = """\
*** SANDBOX: a local Discord and a local Stripe. Nothing leaves this machine, no money is real. ***
*** Open {url} and type !quota                                                                ***"""
KEY_DAYS = 30
DAY_MS = 86_400_000


async def run_sandbox(
    given: Mapping[str, Any],
    data: Path,
    *,
    port: int,
    announce: Callable[[str], None],
    start_journal: Callable[[Settings], None],
) -> int:
    """
    Run the sandbox and the bot until a signal; return the exit code.

    Raises:
        OSError: a port is in use; the message names it.

    """
    folder = data / "sandbox"
    async with serve(port=port, stripe_file=folder / "stripe.json") as sandbox:
        pointed = _pointed_at(sandbox)
        settings = configuration.load({**given, **pointed}, need_discord=True)
        start_journal(settings)
        print(BANNER.format(url=sandbox.url), file=sys.stderr)  # noqa: T201 - a banner is for a terminal

        async def ready(http_url: str, keys: AccessKeys) -> None:
            sandbox.stripe.add_endpoint(f"{http_url}/webhooks/stripe")
            _keep(folder / ".env", {**pointed, "public_url": http_url, "catalog": settings.catalog})
            key = await keys.create("sandbox", list(Scope), expires_ms=utc_ms() + KEY_DAYS * DAY_MS)
            announce(f"ready http={http_url} sandbox={sandbox.url} api_key={key}")

        return await run_bot(
            settings,
            folder,
            ready=ready,
            wait_for_discord_seconds=10,
            back_url=sandbox.url,
            with_ask=True,
        )


def _keep(file: Path, values: Mapping[str, Any]) -> None:
    """Write settings down for the commands of a second terminal; None is spelled as unset."""
    lines = [f"{name.upper()}={'' if value is None else value}\n" for name, value in values.items()]
    file.touch(mode=0o600)
    file.write_text(
        "# Written by `python bot.py sandbox` at each start.\n" + "".join(lines), encoding="utf-8"
    )


def _pointed_at(sandbox: Sandbox) -> dict[str, Any]:
    """Return the settings that lead to the sandbox; whatever else is set for the real world is set aside."""
    return {
        "discord_token": "sandbox-token",
        "discord_api_url": sandbox.api_url,
        "discord_gateway_url": sandbox.gateway_url,
        "message_content_intent": True,
        "operator_ids": str(OPERATOR_ID),
        "operator_guild_ids": "",
        "stripe_api_key": "sk_test_sandbox",
        "stripe_api_url": sandbox.url,
        "stripe_webhook_secrets": sandbox.webhook_secret,
        "stripe_automatic_tax": False,
        "stripe_terms_consent": False,
        "database_url": None,
        "public_url": None,
        "http_host": "127.0.0.1",
    }
