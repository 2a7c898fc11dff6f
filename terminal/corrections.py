"""`account reset`: bring an account's use to a share of its limits, to prepare it for a look."""

from __future__ import annotations

import argparse
import getpass
from collections.abc import Mapping
from typing import Any, TypeAlias

from quota_core.accounts import AccountRef
from quota_core.corrections import Corrected, Corrections, UnknownAccountError
from quota_core.errors import AmountError, UnknownMetricError
from terminal.proof_arguments import Action
from terminal.reply import Reply

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - it has no public name


def add_account_commands(commands: Commands, shared: argparse.ArgumentParser, *, tool: Action) -> None:
    """Add the commands; `tool` does them with the ledger."""
    account = commands.add_parser("account", help="single accounts").add_subparsers(
        required=True, metavar="ACTION"
    )
    reset = account.add_parser("reset", parents=[shared], help="bring the use of open windows to a share")
    reset.add_argument("--account", required=True, help="such as user:1")
    reset.add_argument("--metric", help="the catalog's primary one unless given")
    reset.add_argument("--target", type=int, default=0, metavar="PERCENT", help="of each limit (0)")
    reset.add_argument("--new", action="store_true", help="open the account if nothing is known of it")
    reset.add_argument("--reason", default="account reset", help="kept with who did it")
    reset.set_defaults(action=tool, command="account reset", by=_who(), if_cut_off="look before you repeat")


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"  # a container's user needs no name


async def reset_account(corrections: Corrections, options: Mapping[str, Any], reply: Reply) -> int:
    """Correct, and say of each window what it held before and holds now."""
    try:
        account = AccountRef.parse(options["account"])
        windows = await corrections.bring_to(
            account,
            int(options["target"]),
            metric=options.get("metric"),
            actor=f"terminal:{options['by']}"[:100],
            reason=options["reason"],
            create=options["new"],
        )
    except ValueError as error:
        reply.tell(f"{error}: an account is spelled such as user:1")
        return 2
    except AmountError as error:
        reply.tell(f"--target is a share from {error.minimum} to {error.maximum} percent")
        return 2
    except UnknownAccountError as error:
        reply.tell(f"nothing was changed: nothing is known of {error}; look at the id, or open it with --new")
        return 1
    except UnknownMetricError:
        reply.tell("the catalog has no such metric")
        return 1
    if not windows:
        reply.tell("nothing was changed: the account's plan has no window with a limit on this metric")
        return 1
    for window in windows:
        reply.tell(_line(window))
    return 0


def _line(window: Corrected) -> str:
    return f"this {window.kind}: {window.before:,} used before, {window.after:,} of {window.limit:,} now"
