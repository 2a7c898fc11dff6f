"""Statements that read every row in steps, for proofs; `after` is the last row of the step before."""

from __future__ import annotations

from collections.abc import Sequence

from quota_core import witnesses
from quota_core.chain import Entry
from quota_core.statements import Row, Work, fetch, fetch_any

_ENTRY = ", ".join(Entry._fields)
LEAST_ID = -(2**63)


def entries_after(entry_id: int, limit: int) -> Work[list[Row]]:
    """Return the columns of entries behind this id, in order, with their parts as rows keep them."""
    return (
        yield fetch(
            f"SELECT {_ENTRY} FROM entries WHERE id > $1 ORDER BY id LIMIT $2",  # noqa: S608 - column names only
            entry_id,
            limit,
        )
    )


def openings(account_ids: Sequence[int]) -> Work[dict[int, bytes]]:
    """Return what stands before the first entry of accounts, by id."""
    found = yield fetch_any(
        "SELECT id, kind, external_id, created_ms, beginning FROM accounts WHERE id = ANY($1)", account_ids
    )
    return {row[0]: witnesses.beginning(*row[1:]) for row in found}


def accounts_after(after: int, limit: int) -> Work[list[Row]]:
    """Return (columns of accounts, then every column of their balances, then what an erased one began with)."""
    return (
        yield fetch(
            """
            SELECT a.id, a.kind, a.external_id, a.parent, a.status, a.created_ms, a.plan, a.plan_until_ms,
                b.version, b.head, b.digest, b.active_ms, b.windows, a.beginning,
                a.plan_since_ms, a.next_plan, a.next_until_ms
            FROM accounts a LEFT JOIN balances b ON b.account = a.id
            WHERE a.id > $1 ORDER BY a.id LIMIT $2
            """,
            after,
            limit,
        )
    )


def lone_balances(after: int, upto: int) -> Work[list[Row]]:
    """Return (account) of balances whose account is not there, `after` < account <= `upto`."""
    return (
        yield fetch(
            """
            SELECT b.account FROM balances b LEFT JOIN accounts a ON a.id = b.account
            WHERE b.account > $1 AND b.account <= $2 AND a.id IS NULL ORDER BY 1
            """,
            after,
            upto,
        )
    )


def windows_between(after: int, upto: int) -> Work[list[Row]]:
    """Return (account, metric, window, used, overage) of windows that closed, `after` < account <= `upto`."""
    return (
        yield fetch(
            """
            SELECT account, metric, period, used, overage FROM allowances
            WHERE account > $1 AND account <= $2 ORDER BY account, metric, period
            """,
            after,
            upto,
        )
    )


def windows_of(account_ids: Sequence[int]) -> Work[list[Row]]:
    """Return (account, metric, window, used, overage) of windows that closed."""
    return (
        yield fetch_any(
            "SELECT account, metric, period, used, overage FROM allowances WHERE account = ANY($1)",
            account_ids,
        )
    )


def open_windows_of(account_ids: Sequence[int]) -> Work[list[Row]]:
    """Return (account, text of its open windows)."""
    return (yield fetch_any("SELECT account, windows FROM balances WHERE account = ANY($1)", account_ids))


def debts_after(after: Row | None, limit: int) -> Work[list[Row]]:
    """Return (account, metric, units)."""
    return (
        yield fetch(
            """
            SELECT account, metric, units FROM debts
            WHERE (account, metric) > ($1, $2) ORDER BY account, metric LIMIT $3
            """,
            *(after[:2] if after else (LEAST_ID, LEAST_ID)),
            limit,
        )
    )


def lots_after(after: Row | None, limit: int) -> Work[list[Row]]:
    """Return (columns of a lot, the entry that its order names, what refunds and disputes took of it)."""
    return (
        yield fetch(
            """
            SELECT l.id, l.account, l.metric, l.source, l.order_id, l.units, l.left_units, l.taken_units,
                l.expired_units, l.expires_ms, l.frozen, l.created_ms, o.entry, l.reversed_units,
                l.reversed_lot_units, l.debt_paid_units
            FROM lots l LEFT JOIN orders o ON o.id = l.order_id WHERE l.id > $1 ORDER BY l.id LIMIT $2
            """,
            after[0] if after else LEAST_ID,
            limit,
        )
    )


def audit_after(after: Row | None, limit: int) -> Work[list[Row]]:
    """Return (id, entry, actor, action, reason, time)."""
    return (
        yield fetch(
            "SELECT id, entry, actor, action, reason, at_ms FROM audit WHERE id > $1 ORDER BY id LIMIT $2",
            after[0] if after else LEAST_ID,
            limit,
        )
    )


def crossings_after(after: Row | None, limit: int) -> Work[list[Row]]:
    """
    Return (account, metric, window, percent, entry; account, metric, kind, units, parts and time of that entry).

    The parts are as its row keeps them.
    """
    return (
        yield fetch(
            """
            SELECT c.account, c.metric, c.period, c.percent, c.entry, e.account, e.metric, e.kind, e.units,
                e.parts, e.at_ms
            FROM crossings c LEFT JOIN entries e ON e.id = c.entry
            WHERE (c.account, c.metric, c.period, c.percent) > ($1, $2, $3, $4)
            ORDER BY c.account, c.metric, c.period, c.percent LIMIT $5
            """,
            *(after[:4] if after else (LEAST_ID, LEAST_ID, "", LEAST_ID)),
            limit,
        )
    )


def holds_after(after: Row | None, limit: int) -> Work[list[Row]]:
    """Return (id, account, metric, key, units, units that were settled, state, entry, end)."""
    return (
        yield fetch(
            """
            SELECT id, account, metric, key, units, settled_units, state, entry, expires_ms
            FROM holds WHERE id > $1 ORDER BY id LIMIT $2
            """,
            after[0] if after else LEAST_ID,
            limit,
        )
    )


def payers_after(after: Row | None, limit: int) -> Work[list[Row]]:
    """Return (account, position, payer)."""
    return (
        yield fetch(
            """
            SELECT account, position, payer FROM payers WHERE (account, position) > ($1, $2)
            ORDER BY account, position LIMIT $3
            """,
            *(after[:2] if after else (LEAST_ID, LEAST_ID)),
            limit,
        )
    )


def metrics_after(after: Row | None, limit: int) -> Work[list[Row]]:
    """Return (number, name)."""
    return (
        yield fetch(
            "SELECT id, name FROM metrics WHERE id > $1 ORDER BY id LIMIT $2",
            after[0] if after else LEAST_ID,
            limit,
        )
    )


def heads(account_ids: Sequence[int]) -> Work[list[Row]]:
    """Return (account, version, head, digest)."""
    return (
        yield fetch_any(
            "SELECT account, version, head, digest FROM balances WHERE account = ANY($1)", account_ids
        )
    )


def audited(entry_ids: Sequence[int]) -> Work[list[Row]]:
    """Return those of these entries that have an audit row."""
    return (yield fetch_any("SELECT entry FROM audit WHERE entry = ANY($1)", entry_ids))
