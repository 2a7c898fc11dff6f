"""
How PostgreSQL runs the statements of a transaction, in as few round trips as it can.

Each trip costs both sides more than the rows of a small batch do. BEGIN, and a statement that locks or changes many
rows and returns none, wait for the next one of another kind, or for COMMIT, and go with it: nobody looks at their
answers but for errors, and after one the server does nothing of what stands behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any, TypeVar

from quota_core import postgres_dialect
from quota_core.statements import Row, Statement, Work

T = TypeVar("T")


async def drive(connection: Any, work: Callable[[], Work[T]]) -> T:
    """Run a generator of statements that only read to its end, and return what it returns."""
    generator = work()
    try:
        statement = next(generator)
        while True:
            statement = generator.send(await _execute(connection, statement, reading=True))
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        generator.close()


async def drive_to_commit(connection: Any, work: Callable[[], Work[T]]) -> T:
    """Begin, run a generator of statements to its end, commit, and return what it returns."""
    generator = work()
    waiting = ["BEGIN"]
    try:
        statement = next(generator)
        while True:
            if statement.types and not statement.reads:
                if statement.rows:
                    waiting.append(await _execution(connection, statement))
                found: list[Row] = []
            else:
                await _send(connection, waiting)
                waiting.clear()
                found = await _execute(connection, statement, reading=False)
            statement = generator.send(found)
    except StopIteration as stop:
        await _send(connection, [*waiting, "COMMIT"])
        result: T = stop.value
        return result
    finally:
        generator.close()


async def _execution(connection: Any, statement: Statement) -> str:
    text = postgres_dialect.query(statement.sql, statement.types, reading=False)
    return postgres_dialect.execution(await connection.name_of(text), statement.types, statement.rows)


async def _send(connection: Any, texts: list[str]) -> None:
    if texts:
        await connection.execute("; ".join(texts))


async def _execute(connection: Any, statement: Statement, *, reading: bool) -> list[Row]:
    if statement.together:
        return await _execute_together(connection, statement.together, reading=reading)
    sql, given = statement.sql, _given(statement)
    if postgres_dialect.changes_schema(sql):
        await connection.execute(postgres_dialect.schema(sql))
        return []
    text = postgres_dialect.query(sql, statement.types, reading=reading)
    if "{rows}" in sql:
        columns = postgres_dialect.columns(statement.types, given)
        return list(map(tuple, await connection.fetch(text, *columns))) if columns else []
    if not statement.reads and not isinstance(given, tuple):
        await connection.executemany(text, given)
        return []
    found: list[Row] = []
    for arguments in given:
        if "= ANY($1)" not in text or arguments[0]:
            found += map(tuple, await connection.fetch(text, *arguments))
    return found


async def _execute_together(connection: Any, questions: tuple[Statement, ...], *, reading: bool) -> list[Row]:
    texts = tuple(postgres_dialect.query(one.sql, (), reading=reading) for one in questions)
    arguments = [tuple(row) for one in questions for row in _given(one)]
    text = postgres_dialect.together(texts, tuple(map(len, arguments)))
    first, others = list[Row](), Row()
    for row in await connection.fetch(text, *chain.from_iterable(arguments)):
        if row[0]:
            others = row[1 : len(questions)]
        else:
            first.append(row[len(questions) :])
    return [(first,), *[(list(map(tuple, rows or ())),) for rows in others]]


def _given(statement: Statement) -> Iterable[Sequence[Any]]:
    """Return the rows of arguments; what was locked is asked for without any."""
    return ((),) if statement.types and statement.on_sqlite else statement.rows
