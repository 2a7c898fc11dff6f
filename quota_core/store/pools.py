"""Statements about servers whose quota is for their members too."""

from __future__ import annotations

from collections.abc import Sequence

from quota_core.statements import Row, Work, fetch, run


def settings(guild_id: str) -> Work[list[Row]]:
    """Return (enabled, pays first) of a server's pool; nothing where nobody ever set it."""
    return (
        yield fetch(
            """
            SELECT p.enabled, p.pays_first FROM pools p JOIN accounts a ON a.id = p.account
            WHERE a.kind = 'guild' AND a.external_id = $1
            """,
            guild_id,
        )
    )


def caps(guild_id: str) -> Work[list[Row]]:
    """Return (role, window, units) of a server's caps, in the order of roles and windows."""
    return (
        yield fetch(
            """
            SELECT c.role, c.period, c.units FROM pool_caps c JOIN accounts a ON a.id = c.account
            WHERE a.kind = 'guild' AND a.external_id = $1 ORDER BY c.role, c.period
            """,
            guild_id,
        )
    )


def put(account: int, *, enabled: bool, pays_first: bool) -> Work[None]:
    """Write whether a server's quota is for its members, and who pays first."""
    yield run(
        """
        INSERT INTO pools (account, enabled, pays_first) VALUES ($1, $2, $3)
        ON CONFLICT (account) DO UPDATE SET enabled = excluded.enabled, pays_first = excluded.pays_first
        """,
        account,
        int(enabled),
        int(pays_first),
    )


def put_caps(account: int, rows: Sequence[tuple[int, str, int]]) -> Work[None]:
    """Write a server's caps in place of those that were: (role, window, units)."""
    yield run("DELETE FROM pool_caps WHERE account = $1", account)
    for role, period, units in rows:
        yield run("INSERT INTO pool_caps VALUES ($1, $2, $3, $4)", account, role, period, units)
