"""Statements about what an account has now: its row, windows, lots, debts and crossings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from quota_core.accounts import AccountRef
from quota_core.ledger import NEVER_MS, AccountState, Lot
from quota_core.statements import Row, Work, fetch, fetch_each, run_each


def add_metrics(names: Iterable[str]) -> Work[None]:
    """Give each metric a number, once."""
    yield run_each(
        "INSERT INTO metrics (name) VALUES ($1) ON CONFLICT (name) DO NOTHING", [(name,) for name in names]
    )


def metric_ids() -> Work[dict[str, int]]:
    """Return every metric's number by its name, those that left the catalog included."""
    rows = yield fetch("SELECT name, id FROM metrics")
    return {name: number for name, number in rows}  # noqa: C416 - rows are tuples of Any


def add_accounts(refs: Sequence[AccountRef], now_ms: int) -> Work[None]:
    """Open the accounts that do not exist yet."""
    yield run_each(
        """
        INSERT INTO accounts (kind, external_id, created_ms, active_ms) VALUES ($1, $2, $3, $3)
        ON CONFLICT (kind, external_id) DO NOTHING
        """,
        [(ref.kind, ref.external_id, now_ms) for ref in refs],
    )


def accounts(refs: Sequence[AccountRef]) -> Work[list[AccountState]]:
    """Return the states of those accounts that exist, without windows, lots and debts."""
    rows = yield fetch_each(
        """
        SELECT id, kind, external_id, plan, plan_until_ms, status, locale, created_ms, version, head, digest
        FROM accounts WHERE kind = $1 AND external_id = $2
        """,
        refs,
    )
    return [
        AccountState(
            id=row[0],
            ref=AccountRef(row[1], row[2]),
            plan=row[3],
            plan_until_ms=row[4],
            blocked=row[5] == "blocked",
            locale=row[6],
            created_ms=row[7],
            version=row[8],
            head=row[9],
            digest=row[10],
        )
        for row in rows
    ]


def refs(account_ids: Sequence[int]) -> Work[dict[int, AccountRef]]:
    """Return how accounts are spelled outside, by id."""
    rows = yield fetch_each(
        "SELECT id, kind, external_id FROM accounts WHERE id = $1", [(number,) for number in account_ids]
    )
    return {row[0]: AccountRef(row[1], row[2]) for row in rows}


def open_lots(accounts: Sequence[int]) -> Work[list[tuple[int, int, Lot]]]:
    """Return (account, metric, lot) for every lot with something left."""
    rows = yield fetch_each(
        """
        SELECT account, metric, id, source, left_units, expires_ms, frozen FROM lots
        WHERE account = $1 AND left_units > 0 ORDER BY id
        """,
        [(account,) for account in accounts],
    )
    return [(row[0], row[1], _lot(row)) for row in rows]


def lots(lot_ids: Sequence[int]) -> Work[list[Lot]]:
    """Return lots by id, empty ones too."""
    rows = yield fetch_each(
        "SELECT account, metric, id, source, left_units, expires_ms, frozen FROM lots WHERE id = $1",
        [(lot_id,) for lot_id in lot_ids],
    )
    return [_lot(row) for row in rows]


def _lot(row: Row) -> Lot:
    return Lot(
        id=row[2],
        source=row[3],
        left=row[4],
        expires_ms=NEVER_MS if row[5] is None else row[5],
        frozen=bool(row[6]),
    )


def add_lot(
    account: int,
    metric: int,
    *,
    source: str,
    order_id: str | None,
    units: int,
    expires_ms: int | None,
    now_ms: int,
) -> Work[int]:
    """Write a lot that holds nothing yet and return its id; the entry that brings it fills it."""
    rows = yield fetch(
        """
        INSERT INTO lots (account, metric, source, order_id, units, left_units, expires_ms, created_ms)
        VALUES ($1, $2, $3, $4, $5, 0, $6, $7) RETURNING id
        """,
        account,
        metric,
        source,
        order_id,
        units,
        expires_ms,
        now_ms,
    )
    lot_id: int = rows[0][0]
    return lot_id


def change_lots(rows: Sequence[tuple[int, ...]]) -> Work[None]:
    """Change what lots hold: (id, change of what is left, of what was taken back, of what expired)."""
    if rows:
        yield run_each(
            """
            UPDATE lots SET left_units = left_units + $2, taken_units = taken_units + $3,
                expired_units = expired_units + $4
            WHERE id = $1
            """,
            rows,
        )


