"""
Jauge: a Discord bot that gives away, meters and sells usage, with its webhook server in the same loop.

python bot.py run          the bot, with the settings of the environment or .env
python bot.py sandbox      the same bot against a local Discord and a local Stripe
python bot.py keys …       make, list and revoke API keys
python bot.py notices …    what became of messages, and who gets them
python bot.py ledger …     prove, back up, restore and export the ledger
python bot.py doctor       look at all that the bot needs, and say what to do
python bot.py account …    bring an account's use to a share of its limits
python bot.py catalog …    check catalog files, and say what a change does to people
python bot.py stripe …     compare the catalog's prices with Stripe's, and make what is missing
"""

from __future__ import annotations

import argparse
import asyncio
import atexit
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import error_reports
import journal
import settings as configuration
from assembly import opened_ledger, run_bot, utc_ms
from cogs.shards import Shards
from desks import desk_of
from doctor import add_doctor
from duties import Duties
from quota_core import catalog_file
from quota_core.access_keys import AccessKeys, Scope
from quota_core.errors import CatalogError, DatabaseInUseError, SchemaError, UnavailableError
from quota_core.version import VERSION
from stripe_commands import add_stripe_commands
from terminal import copying, exports, interruption, local_socket
from terminal.catalogs import add_catalog_commands
from terminal.corrections import add_account_commands
from terminal.messages import add_message_commands
from terminal.progress import meter_on
from terminal.proof_arguments import add_proof_commands
from terminal.reply import Console, ReaderGoneError
from terminal.restore import Restore
from terminal.whole_file import whole_file

EXIT_CONFIG = 78  # EX_CONFIG of sysexits.h: starting again cannot help
EXIT_IN_USE = 75  # EX_TEMPFAIL: another process has the port or the database
_OWN = ("action", "data", "command", "if_cut_off", "out")  # what the one that does a command need not know
_ON_POSTGRES = "this ledger is on PostgreSQL: use pg_restore, or the restore of your database's own back-ups"
DEFAULT_DATA = Path(__file__).resolve().parent / "data"


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says and return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        code: int = asyncio.run(options.action(options))
    except ReaderGoneError:
        return interruption.reader_gone()
    except (KeyboardInterrupt, asyncio.CancelledError) as error:
        return interruption.last_words(error, getattr(options, "if_cut_off", None))
    except (configuration.SettingsError, CatalogError, SchemaError) as error:
        return _cannot_start(error)
    except (DatabaseInUseError, UnavailableError, OSError) as error:
        _complain("Cannot start:", [_said(error)])
        return EXIT_IN_USE
    return code


def _cannot_start(error: configuration.SettingsError | CatalogError | SchemaError) -> int:
    match error:
        case configuration.SettingsError():
            headline = "These settings need a look (environment or .env, see docs/settings.md):"
            _complain(headline, error.problems)
        case CatalogError():
            _complain("The catalog cannot be used:", error.problems)
        case SchemaError():
            _complain("The database cannot be used:", [str(error)])
    return EXIT_CONFIG


def _said(error: Exception) -> str:
    """Return what an error says, without the number that the system gives it."""
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    return error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"


def _complain(headline: str, problems: Sequence[str]) -> None:
    print(headline, *(f"  {problem}" for problem in problems), sep="\n", file=sys.stderr)


async def _run(options: argparse.Namespace) -> int:
    duties = Duties(http=options.only != "discord", discord=options.only != "http", shards=options.shards)
    settings = configuration.load(_given(options), need_discord=duties.discord, data=options.data)
    _start_journal(settings)

    async def ready(http_url: str, keys: AccessKeys) -> None:
        del keys
        _announce(f"ready http={http_url}")

    return await run_bot(settings, options.data, ready=ready, duties=duties)


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


async def _tool(options: argparse.Namespace, output: TextIO | None = None) -> int:
    """Have the running bot do it, or open the ledger when none runs."""
    facts = {name: value for name, value in vars(options).items() if name not in _OWN}
    reply = Console(sys.stdout, sys.stderr, meter_on(sys.stderr), output=output)
    with interruption.cancelled_by_signals():
        code = await local_socket.ask(options.data, options.command, facts, reply)
        if code is not None:
            return code
        settings = configuration.load(need_discord=False, data=options.data)
        async with opened_ledger(settings, catalog_file.load(settings.catalog), options.data) as ledger:
            return await desk_of(ledger, settings).do(options.command, facts, reply)


async def _export(options: argparse.Namespace) -> int:
    if options.out is None:
        return await _tool(options)
    try:
        with whole_file(options.out, force=options.force) as part:
            await _export_into(part, options)
    except _IncompleteError as error:
        return error.code
    except OSError as error:
        _complain("Nothing was exported:", [str(error)])
        return 1
    return 0


async def _export_into(part: Path, options: argparse.Namespace) -> None:
    with part.open("w", encoding="utf-8") as file:
        code = await _tool(options, file)
    if code:
        raise _IncompleteError(code)


