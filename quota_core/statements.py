"""
How a transaction is written: a generator that yields statements and receives rows.

It can touch nothing but the database, so no wait for Discord or Stripe can stand inside one, and the engine
chooses how to run it.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")
Row = tuple[Any, ...]
ROW_LOCK = re.compile(r"\bFOR UPDATE( OF \w+(, \w+)*)?( SKIP LOCKED)?")
"""What locks rows in a statement: nothing on SQLite, where one transaction has the whole file."""


class Statement(NamedTuple):
    """
    SQL with `$1` parameters, for one or many rows of arguments; `reads` says whether rows come back.

    With `types` (PostgreSQL's names, one a column) the text runs for all rows together, and `{rows}` in it stands
    for them. Without, it runs for each row, and `= ANY($1)` matches any of a list. `on_sqlite` is the text for
    SQLite where the two engines have nothing in common; empty: nothing is to be done there. It has no parameters,
    unless there are `types`. With `together` there are several questions, and each comes back as one row that
    holds the rows of its answer.
    """

    sql: str
    rows: Iterable[Sequence[Any]]
    reads: bool
    types: tuple[str, ...] = ()
    on_sqlite: str | None = None
    together: tuple[Statement, ...] = ()


Work = Generator[Statement, list[Row], T]


def fetch(sql: str, *arguments: Any) -> Statement:
    """Ask for all rows of a query."""
    return Statement(sql, (arguments,), reads=True)


def fetch_any(sql: str, values: Sequence[Any]) -> Statement:
    """Ask for the rows that match any of `values`, where the query says `= ANY($1)`; in no order."""
    return Statement(sql, ((values,),), reads=True)


def fetch_all(sql: str, types: tuple[str, ...], rows: Sequence[Sequence[Any]]) -> Statement:
    """Ask for the rows of one query over all `rows`, where it says `{rows}`."""
    return Statement(sql, rows, reads=True, types=types)


def lock_all(sql: str, types: tuple[str, ...], rows: Sequence[Sequence[Any]]) -> Statement:
    """Lock what is there of all `rows`, for `fetch_locked`; on SQLite nothing is to be done."""
    return Statement(sql, rows, reads=False, types=types, on_sqlite="")


def fetch_locked(
    postgres: str, types: tuple[str, ...], rows: Sequence[Sequence[Any]], *, sqlite: str
) -> Statement:
    """Ask for what `lock_all` locked, which PostgreSQL knows by itself; SQLite's text says `{rows}`."""
    return Statement(postgres, rows, reads=True, types=types, on_sqlite=sqlite)


def fetch_by_engine(postgres: str, *arguments: Any, sqlite: str) -> Statement:
    """Ask for rows in the words of each engine; only PostgreSQL's get the arguments."""
    return Statement(postgres, (arguments,), reads=True, on_sqlite=sqlite)


def fetch_together(*questions: Statement) -> Statement:
    """
    Ask several questions that need nothing of each other, each without `{rows}`, in one round trip.

    Only the first one's rows should be many, and they come in no order.
    """
    return Statement(" ".join([one.sql for one in questions]), (), reads=True, together=questions)


def run(sql: str, *arguments: Any) -> Statement:
    """Change something once."""
    return Statement(sql, (arguments,), reads=False)


def run_all(sql: str, types: tuple[str, ...], rows: Sequence[Sequence[Any]]) -> Statement:
    """Change something for all `rows` together, where the text says `{rows}`."""
    return Statement(sql, rows, reads=False, types=types)


def run_each(sql: str, rows: Iterable[Sequence[Any]]) -> Statement:
    """Change something once for each row of arguments."""
    return Statement(sql, rows, reads=False)


def tables() -> Work[list[Row]]:
    """Return the names of all tables."""
    return (
        yield fetch_by_engine(
            "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()",
            sqlite="SELECT name FROM sqlite_master WHERE type = 'table'",
        )
    )


def take_turns(lock: int) -> Statement:
    """Wait until no other transaction has this lock, and hold it to the end; on SQLite they take turns anyway."""
    return Statement("SELECT pg_advisory_xact_lock($1)", ((lock,),), reads=False, on_sqlite="")


def take_time() -> Statement:
    """Let this transaction take as long as it needs: everyday limits are not for changes of the schema."""
    return Statement(
        "SELECT set_config('statement_timeout', '0', true), set_config('lock_timeout', '0', true)",
        ((),),
        reads=False,
        on_sqlite="",
    )
