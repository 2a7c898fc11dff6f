"""Statements about the entries: the append-only history."""

from __future__ import annotations

from collections.abc import Sequence

from quota_core.chain import Entry
from quota_core.ledger import EntryKind
from quota_core.parts import DAY_MS, folded, unfolded
from quota_core.statements import (
    Row,
    Statement,
    Work,
    fetch,
    fetch_any,
    fetch_by_engine,
    run,
    run_all,
)
from quota_core.store.locked import LOCKED

_COLUMNS = ", ".join(Entry._fields)
_SPEND = int(EntryKind.SPEND)
_IDS_LOCK = 0x4A6175676501
_TYPES = tuple(
    {"parts": "text", "key": "bytea", "digest": "bytea"}.get(name, "bigint") for name in Entry._fields
)


def last_id() -> Work[int]:
    """Return the id of the last entry, 0 when there is none."""
    rows = yield fetch("SELECT coalesce(max(id), 0) FROM entries")
    number: int = rows[0][0]
    return number


def take_ids(count: int) -> Work[int]:
    """
    Return the first of `count` ids in a row that nobody else gets; the accounts' rows are locked by now.

    Taken after the lock, ids grow along each account's chain. Those that are not used stay unused.
    """
    return _first_id((yield _drawing(count)))


def _drawing(count: int) -> Statement:
    return fetch_by_engine(
        # The lock is held for these few calls, and not to the end of the transaction as a row's would be.
        """
        WITH turn AS MATERIALIZED (SELECT pg_advisory_lock($2)),
            first AS MATERIALIZED (SELECT nextval('entries_id_seq') AS id FROM turn),
            last AS MATERIALIZED (SELECT id, setval('entries_id_seq', id + $1 - 1) FROM first)
        SELECT id, pg_advisory_unlock($2) FROM last
        """,
        count,
        _IDS_LOCK,
        sqlite="SELECT coalesce(max(id), 0) + 1 FROM entries",
    )


def _first_id(rows: Sequence[Row]) -> int:
    number: int = rows[0][0]
    return number


def newest_drawn_id() -> Work[int]:
    """Return the largest id that anyone has drawn, whether or not its entry is there; 0 at first."""
    rows = yield fetch_by_engine(
        "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM entries_id_seq",
        sqlite="SELECT coalesce(max(id), 0) FROM entries",
    )
    number: int = rows[0][0]
    return number


def next_transaction() -> Work[int]:
    """Return the number that no transaction has yet; every transaction that writes has one."""
    rows = yield fetch_by_engine(
        "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint", sqlite="SELECT 0"
    )
    number: int = rows[0][0]
    return number


def oldest_transaction() -> Work[int]:
    """Return the number before which every transaction has ended."""
    rows = yield fetch_by_engine(
        "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint", sqlite="SELECT 0"
    )
    number: int = rows[0][0]
    return number


def add(entries: Sequence[Entry]) -> Work[None]:
    """Append entries."""
    rows = [
        # By place: this is done for every entry there ever is.
        (*e[:7], folded(e[7], e[6], e[8] // DAY_MS), *e[8:]) if e[4] == _SPEND else e
        for e in entries
    ]
    yield run_all(f"INSERT INTO entries ({_COLUMNS}) {{rows}}", _TYPES, rows)


def entry_of(row: Row) -> Entry:
    """Return the entry that a row of these columns keeps."""
    return Entry._make((*row[:7], unfolded(row[7], row[6], row[8]), *row[8:]))


def by_keys(keys: Sequence[tuple[bytes, int]]) -> Work[list[Entry]]:
    """Return the entries that carry one of these (key, account)."""
    return _under(keys, (yield _carrying([key for key, _ in keys])))


def keys_and_ids(keys: Sequence[bytes], count: int, *, accounts: int) -> tuple[Statement, Statement]:
    """
    Return what asks for the entries under `keys` and for `count` ids; `found_and_first` reads the answers.

    To be asked beside states: no id is drawn where fewer than so many `accounts` were there to be locked.
    """
    drawing = _drawing(count)
    all_there = f"SELECT pg_advisory_lock($2) WHERE cardinality({LOCKED}) = $3"
    return _carrying(keys), drawing._replace(
        sql=drawing.sql.replace("SELECT pg_advisory_lock($2)", all_there),
        rows=((count, _IDS_LOCK, accounts),),
    )


def found_and_first(
    keys: Sequence[tuple[bytes, int]], answers: Sequence[Sequence[Row]]
) -> tuple[list[Entry], int]:
    """Return the entries that carry one of these (key, account), and the first id."""
    found, drawn = answers
    return _under(keys, found), _first_id(drawn)


def _carrying(keys: Sequence[bytes]) -> Statement:
    return fetch_any(
        f"SELECT {_COLUMNS} FROM entries WHERE key = ANY($1)",  # noqa: S608 - column names only
        keys,
    )


def _under(keys: Sequence[tuple[bytes, int]], rows: Sequence[Row]) -> list[Entry]:
    if not rows:
        return []
    wanted = set(keys)
    return [entry for row in rows if ((entry := entry_of(row)).key, entry.account) in wanted]


def by_ids(entry_ids: Sequence[int]) -> Work[list[Entry]]:
    """Return entries by id."""
    rows = yield fetch_any(
        f"SELECT {_COLUMNS} FROM entries WHERE id = ANY($1)",  # noqa: S608 - column names only
        entry_ids,
    )
    return [entry_of(row) for row in rows]


def after(entry_id: int, limit: int) -> Work[list[Entry]]:
    """Return up to `limit` entries behind this id, in order."""
    rows = yield fetch(
        f"SELECT {_COLUMNS} FROM entries WHERE id > $1 ORDER BY id LIMIT $2",  # noqa: S608 - column names only
        entry_id,
        limit,
    )
    return [entry_of(row) for row in rows]


def add_audit(entry_id: int, *, actor: str, action: str, reason: str, now_ms: int) -> Work[None]:
    """Record who made an entry by hand, and why."""
    yield run(
        "INSERT INTO audit (entry, actor, action, reason, at_ms) VALUES ($1, $2, $3, $4, $5)",
        entry_id,
        actor,
        action,
        reason,
        now_ms,
    )
