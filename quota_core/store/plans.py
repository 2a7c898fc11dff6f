"""Statements about the plans that accounts are on."""

from __future__ import annotations

from quota_core.plan_terms import PlanTerms
from quota_core.statements import Work, run_each


def set_plan(account: int, terms: PlanTerms) -> Work[None]:
    """Write the account's plan and what follows it."""
    yield run_each(
        """
        UPDATE accounts SET plan = $2, plan_until_ms = $3, plan_since_ms = $4, next_plan = $5, next_until_ms = $6
        WHERE id = $1
        """,
        [(account, *terms)],
    )
