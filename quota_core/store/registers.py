"""Statements about all accounts, and about what was done by hand, page by page."""

from __future__ import annotations

from typing import NamedTuple

from quota_core.statements import Row, Work, fetch

# The plan in force: who has none, one that ended ($3 is now) or one that left the catalog is on the default one.
_IN_FORCE = """
    (CASE WHEN a.plan_until_ms IS NULL OR a.plan_until_ms > $3 THEN a.plan
        WHEN a.next_until_ms IS NULL OR a.next_until_ms > $3 THEN a.next_plan END)
"""
_PLAN = f"""
    CASE WHEN {_IN_FORCE} IS NULL THEN CAST($1 AS TEXT)
        WHEN CAST($2 AS TEXT) NOT LIKE '% ' || {_IN_FORCE} || ' %' THEN CAST($1 AS TEXT) ELSE {_IN_FORCE} END
"""


class Plans(NamedTuple):
    """What a plan in force follows from: the default one, all that there are between blanks, and the moment."""

    default: str
    known: str
    now_ms: int


class Looked(NamedTuple):
    """Which accounts are looked for: a pattern of names, a kind, a plan, a status; empty texts filter nothing."""

    pattern: str
    kind: str
    plan: str
    status: str


def accounts(plans: Plans, before_id: int, looked: Looked, limit: int) -> Work[list[Row]]:
    """Return id, kind, name, when opened and when last changed, newest first."""
    return (
        yield fetch(
            f"""
            SELECT a.id, a.kind, a.external_id, a.created_ms, b.active_ms
            FROM accounts a JOIN balances b ON b.account = a.id
            WHERE a.id < $4 AND (CAST($5 AS TEXT) = '' OR lower(a.external_id) LIKE $5 ESCAPE '!')
                AND (CAST($6 AS TEXT) = '' OR a.kind = $6) AND (CAST($7 AS TEXT) = '' OR {_PLAN} = $7)
                AND (CAST($8 AS TEXT) = '' OR a.status = $8)
            ORDER BY a.id DESC LIMIT $9
            """,  # noqa: S608 - constants
            *plans,
            before_id,
            *looked,
            limit,
        )
    )


def on_plans(plans: Plans) -> Work[list[Row]]:
    """Return how many accounts are on each plan."""
    return (yield fetch(f"SELECT {_PLAN}, count(*) FROM accounts a GROUP BY 1", *plans))  # noqa: S608 - constants


def use_by_plan(plans: Plans, since: str, metric: int) -> Work[list[Row]]:
    """Return accounts that used a metric since a day and their units, by the plan that they are on now."""
    return (
        yield fetch(
            f"""
            SELECT {_PLAN}, count(DISTINCT u.account), CAST(sum(u.paid) AS BIGINT)
            FROM usage_days u JOIN accounts a ON a.id = u.account
            WHERE u.day >= $4 AND u.metric = $5 GROUP BY 1
            """,  # noqa: S608 - constants
            *plans,
            since,
            metric,
        )
    )


def audit(before_id: int, actor: str, action: str, account: tuple[str, str], limit: int) -> Work[list[Row]]:
    """Return what was done by hand, newest first; empty texts filter nothing."""
    return (
        yield fetch(
            """
            SELECT w.id, w.actor, w.action, w.reason, w.at_ms, a.kind, a.external_id, m.name, e.units, e.id, e.parts
            FROM audit w JOIN entries e ON e.id = w.entry JOIN accounts a ON a.id = e.account
                JOIN metrics m ON m.id = e.metric
            WHERE w.id < $1 AND (CAST($2 AS TEXT) = '' OR w.actor = $2)
                AND (CAST($3 AS TEXT) = '' OR w.action = $3)
                AND (CAST($4 AS TEXT) = '' OR (a.kind = $4 AND a.external_id = $5))
            ORDER BY w.id DESC LIMIT $6
            """,
            before_id,
            actor,
            action,
            *account,
            limit,
        )
    )
