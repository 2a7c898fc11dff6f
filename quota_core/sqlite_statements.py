"""How SQLite runs a statement: its spelling of parameters, and many rows in one step."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from quota_core.late_balances import LateBalances
from quota_core.statements import ROW_LOCK, Row, Statement, Work

T = TypeVar("T")

CHUNKS = (512, 256, 128, 64, 32, 16, 8, 4, 2, 1)


def drive(connection: sqlite3.Connection, work: Callable[[], Work[T]]) -> T:
    """Run a generator of statements to its end on the connection, and return what it returns."""
    generator = work()
    try:
        statement = next(generator)
        while True:
            statement = generator.send(_execute(connection, statement))
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        generator.close()


def caught_up(connection: sqlite3.Connection, work: Callable[[], Work[T]], late: LateBalances) -> Work[T]:
    """Run `work`; balances that a statement would miss are written before it, in a transaction."""
    generator = work()
    try:
        statement = next(generator)
        while True:
            if late.missed_by(statement):
                if not connection.in_transaction:
                    connection.execute("BEGIN IMMEDIATE")
                yield from late.catch_up()
            statement = generator.send((yield statement))
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        generator.close()


def _execute(connection: sqlite3.Connection, statement: Statement) -> list[Row]:
    rows: list[Row] = []
    if statement.together:
        rows += [(_execute(connection, one),) for one in statement.together]
    elif statement.on_sqlite is not None and not (statement.on_sqlite and statement.types):
        rows += connection.execute(statement.on_sqlite) if statement.on_sqlite else ()
    elif statement.types:
        assert isinstance(statement.rows, Sequence)
        text = statement.on_sqlite or statement.sql
        for sql, arguments in _in_chunks(text, len(statement.types), statement.rows):
            rows += connection.execute(sql, arguments)
    elif "= ANY($1)" in statement.sql:
        [(values,)] = statement.rows
        # Each once: a value in two chunks would find its rows twice, which `ANY` never does.
        for sql, arguments in _in_chunks(statement.sql, 0, list(dict.fromkeys(values))):
            rows += connection.execute(sql, arguments)
    elif statement.reads or isinstance(statement.rows, tuple):
        for arguments in statement.rows:  # executemany refuses to change the schema
            rows += connection.execute(_dialect(statement.sql), arguments)
    else:
        connection.executemany(_dialect(statement.sql), statement.rows)
    return rows


def _in_chunks(sql: str, columns: int, rows: Sequence[Any]) -> Iterator[tuple[str, Sequence[Any]]]:
    """
    Yield statements that take many rows (or, with 0 columns, values) each, in few sizes so that they stay prepared.

    One step for 64 rows costs less than 64 steps, and Python's lock is given back once instead of 64 times.
    """
    start = 0
    for size in CHUNKS:
        while len(rows) - start >= size:
            chunk = rows[start : start + size]
            yield _for_many(sql, columns, size), _flat(chunk) if columns else chunk
            start += size


def _flat(rows: Sequence[Sequence[Any]]) -> list[Any]:
    flat: list[Any] = []
    for row in rows:
        flat += row  # at half the cost of a chain of them
    return flat


@lru_cache(maxsize=1024)
def _for_many(sql: str, columns: int, size: int) -> str:
    if not columns:
        # Numbered, since a text may name the list several times.
        return sql.replace("= ANY($1)", f"IN ({','.join(f'?{place}' for place in range(1, size + 1))})")
    row = f"({','.join('?' * columns)})"
    return _dialect(sql).replace("{rows}", f"VALUES {','.join([row] * size)}")


def split_script(text: str) -> Iterator[str]:
    """Split a script into statements; a trigger with its inner semicolons stays whole."""
    statement = ""
    for line in text.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement.strip()
            statement = ""
    assert not statement.strip(), f"an unfinished statement: {statement!r}"


@lru_cache(maxsize=1024)
def _dialect(sql: str) -> str:
    """Both engines share one text; SQLite spells its numbered parameters ?1."""
    return ROW_LOCK.sub("", sql).replace("$", "?")  # the whole file is locked
