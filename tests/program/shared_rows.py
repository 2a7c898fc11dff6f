"""Rows of a database that several processes share, read past all of them."""

from __future__ import annotations

from typing import Any

import asyncpg  # type: ignore[import-untyped]  # it has no type hints


async def rows_of(url: str, sql: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query; LookupError while there is no such table."""
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(sql)]
    except asyncpg.UndefinedTableError as error:
        raise LookupError(str(error)) from error
    finally:
        await connection.close()