def lot_sums(account: int, metric: int, now_ms: int) -> Work[tuple[int, int, int, int]]:
    """
    Return, for one metric, four sums over all lots ever, in units.

    Brought for ever less taken back; of these, still left to spend; left in lots that expire; frozen.
    """
    rows = yield fetch(
        """
        SELECT
            coalesce(sum(CASE WHEN expires_ms IS NULL THEN units - taken_units ELSE 0 END), 0),
            coalesce(sum(CASE WHEN expires_ms IS NULL THEN left_units ELSE 0 END), 0),
            coalesce(sum(CASE WHEN expires_ms > $3 AND frozen = 0 THEN left_units ELSE 0 END), 0),
            coalesce(sum(CASE WHEN expires_ms IS NULL AND frozen = 1 THEN left_units ELSE 0 END), 0)
        FROM lots WHERE account = $1 AND metric = $2
        """,
        account,
        metric,
        now_ms,
    )
    brought, left, expiring, frozen = rows[0]
    return int(brought), int(left), int(expiring), int(frozen)


def debts(accounts: Sequence[int]) -> Work[list[Row]]:
    """Return (account, metric, units) of every debt."""
    rows = yield fetch_each(
        "SELECT account, metric, units FROM debts WHERE account = $1 AND units > 0",
        [(account,) for account in accounts],
    )
    return rows


def set_debts(rows: Sequence[tuple[int, int, int]]) -> Work[None]:
    """Write debts: (account, metric, units)."""
    if rows:
        yield run_each(
            """
            INSERT INTO debts (account, metric, units) VALUES ($1, $2, $3)
            ON CONFLICT (account, metric) DO UPDATE SET units = excluded.units
            """,
            rows,
        )


def windows(keys: Sequence[tuple[int, int, str]]) -> Work[list[Row]]:
    """Return (account, metric, window, used, overage) of those windows that have a row."""
    rows = yield fetch_each(
        """
        SELECT account, metric, period, used, overage FROM allowances
        WHERE account = $1 AND metric = $2 AND period = $3
        """,
        keys,
    )
    return rows


def set_windows(rows: Sequence[tuple[int, int, str, int, int]]) -> Work[None]:
    """Write windows: (account, metric, window, used, overage)."""
    if rows:
        yield run_each(
            """
            INSERT INTO allowances (account, metric, period, used, overage) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (account, metric, period)
            DO UPDATE SET used = excluded.used, overage = excluded.overage
            """,
            rows,
        )


def set_heads(rows: Sequence[tuple[int, int, int, bytes, int]]) -> Work[None]:
    """Write where each account's chain stands: (id, version, head, digest, time)."""
    yield run_each(
        "UPDATE accounts SET version = $2, head = $3, digest = $4, active_ms = $5 WHERE id = $1", rows
    )


def set_plan(account: int, plan: str | None, until_ms: int | None) -> Work[None]:
    """Write the account's plan."""
    yield run_each(
        "UPDATE accounts SET plan = $2, plan_until_ms = $3 WHERE id = $1", [(account, plan, until_ms)]
    )


def set_locale(account: int, locale: str) -> Work[None]:
    """Remember the language in which the account was last seen."""
    yield run_each("UPDATE accounts SET locale = $2 WHERE id = $1", [(account, locale)])


def dm_channel(account: int) -> Work[int | None]:
    """Return the id of the direct channel with the account's user, None when none was opened yet."""
    rows = yield fetch("SELECT dm_channel_id FROM accounts WHERE id = $1", account)
    return int(rows[0][0]) if rows and rows[0][0] is not None else None


def set_dm_channel(account: int, channel_id: int) -> Work[None]:
    """Remember the direct channel with the account's user."""
    yield run_each("UPDATE accounts SET dm_channel_id = $2 WHERE id = $1", [(account, str(channel_id))])


def add_crossings(rows: Sequence[tuple[int, int, str, int, int]]) -> Work[list[Row]]:
    """Record crossings (account, metric, window, percent, entry) and return those that are new."""
    if not rows:
        return []
    return (
        yield fetch_each(
            """
            INSERT INTO crossings (account, metric, period, percent, entry) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (account, metric, period, percent) DO NOTHING
            RETURNING account, metric, period, percent, entry
            """,
            rows,
        )
    )
