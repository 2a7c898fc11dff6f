"""Statements about leases, and about the one clock that all processes on a database share."""

from __future__ import annotations

from quota_core.statements import Row, Work, fetch, fetch_by_engine, run, take_turns

_LOCK = 0x4A6C65617365  # "Jlease": whoever takes a lease looks at the others first


def now_for_all(own_ms: int) -> Work[int]:
    """
    Return the time, in UTC milliseconds, by the clock that every process on this database goes by.

    The database's own on PostgreSQL; on SQLite there is one process, and `own_ms` is its time.
    """
    rows = yield fetch_by_engine("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint", sqlite="")
    return int(rows[0][0]) if rows else own_ms


def all_leases() -> Work[list[Row]]:
    """Return name, holder, fence and end of every lease; who takes one waits here for others who do."""
    yield take_turns(_LOCK)
    return (yield fetch("SELECT name, holder, fence, until_ms FROM leases ORDER BY name"))


def lease(name: str) -> Work[Row | None]:
    """Return fence and end of a lease, None when it was never taken."""
    rows = yield fetch("SELECT fence, until_ms FROM leases WHERE name = $1", name)
    return rows[0] if rows else None


def put(name: str, holder: str, *, until_ms: int) -> Work[int]:
    """Give the lease to `holder` and return its fence, which is higher than any before."""
    rows = yield fetch(
        """
        INSERT INTO leases (name, holder, fence, until_ms) VALUES ($1, $2, 1, $3)
        ON CONFLICT (name) DO UPDATE SET
            holder = excluded.holder, fence = leases.fence + 1, until_ms = excluded.until_ms
        RETURNING fence
        """,
        name,
        holder,
        until_ms,
    )
    return int(rows[0][0])


def extend(name: str, fence: int, *, until_ms: int) -> Work[bool]:
    """Move the end of a lease, unless it went to somebody else; tell whether it did not."""
    rows = yield fetch(
        "UPDATE leases SET until_ms = $3 WHERE name = $1 AND fence = $2 RETURNING fence",
        name,
        fence,
        until_ms,
    )
    return bool(rows)


def end(name: str, fence: int) -> Work[None]:
    """End a lease now, unless it went to somebody else."""
    yield run("UPDATE leases SET until_ms = 0 WHERE name = $1 AND fence = $2", name, fence)
