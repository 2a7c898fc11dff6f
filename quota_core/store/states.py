"""Statements about what an account has now: its row, windows, lots, debts and crossings."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from quota_core.accounts import AccountRef
from quota_core.ledger import NEVER_MS, Lot
from quota_core.statements import Row, Work, fetch, fetch_all, fetch_any, run_all, run_each
from quota_core.witnesses import first_digest

BalanceRow = tuple[int, int, int, bytes, int, str]
"""Where an account stands: (account, version, head, digest, time, open windows)."""
_OPEN_BALANCES = """
    INSERT INTO balances (account, version, head, digest, active_ms, windows)
    SELECT id, 0, 0, $3, $4, '' FROM accounts WHERE kind = $1 AND external_id = $2
    ON CONFLICT (account) DO NOTHING
    """
_SET_BALANCES = """
    INSERT INTO balances (account, version, head, digest, active_ms, windows) {rows}
    ON CONFLICT (account) DO UPDATE SET version = excluded.version, head = excluded.head,
        digest = excluded.digest, active_ms = excluded.active_ms, windows = excluded.windows
    """
_BALANCES = "SELECT account, version, head, digest, active_ms, windows FROM balances WHERE account = ANY($1)"
WRITES_OF_BALANCES = (_OPEN_BALANCES, _SET_BALANCES)
"""Statements that name the balances and read none."""


def add_accounts(refs: Sequence[AccountRef], now_ms: int) -> Work[None]:
    """Open the accounts that do not exist yet."""
    yield run_each(
        """
        INSERT INTO accounts (kind, external_id, created_ms) VALUES ($1, $2, $3)
        ON CONFLICT (kind, external_id) DO NOTHING
        """,
        [(ref.kind, ref.external_id, now_ms) for ref in refs],
    )
    yield run_each(
        _OPEN_BALANCES,
        [(*ref, first_digest(*ref, now_ms), now_ms) for ref in refs],
    )


def windows_in(text: str) -> dict[str, tuple[int, int]]:
    """Return (used, overage) of the open windows in a balance's row."""
    found = {}
    for window in text.split():
        place, _, counts = window.rpartition("=")
        used, _, overage = counts.partition("+")
        # One text for one window, whoever's it is: resident accounts share it.
        found[sys.intern(place)] = (int(used), int(overage or 0))
    return found


def windows_text(used: Mapping[str, tuple[int, int]]) -> str:
    """Return the stored form of open windows."""
    if len(used) == 1:
        for place, (count, overage) in used.items():
            if not overage:
                return f"{place}={count}"
    return " ".join(
        [
            f"{place}={count}+{overage}" if overage else f"{place}={count}"
            for place, (count, overage) in used.items()
        ]
    )


def refs(account_ids: Sequence[int]) -> Work[dict[int, AccountRef]]:
    """Return how accounts are spelled outside, by id."""
    rows = yield fetch_any("SELECT id, kind, external_id FROM accounts WHERE id = ANY($1)", account_ids)
    return {row[0]: AccountRef(row[1], row[2]) for row in rows}


def lots(lot_ids: Sequence[int]) -> Work[list[Lot]]:
    """Return lots by id, empty ones too."""
    rows = yield fetch_any(
        "SELECT account, metric, id, source, left_units, expires_ms, frozen FROM lots WHERE id = ANY($1)",
        lot_ids,
    )
    return [lot_of(row) for row in rows]


def lot_of(row: Row) -> Lot:
    """Return the lot of a row: account, metric, id, source, what is left, its end, whether it is frozen."""
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


def brought(account: int, metric: int) -> Work[int]:
    """Return the units of a metric that lots without an end brought, ever, less those that were taken back."""
    rows = yield fetch(
        """
        SELECT coalesce(sum(units - taken_units), 0) FROM lots
        WHERE account = $1 AND metric = $2 AND expires_ms IS NULL
        """,
        account,
        metric,
    )
    return int(rows[0][0])


def debts(accounts: Sequence[int]) -> Work[list[Row]]:
    """Return (account, metric, units) of every debt."""
    return (
        yield fetch_any(
            "SELECT account, metric, units FROM debts WHERE account = ANY($1) AND units > 0", accounts
        )
    )


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


def closed_windows(keys: Sequence[tuple[int, int, str]]) -> Work[list[Row]]:
    """Return (account, metric, window, used, overage) of those windows that have closed and have a row."""
    if not keys:
        return []
    return (
        yield fetch_all(
            """
            WITH wanted (account, metric, period) AS ({rows})
            SELECT a.account, a.metric, a.period, a.used, a.overage FROM wanted w
            JOIN allowances a ON a.account = w.account AND a.metric = w.metric AND a.period = w.period
            """,
            ("bigint", "bigint", "text"),
            keys,
        )
    )


def close_windows(rows: Sequence[tuple[int, int, str, int, int]]) -> Work[None]:
    """Keep what closed windows have used: (account, metric, window, used, overage)."""
    if rows:
        yield run_all(
            """
            INSERT INTO allowances (account, metric, period, used, overage) {rows}
            ON CONFLICT (account, metric, period)
            DO UPDATE SET used = excluded.used, overage = excluded.overage
            """,
            ("bigint", "bigint", "text", "bigint", "bigint"),
            rows,
        )


def balances(account_ids: Sequence[int]) -> Work[list[BalanceRow]]:
    """Return where accounts stand."""
    return (yield fetch_any(_BALANCES, account_ids))


def set_balances(rows: Sequence[BalanceRow]) -> Work[None]:
    """Write where accounts stand."""
    if rows:
        yield run_all(_SET_BALANCES, ("bigint", "bigint", "bigint", "bytea", "bigint", "text"), rows)


def set_locale(account: int, locale: str) -> Work[None]:
    """Remember the language in which the account was last seen."""
    yield run_each("UPDATE accounts SET locale = $2 WHERE id = $1", [(account, locale)])


def set_dm_channel(account: int, channel_id: int) -> Work[None]:
    """Remember the direct channel with the account's user."""
    yield run_each("UPDATE accounts SET dm_channel_id = $2 WHERE id = $1", [(account, str(channel_id))])
