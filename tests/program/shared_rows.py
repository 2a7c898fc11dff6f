"""Rows of a database that several processes share, read past all of them."""

from __future__ import annotations

from typing import Any

import asyncpg  # type: ignore[import-untyped]  # it has no type hints

from tests.program.place import Place


async def rows_of(place: Place, sql: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    connection = await asyncpg.connect(place.more["DATABASE_URL"])
    try:
        return [tuple(row) for row in await connection.fetch(sql)]
    finally:
        await connection.close()
