"""
How a transaction is written: a generator that yields statements and receives rows.

It can touch nothing but the database, so no wait for Discord or Stripe can stand inside one, and the engine
chooses how to run it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")
Row = tuple[Any, ...]


class Statement(NamedTuple):
    """SQL with `$1` parameters, and one or many rows of arguments; `reads` says whether rows come back."""

    sql: str
    rows: Iterable[Sequence[Any]]
    reads: bool


Work = Generator[Statement, list[Row], T]


def fetch(sql: str, *arguments: Any) -> Statement:
    """Ask for all rows of a query."""
    return Statement(sql, (arguments,), reads=True)


def fetch_each(sql: str, rows: Iterable[Sequence[Any]]) -> Statement:
    """Ask for the rows of one query for each row of arguments, one after the other in one list."""
    return Statement(sql, rows, reads=True)


def run(sql: str, *arguments: Any) -> Statement:
    """Change something once."""
    return Statement(sql, (arguments,), reads=False)


def run_each(sql: str, rows: Iterable[Sequence[Any]]) -> Statement:
    """Change something once for each row of arguments."""
    return Statement(sql, rows, reads=False)
