"""`python bot.py catalog check` and `diff`: whether a file can be used, and what a change does to people."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from quota_core import catalog_file
from quota_core.catalog import Catalog
from quota_core.catalog_changes import changes
from quota_core.errors import CatalogError
from quota_core.findings import counted

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - it has no public name
_SIGNS = {"loss": "-", "gain": "+", "note": "~"}
LOSSES = 1
"""Exit code of a difference by which somebody loses, and of a file that cannot be used."""


def add_catalog_commands(commands: Commands) -> None:
    """Add the commands to the command line."""
    actions = commands.add_parser("catalog", help="catalog files").add_subparsers(
        required=True, metavar="ACTION"
    )
    check = actions.add_parser("check", help="say what is wrong with catalog files, and what to write")
    check.add_argument("file", nargs="+", help="a name under data/catalogs, or a path that ends in .toml")
    check.set_defaults(action=_told(lambda options: check_files(options.file)))
    diff = actions.add_parser("diff", help="say what a change does to the people who live with it")
    diff.add_argument("old", help="the catalog in force")
    diff.add_argument("new", help="the one that is to follow")
    diff.set_defaults(action=_told(lambda options: tell_changes(options.old, options.new)))


def _told(action: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], Awaitable[int]]:
    async def run(options: argparse.Namespace) -> int:
        return action(options)

    return run


def check_files(names: list[str]) -> int:
    """Print a line for each file that is right, and every problem of those that are not; return the exit code."""
    code = 0
    for name in names:
        try:
            catalog = catalog_file.load(name)
        except CatalogError as error:
            code = LOSSES
            for problem in error.problems:
                _say(problem)
        else:
            _say(f"{name}: can be used: {_counted(catalog)}")
            for warning in catalog_file.margin_warnings(catalog):
                _say(f"{name}: {warning}")
    return code


def tell_changes(old_name: str, new_name: str) -> int:
    """
    Print what the new catalog does to the people of the old one; return 1 when somebody loses something.

    Raises:
        CatalogError: one of them cannot be used.

    """
    found = changes(catalog_file.load(old_name), catalog_file.load(new_name))
    for change in found:
        _say(f"{_SIGNS[change.weight]} {change.place}: {change.effect}")
    if not found:
        _say("nothing changes for anybody")
    return LOSSES if any(change.weight == "loss" for change in found) else 0


def _counted(catalog: Catalog) -> str:
    tables = ("plans", "metrics", "services", "features", "packages")
    return ", ".join(
        counted(len(getattr(catalog, table)), table) for table in tables if getattr(catalog, table)
    )


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
