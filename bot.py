"""
Jauge: a Discord bot that gives away, meters and sells usage, with its webhook server in the same loop.

python bot.py run          the bot, with the settings of the environment or .env
python bot.py sandbox      the same bot against a local Discord and a local Stripe
python bot.py keys …       make, list and revoke API keys
python bot.py ledger …     prove the ledger
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import journal
import settings as configuration
from assembly import opened_ledger, run_bot
from quota_core import catalog_file
from quota_core.access_keys import AccessKeys, Scope
from quota_core.errors import CatalogError, DatabaseInUseError, SchemaError, UnavailableError
from terminal import local_socket
from terminal.desk import Desk

EXIT_CONFIG = 78  # EX_CONFIG of sysexits.h: starting again cannot help
EXIT_IN_USE = 75  # EX_TEMPFAIL: another process has the port or the database
DEFAULT_DATA = Path(__file__).resolve().parent / "data"


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says and return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        code: int = asyncio.run(options.action(options))
    except configuration.SettingsError as error:
        _complain("These settings need a look (environment or .env, see docs/settings.md):", error.problems)
        return EXIT_CONFIG
    except CatalogError as error:
        _complain("The catalog cannot be used:", error.problems)
        return EXIT_CONFIG
    except SchemaError as error:
        _complain("The database cannot be used:", [str(error)])
        return EXIT_CONFIG
    except (DatabaseInUseError, UnavailableError, OSError) as error:
        _complain("Cannot start:", [str(error)])
        return EXIT_IN_USE
    except KeyboardInterrupt:
        return 130
    return code


def _complain(headline: str, problems: Sequence[str]) -> None:
    print(headline, *(f"  {problem}" for problem in problems), sep="\n", file=sys.stderr)


async def _run(options: argparse.Namespace) -> int:
    settings = configuration.load(_given(options), need_discord=True)
    _start_journal(settings)

    async def ready(http_url: str, keys: AccessKeys) -> None:
        del keys
        _announce(f"ready http={http_url}")

    return await run_bot(settings, options.data, ready=ready)


async def _sandbox(options: argparse.Namespace) -> int:
    # Imported here, so that a bot that sells for real never loads its stand-in.
    from sandbox_run import run_sandbox  # noqa: PLC0415 - see above

    return await run_sandbox(
        _given(options),
        options.data,
        port=options.sandbox_port,
        announce=_announce,
        start_journal=_start_journal,
    )


async def _tool(options: argparse.Namespace) -> int:
    """Have the running bot do it, or open the ledger when none runs."""
    facts = {
        name: value for name, value in vars(options).items() if name not in ("action", "data", "command")
    }
    code = await local_socket.ask(options.data, options.command, facts, print)
    if code is not None:
        return code
    settings = configuration.load(need_discord=False)
    async with opened_ledger(settings, catalog_file.load(settings.catalog), options.data) as ledger:
        desk = Desk(ledger.database, ledger.keys, clock=ledger.clock)
        return await desk.do(options.command, facts, print)


def _given(options: argparse.Namespace) -> dict[str, Any]:
    return {} if options.http_port is None else {"http_port": options.http_port}


def _start_journal(settings: configuration.Settings) -> None:
    secrets = [settings.discord_token, settings.stripe_api_key, *settings.stripe_webhook_secrets]
    journal.start(
        settings.log_level,
        settings.log_format,
        secrets=[secret.get_secret_value() for secret in secrets if secret is not None],
    )


def _announce(line: str) -> None:
    print(line, flush=True)


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:  # noqa: PLR2004 - the range of TCP
        raise argparse.ArgumentTypeError("a port is 0 to 65535; 0 takes any free one")
    return port


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bot.py", description="A Discord bot that meters and sells usage.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--data", type=Path, default=DEFAULT_DATA, help="where run-time files live (data)")
    serving = argparse.ArgumentParser(add_help=False, parents=[shared])
    serving.add_argument("--http-port", type=_port, help="instead of HTTP_PORT; 0 takes any free one")

    run = commands.add_parser("run", parents=[serving], help="run the bot")
    run.set_defaults(action=_run)
    sandbox = commands.add_parser("sandbox", parents=[serving], help="run it on a local Discord and Stripe")
    sandbox.add_argument("--sandbox-port", type=_port, default=8081, help="8081; 0 takes any free one")
    sandbox.set_defaults(action=_sandbox)

    keys = commands.add_parser("keys", help="API keys").add_subparsers(required=True, metavar="ACTION")
    create = keys.add_parser("create", parents=[shared], help="make a key; it is shown once")
    create.add_argument("name", help="what the key is for")
    create.add_argument("--scopes", nargs="+", required=True, metavar="SCOPE", help=", ".join(Scope))
    create.add_argument("--account", help="bind the key to one account, such as user:1")
    create.add_argument("--days", type=int, help="refuse the key after so many days")
    create.set_defaults(action=_tool, command="keys create")
    listing = keys.add_parser("list", parents=[shared], help="list keys, without their secrets")
    listing.set_defaults(action=_tool, command="keys list")
    revoke = keys.add_parser("revoke", parents=[shared], help="refuse a key from now on")
    revoke.add_argument("id", help="the part between jauge_ and the next _")
    revoke.set_defaults(action=_tool, command="keys revoke")

    ledger = commands.add_parser("ledger", help="the ledger").add_subparsers(required=True, metavar="ACTION")
    verify = ledger.add_parser("verify", parents=[shared], help="recount everything from the entries")
    verify.set_defaults(action=_tool, command="ledger verify")
    return parser


if __name__ == "__main__":
    sys.exit(main())
