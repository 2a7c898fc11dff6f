"""
The numbered steps that make and change the schema; each file begins with its reason.

Each step and its mark are one transaction. A program refuses a schema that is newer than itself.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from quota_core.crash_points import crash_point
from quota_core.database import Database
from quota_core.errors import SchemaError
from quota_core.sqlite_statements import split_script
from quota_core.statements import Work, fetch, run, tables, take_time, take_turns

_FOLDER = Path(__file__).resolve().parent
_LOCK = 0x4A61756765  # "Jauge": advisory locks are one number space for all programs on the database
_MARKS = """
CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, at_ms INTEGER NOT NULL)
"""


def steps() -> list[Path]:
    """Return the files in order; their numbers have no gaps."""
    files = sorted(_FOLDER.glob("[0-9]*.sql"))
    assert [int(file.name[:4]) for file in files] == list(range(1, len(files) + 1))
    return files


async def migrate(database: Database, *, clock: Callable[[], int]) -> int:
    """
    Bring the schema up to this program and return its number.

    Raises:
        SchemaError: the database was made by a newer program, or is not ours.

    """
    files = steps()
    number = await database.read(_number)
    if number > len(files):
        raise SchemaError(
            f"the database has schema {number}, this program knows {len(files)}: start a newer program"
        )
    for file in files[number:]:
        await database.write(lambda file=file: _step(file, clock()))  # type: ignore[misc]  # mypy cannot infer a default argument
    return len(files)


def _number() -> Work[int]:
    found = {row[0] for row in (yield from tables())}
    if not found:
        return 0
    assert "migrations" in found, "the database was opened, so it is ours"
    rows = yield fetch("SELECT coalesce(max(number), 0) FROM migrations")
    number: int = rows[0][0]
    return number


def _step(file: Path, now_ms: int) -> Work[None]:
    yield take_time()
    # Of two processes that start at once, one makes the step, and the other one waits and finds it made.
    yield take_turns(_LOCK)
    yield run(_MARKS)
    done = yield fetch("SELECT 1 FROM migrations WHERE number = $1", int(file.name[:4]))
    if done:
        return
    for statement in split_script(file.read_text(encoding="utf-8")):
        yield run(statement)
        crash_point("ops.80.migration_statement")
    yield run(
        "INSERT INTO migrations (number, name, at_ms) VALUES ($1, $2, $3)",
        int(file.name[:4]),
        file.stem,
        now_ms,
    )
