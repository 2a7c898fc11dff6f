"""Statements about where an account stands: blocked or not, and which other account pays for it."""

from __future__ import annotations

from quota_core.statements import Work, fetch, run_each


def set_status(account: int, status: str) -> Work[None]:
    """Write whether the account is active or blocked by hand."""
    yield run_each("UPDATE accounts SET status = $2 WHERE id = $1", [(account, status)])


def set_parent(account: int, parent: int | None) -> Work[None]:
    """Write which account pays for this one."""
    yield run_each("UPDATE accounts SET parent = $2 WHERE id = $1", [(account, parent)])


def is_parent(account: int) -> Work[bool]:
    """Tell whether this account pays for another one."""
    return bool((yield fetch("SELECT 1 FROM accounts WHERE parent = $1 LIMIT 1", account)))
