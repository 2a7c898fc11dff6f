"""Statements that lock accounts, and then read all that decisions about them need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from quota_core.accounts import AccountRef
from quota_core.ledger import AccountState
from quota_core.returns import OpenHold
from quota_core.statements import Row, Statement, Work, fetch_locked, fetch_together, lock_all
from quota_core.store.states import lot_of, windows_in

_REF = ("text", "text")
_LOCK = """
    WITH wanted (kind, external_id) AS ({rows}), locked AS (
        SELECT b.account
        FROM wanted w JOIN accounts a ON a.kind = w.kind AND a.external_id = w.external_id
            JOIN balances b ON b.account = a.id
        ORDER BY b.account FOR UPDATE OF b
    )
    SELECT set_config('jauge.locked', coalesce(array_agg(account)::text, '{}'), true) FROM locked
    """
LOCKED = "current_setting('jauge.locked')::bigint[]"
_LOCKED = f"= ANY({LOCKED})"
_WANTED = (
    "IN (SELECT a.id FROM wanted w JOIN accounts a ON a.kind = w.kind AND a.external_id = w.external_id)"
)
_ACCOUNTS = """
    SELECT a.id, a.kind, a.external_id, a.created_ms, b.version, b.head, b.digest, b.windows, a.status, a.plan,
        a.plan_until_ms, a.plan_since_ms, a.next_plan, a.next_until_ms, a.locale, p.external_id
    FROM accounts a JOIN balances b ON b.account = a.id LEFT JOIN accounts p ON p.id = a.parent
    WHERE a.id {locked}
    """
_POTS = """
    SELECT account, metric, id, source, left_units, expires_ms, frozen FROM lots
    WHERE account {locked} AND left_units > 0
    UNION ALL
    SELECT account, metric, 0, 'debt', units, 0, 0 FROM debts WHERE account {locked} AND units > 0
    UNION ALL
    SELECT account, metric, entry, 'hold', units, expires_ms, 0 FROM holds WHERE account {locked}
    """
ACCOUNTS = _ACCOUNTS.replace("{locked}", _LOCKED)


def accounts(
    refs: Sequence[AccountRef], metric_names: Mapping[int, str], beside: Sequence[Statement] = ()
) -> Work[tuple[list[AccountState], list[list[Row]]]]:
    """
    Lock those accounts that exist, in the order of their ids; return their states, and what was asked `beside`.

    Everything is read in a statement of its own, after the lock: PostgreSQL reads again no row but the locked one
    when it had to wait for it. What is of a metric that this program does not know is another, newer one's and left
    out.
    """
    yield lock_all(_LOCK, _REF, refs)
    (rows,), (pots,), *answers = yield fetch_together(_locked(_ACCOUNTS, refs), _locked(_POTS, refs), *beside)
    states = {
        row[0]: AccountState(
            id=row[0],
            ref=AccountRef(row[1], row[2]),
            plan=row[9],
            plan_until_ms=row[10],
            blocked=row[8] == "blocked",
            locale=row[14],
            created_ms=row[3],
            version=row[4],
            head=row[5],
            digest=row[6],
            used=windows_in(row[7]),
            plan_since_ms=row[11],
            next_plan=row[12],
            next_until_ms=row[13],
            parent=None if row[15] is None else AccountRef("external", row[15]),
        )
        for row in rows
    }
    for row in pots:
        state, kind = states[row[0]], row[3]
        if row[1] not in metric_names:
            continue
        metric = metric_names[row[1]]
        if kind == "debt":
            state.debt = {**state.debt, metric: row[4]}
        elif kind == "hold":
            state.holds += (OpenHold(row[2], metric, row[4], row[5]),)
        else:
            state.add_lots(metric, [lot_of(row)])
    return list(states.values()), [answer for (answer,) in answers]


def _locked(sql: str, refs: Sequence[AccountRef]) -> Statement:
    """Ask about these accounts, which are locked by now."""
    return fetch_locked(
        sql.replace("{locked}", _LOCKED),
        _REF,
        refs,
        sqlite=f"WITH wanted (kind, external_id) AS ({{rows}}) {sql.replace('{locked}', _WANTED)}",
    )
