"""Statements that move a whole ledger to another database, table by table, in the order of each table's key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from quota_core.statements import Row, Work, fetch, fetch_by_engine, run, run_all, run_each

TABLES = (
    *(
        "metrics",
        "accounts",
        "balances",
        "payers",
        "allowances",
        "orders",
        "lots",
        "debts",
        "holds",
        "entries",
    ),
    *("audit", "crossings", "notices", "reversals", "deliveries", "views", "api_keys", "marks"),
    "usage_days",
    *("recipients", "preferences", "consents", "erasures", "pools", "pool_caps"),
)
"""What is copied, each table after those that it refers to."""
LEFT_OUT = ("leases", "migrations")
"""What belongs to a database and not to the ledger in it."""
_UNDER_WAY = "copy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A table: its columns with PostgreSQL's names of their types, the places of its key, and who numbers it."""

    name: str
    columns: tuple[str, ...]
    types: tuple[str, ...]
    key: tuple[int, ...]
    numbered: bool

    def key_of(self, row: Row) -> tuple[Any, ...]:
        """Return the key of a row."""
        return tuple(row[place] for place in self.key)


def shape(table: str) -> Work[Shape]:
    """Return the shape of a table; PostgreSQL knows it."""
    columns = yield fetch_by_engine(
        """
        SELECT attname::text, format_type(atttypid, NULL), attidentity::text <> '', attnum FROM pg_attribute
        WHERE attrelid = to_regclass($1::text) AND attnum > 0 AND NOT attisdropped ORDER BY attnum
        """,
        table,
        sqlite="",
    )
    key = yield fetch_by_engine(
        """
        SELECT k.number FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k (number, place)
        WHERE i.indrelid = to_regclass($1::text) AND i.indisprimary ORDER BY k.place
        """,
        table,
        sqlite="",
    )
    numbers = [row[3] for row in columns]
    return Shape(
        name=table,
        columns=tuple(row[0] for row in columns),
        types=tuple(row[1] for row in columns),
        key=tuple(numbers.index(row[0]) for row in key),
        numbered=any(row[2] for row in columns),
    )


def page(table: Shape, after: Sequence[Any] | None, limit: int) -> Work[list[Row]]:
    """Return up to `limit` rows behind the key `after` (None: from the first on), in the order of their keys."""
    keys = ", ".join(table.columns[place] for place in table.key)
    behind = ""
    if after is not None:
        values = ", ".join(f"${place}" for place in range(1, len(after) + 1))
        behind = f"WHERE ({keys}) > ({values})"
    rows = yield fetch(
        f"SELECT {', '.join(table.columns)} FROM {table.name} {behind} ORDER BY {keys} LIMIT {limit}",  # noqa: S608 - names of the schema
        *(() if after is None else after),
    )
    return rows


def last_key(table: Shape) -> Work[Row | None]:
    """Return the last key of a table, None when it is empty."""
    names = [table.columns[place] for place in table.key]
    order = ", ".join(f"{name} DESC" for name in names)
    rows = yield fetch(f"SELECT {', '.join(names)} FROM {table.name} ORDER BY {order} LIMIT 1")  # noqa: S608 - the same
    return rows[0] if rows else None


def count(table: str) -> Work[int]:
    """Return how many rows a table has."""
    rows = yield fetch(f"SELECT count(*) FROM {table}")  # noqa: S608 - the same
    return int(rows[0][0])


def put(table: Shape, rows: Sequence[Row]) -> Work[None]:
    """Add rows as they are; one that is there already stays, and is compared with the others in the end."""
    names = ", ".join(table.columns)
    yield run_all(f"INSERT INTO {table.name} ({names}) {{rows}} ON CONFLICT DO NOTHING", table.types, rows)


def parents_after(account: int, limit: int) -> Work[list[Row]]:
    """Return accounts with their parents, in the order of their ids."""
    return (
        yield fetch(
            "SELECT id, parent FROM accounts WHERE parent IS NOT NULL AND id > $1 ORDER BY id LIMIT $2",
            account,
            limit,
        )
    )


def set_parents(rows: Sequence[Row]) -> Work[None]:
    """Give accounts their parents, once all accounts are there."""
    yield run_each("UPDATE accounts SET parent = $2 WHERE id = $1", rows)


def number_on(table: Shape) -> Work[None]:
    """Let the next row of a table get the number behind the last one."""
    if table.numbered:
        yield fetch_by_engine(
            f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), max(id)) FROM {table.name} "  # noqa: S608 - the same
            "HAVING max(id) IS NOT NULL",
            sqlite="",
        )


def birth() -> Work[int]:
    """Return when the ledger was made, in UTC milliseconds: what tells one from another."""
    rows = yield fetch("SELECT at_ms FROM migrations WHERE number = 1")
    return int(rows[0][0])


def under_way() -> Work[str | None]:
    """Return which ledger is being copied into this database, None when none is."""
    rows = yield fetch("SELECT holder FROM leases WHERE name = $1", _UNDER_WAY)
    return None if not rows else str(rows[0][0])


def begin(ledger: str) -> Work[None]:
    """Note that a ledger is being copied into this database."""
    yield run("INSERT INTO leases (name, holder, fence, until_ms) VALUES ($1, $2, 1, 0)", _UNDER_WAY, ledger)


def end() -> Work[None]:
    """Note that the copy is complete."""
    yield run("DELETE FROM leases WHERE name = $1", _UNDER_WAY)
