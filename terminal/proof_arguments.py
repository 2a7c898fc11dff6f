"""The command line of what proves the ledger."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

from quota_core.statement_check import check_statement

Action: TypeAlias = Callable[[argparse.Namespace], Awaitable[int]]
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - it has no public name


def add_proof_commands(
    ledger: Commands, shared: argparse.ArgumentParser, *, tool: Action, to_file: Action
) -> None:
    """Add the commands; `tool` does them with the ledger, `to_file` also takes their output into a file."""
    verify = ledger.add_parser("verify", parents=[shared], help="recount everything from the entries")
    verify.add_argument(
        "--anchor", action="append", type=_absolute, metavar="FILE", help="prove what was anchored, too"
    )
    verify.set_defaults(action=tool, command="ledger verify", if_cut_off="nothing was changed")

    anchor = ledger.add_parser("anchor", parents=[shared], help="sign where every account stands")
    anchor.add_argument("--out", type=Path, metavar="FILE", help="instead of standard output")
    anchor.add_argument("--force", action="store_true", help="replace FILE if it exists")
    anchor.set_defaults(action=to_file, command="ledger anchor", if_cut_off="the anchor is not complete")

    balance = ledger.add_parser("balance", parents=[shared], help="what an account had at any moment")
    balance.add_argument("account", help="such as user:1")
    balance.add_argument(
        "--at", metavar="TIME", help="a day (its first moment) or a time, UTC unless it says so"
    )
    balance.add_argument("--metric", help="only this metric")
    balance.set_defaults(action=tool, command="ledger balance", if_cut_off="nothing was changed")

    key = ledger.add_parser("key", parents=[shared], help="show the public key of statements and anchors")
    key.set_defaults(action=tool, command="ledger key")

    statement = ledger.add_parser(
        "verify-statement", help="check a signed statement, with nothing but the file"
    )
    statement.add_argument("file", type=Path, metavar="FILE")
    statement.add_argument(
        "--public-key", metavar="KEY", help="whose signature it must be: 64 hexadecimal digits"
    )
    statement.set_defaults(action=verify_statement)


async def verify_statement(options: argparse.Namespace) -> int:
    """Check a statement and say what it proves; 0 when it is sound, 1 when not, 2 when it is no statement."""
    try:
        checked = check_statement(options.file.read_bytes(), options.public_key)
    except (OSError, ValueError) as error:
        _say(f"{options.file}: {error}")
        return 2
    earlier = f", {checked.earlier:,} earlier ones as opening sums" if checked.earlier else ""
    _say(f"{checked.account}, made {checked.made}: {checked.entries:,} entries{earlier}")
    for pot, units in checked.pots.items():
        _say(f"  {pot} = {units:,}")
    for problem in checked.problems:
        _say(f"WRONG {problem}")
    if checked.problems:
        _say("the statement is NOT sound")
        return 1
    _say(f"the statement is sound; signed with {checked.public_key}")
    if options.public_key is None:
        _say("whether that is the bot's key, its operator says; give it as --public-key")
    return 0


def _say(line: str) -> None:
    print(line, file=sys.stdout, flush=True)  # noqa: T201 - a command's answer


def _absolute(text: str) -> str:
    return str(Path(text).absolute())