class _IncompleteError(Exception):
    """The command ended with a code that says so; the file is not worth keeping."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(code)


async def _restore(options: argparse.Namespace) -> int:
    settings = configuration.load(need_discord=False, data=options.data)
    if settings.postgres_url is not None:
        _complain("Nothing was restored:", [_ON_POSTGRES])
        return 1
    restore = Restore(
        source=Path(options.file),
        ledger=settings.database_path(options.data),
        agree=interruption.always if options.yes else interruption.asked,
        reply=Console(sys.stdout, sys.stderr, meter_on(sys.stderr)),
        clock=utc_ms,
    )
    with interruption.cancelled_by_signals():
        return await restore.run()


async def _copy(options: argparse.Namespace) -> int:
    settings = configuration.load(need_discord=False, data=options.data)
    target_url = configuration.load({"database_url": options.to}, need_discord=False).postgres_url
    if target_url is None:
        _complain("Nothing was copied:", ["--to takes the address of a PostgreSQL database"])
        return 2
    copy = copying.Copy(
        source=settings.database_path(options.data),
        target_url=target_url,
        reply=Console(sys.stdout, sys.stderr, meter_on(sys.stderr)),
        clock=utc_ms,
    )
    with interruption.cancelled_by_signals():
        return await copy.run()


def _given(options: argparse.Namespace) -> dict[str, Any]:
    return {} if options.http_port is None else {"http_port": options.http_port}


def _start_journal(settings: configuration.Settings) -> None:
    secrets = list(configuration.secrets_of(settings))
    journal.start(settings.log_level, settings.log_format, secrets=secrets)
    if settings.sentry_dsn is not None:
        clean = journal.Clean(secrets).clean
        finish = error_reports.start(settings.sentry_dsn.get_secret_value(), clean=clean, release=VERSION)
        atexit.register(finish)


def _announce(line: str) -> None:
    print(line, flush=True)


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:  # noqa: PLR2004 - the range of TCP
        raise argparse.ArgumentTypeError("a port is 0 to 65535; 0 takes any free one")
    return port


def _shards(text: str) -> Shards:
    try:
        return Shards.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bot.py", description="A Discord bot that meters and sells usage.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--data", type=Path, default=DEFAULT_DATA, help="where run-time files live (data)")
    serving = argparse.ArgumentParser(add_help=False, parents=[shared])
    serving.add_argument("--http-port", type=_port, help="instead of HTTP_PORT; 0 takes any free one")

    run = commands.add_parser("run", parents=[serving], help="run the bot")
    run.add_argument("--only", choices=("http", "discord"), help="one part, where several processes share")
    run.add_argument("--shards", type=_shards, metavar="0-3/8", help="these of Discord's shards, of so many")
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

    add_doctor(commands, shared, tool=_tool)
    add_account_commands(commands, shared, tool=_tool)
    add_message_commands(commands, shared, tool=_tool)
    add_stripe_commands(commands, shared)
    add_catalog_commands(commands)
    ledger = commands.add_parser("ledger", help="the ledger").add_subparsers(required=True, metavar="ACTION")
    _add_ledger_commands(ledger, shared)
    return parser


def _add_ledger_commands(
    ledger: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser
) -> None:
    add_proof_commands(ledger, shared, tool=_tool, to_file=_export)

    backup = ledger.add_parser("backup", parents=[shared], help="copy the ledger into a file, while it works")
    backup.add_argument("file", type=_absolute, metavar="FILE", help="made whole or not at all, mode 0600")
    backup.add_argument("--force", action="store_true", help="replace FILE if it exists")
    backup.set_defaults(action=_tool, command="ledger backup", if_cut_off="no back-up was made")

    restore = ledger.add_parser("restore", parents=[shared], help="put a back-up in the place of the ledger")
    restore.add_argument(
        "file", type=_absolute, metavar="FILE", help="it is proved first, and stays as it is"
    )
    restore.add_argument("--yes", action="store_true", help="do not ask")
    restore.set_defaults(action=_restore, if_cut_off="the ledger is as it was")

    copy = ledger.add_parser("copy", parents=[shared], help="move the ledger from SQLite to PostgreSQL")
    copy.add_argument("--to", required=True, metavar="URL", help="postgresql://…, an empty database")
    copy.set_defaults(action=_copy, if_cut_off=copying.IF_CUT_OFF)

    export = ledger.add_parser("export", parents=[shared], help="write the entries, with names, as text")
    export.add_argument("--format", choices=exports.FORMATS, default="csv", help="csv (default) or jsonl")
    export.add_argument("--out", type=Path, metavar="FILE", help="instead of standard output")
    export.add_argument("--force", action="store_true", help="replace FILE if it exists")
    export.add_argument("--account", help="only this account's, such as user:1")
    export.add_argument("--since", metavar="TIME", help="from this day or time (UTC) on")
    export.add_argument("--until", metavar="TIME", help="before this day or time (UTC)")
    export.set_defaults(action=_export, command="ledger export", if_cut_off="the export is not complete")


def _absolute(text: str) -> str:
    return str(Path(text).absolute())


if __name__ == "__main__":
    sys.exit(main())
