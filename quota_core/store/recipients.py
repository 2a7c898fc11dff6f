"""Statements about recipients: where messages go beside a direct channel, and what people chose about them."""

from __future__ import annotations

from typing import NamedTuple

from quota_core.statements import Work, fetch, run


class Recipient(NamedTuple):
    """
    Where messages of an account go; `account` None: the operators', who hear of every account.

    `kinds` are those of events, with a blank between them, empty for all. `code` is what still has to prove the
    address. A webhook's deliveries are signed with `secret`, and with `old_secret` too until `old_until_ms`.
    `failures` counts tries in a row that failed, since `failing_ms`.
    """

    id: int
    account: int | None
    channel: str
    target: str
    kinds: str
    locale: str
    code: str | None
    secret: str | None
    old_secret: str | None
    old_until_ms: int | None
    failures: int
    failing_ms: int | None
    disabled_ms: int | None
    created_ms: int


_COLUMNS = ", ".join(Recipient._fields)


def wanted(account: int) -> Work[list[tuple[int, int | None, str, str, str, str]]]:
    """Return (id, account, channel, kinds, locale, muted) of those that can hear of an account now."""
    rows = yield fetch(
        """
        SELECT r.id, r.account, r.channel, r.kinds, r.locale, coalesce(p.muted, '')
        FROM recipients r LEFT JOIN preferences p ON p.account = r.account
        WHERE coalesce(r.account, 0) IN ($1, 0) AND r.disabled_ms IS NULL AND r.code IS NULL ORDER BY r.id
        """,
        account,
    )
    return [(row[0], row[1], row[2], row[3], row[4], row[5]) for row in rows]


def one(recipient: int) -> Work[Recipient | None]:
    """Return a recipient by its number."""
    rows = yield fetch(f"SELECT {_COLUMNS} FROM recipients WHERE id = $1", recipient)  # noqa: S608 - constants
    return Recipient._make(rows[0]) if rows else None


def of_account(account: int | None) -> Work[list[Recipient]]:
    """Return an account's recipients, the operators' for None, oldest first."""
    rows = yield fetch(
        f"SELECT {_COLUMNS} FROM recipients WHERE coalesce(account, 0) = $1 ORDER BY id",  # noqa: S608 - constants
        account or 0,
    )
    return [Recipient._make(row) for row in rows]


def every() -> Work[list[Recipient]]:
    """Return all recipients."""
    rows = yield fetch(f"SELECT {_COLUMNS} FROM recipients ORDER BY id")  # noqa: S608 - constants
    return [Recipient._make(row) for row in rows]


def add(
    account: int | None,
    channel: str,
    target: str,
    *,
    kinds: str,
    locale: str,
    code: str | None,
    secret: str | None,
    now_ms: int,
) -> Work[int | None]:
    """Add a recipient and return its number, None when the account has it already."""
    # Not the database's own number: SQLite gives that of a removed row again, and notices name recipients by it.
    yield run(
        """
        INSERT INTO marks (name, value) SELECT 'recipient', coalesce(max(id), 0) FROM recipients WHERE true
        ON CONFLICT (name) DO NOTHING
        """
    )
    numbers = yield fetch("UPDATE marks SET value = value + 1 WHERE name = 'recipient' RETURNING value")
    rows = yield fetch(
        """
        INSERT INTO recipients (id, account, channel, target, kinds, locale, code, secret, created_ms)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING RETURNING id
        """,
        numbers[0][0],
        account,
        channel,
        target,
        kinds,
        locale,
        code,
        secret,
        now_ms,
    )
    return rows[0][0] if rows else None


def remove(recipient: int) -> Work[None]:
    """Remove a recipient; what is still owed to it ends when it is claimed."""
    yield run("DELETE FROM recipients WHERE id = $1", recipient)


def prove(recipient: int) -> Work[None]:
    """Note that the address is theirs."""
    yield run("UPDATE recipients SET code = NULL WHERE id = $1", recipient)


def choose_kinds(recipient: int, kinds: str) -> Work[None]:
    """Send these kinds of events alone."""
    yield run("UPDATE recipients SET kinds = $2 WHERE id = $1", recipient, kinds)


def ask(recipient: int, now_ms: int, *, pause_ms: int) -> Work[bool]:
    """Note that something was asked for at once; tell whether that is `pause_ms` after what was asked before."""
    # What was asked for in the future was asked for before the clock went back.
    rows = yield fetch(
        """
        UPDATE recipients SET asked_ms = $2
        WHERE id = $1 AND (asked_ms IS NULL OR asked_ms <= $3 OR asked_ms > $2) RETURNING id
        """,
        recipient,
        now_ms,
        now_ms - pause_ms,
    )
    return bool(rows)


def change_secret(recipient: int, secret: str, *, old_until_ms: int) -> Work[None]:
    """Sign with a new secret; the one so far stays in use beside it until `old_until_ms`."""
    yield run(
        "UPDATE recipients SET old_secret = secret, old_until_ms = $3, secret = $2 WHERE id = $1",
        recipient,
        secret,
        old_until_ms,
    )


def worked(recipient: int) -> Work[None]:
    """Note that a try got through; writes only where one had failed before."""
    yield run(
        "UPDATE recipients SET failures = 0, failing_ms = NULL WHERE id = $1 AND failures > 0", recipient
    )


def failed(recipient: int, now_ms: int) -> Work[tuple[int, int] | None]:
    """Note a try that failed; return how many did in a row and since when, None for a recipient that is gone."""
    rows = yield fetch(
        """
        UPDATE recipients SET failures = failures + 1, failing_ms = coalesce(failing_ms, $2)
        WHERE id = $1 AND disabled_ms IS NULL RETURNING failures, failing_ms
        """,
        recipient,
        now_ms,
    )
    return (rows[0][0], rows[0][1]) if rows else None


def disable(recipient: int, now_ms: int) -> Work[bool]:
    """Send nothing there any more; tell whether that is new."""
    rows = yield fetch(
        "UPDATE recipients SET disabled_ms = $2 WHERE id = $1 AND disabled_ms IS NULL RETURNING id",
        recipient,
        now_ms,
    )
    return bool(rows)


def enable(recipient: int) -> Work[None]:
    """Send there again."""
    yield run(
        "UPDATE recipients SET disabled_ms = NULL, failures = 0, failing_ms = NULL WHERE id = $1", recipient
    )


class Chosen(NamedTuple):
    """A row of preferences; minutes of the day in `zone`, both or none."""

    dm: str
    muted: str
    quiet_from: int | None
    quiet_until: int | None
    zone: str


def chosen(account: int) -> Work[Chosen | None]:
    """Return what an account's owner chose, None when nothing."""
    rows = yield fetch(
        "SELECT dm, muted, quiet_from, quiet_until, zone FROM preferences WHERE account = $1", account
    )
    return Chosen._make(rows[0]) if rows else None


def choose(account: int, chosen: Chosen) -> Work[None]:
    """Keep what an account's owner chose."""
    yield run(
        """
        INSERT INTO preferences (account, dm, muted, quiet_from, quiet_until, zone)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (account) DO UPDATE SET dm = excluded.dm, muted = excluded.muted,
            quiet_from = excluded.quiet_from, quiet_until = excluded.quiet_until, zone = excluded.zone
        """,
        account,
        *chosen,
    )


def has_bought(account: int) -> Work[bool]:
    """Tell whether an account's owner ever bought something for it."""
    return bool(
        (
            yield fetch(
                "SELECT 1 FROM orders WHERE account = $1 AND buyer = $1 AND state = 'paid' LIMIT 1", account
            )
        )
    )


def has_agreed(account: int, metric: int, period: str) -> Work[bool]:
    """Tell whether an account's owner agreed to use paid units in a window."""
    found = yield fetch(
        "SELECT 1 FROM consents WHERE account = $1 AND metric = $2 AND period = $3", account, metric, period
    )
    return bool(found)


def agree(account: int, metric: int, period: str, now_ms: int) -> Work[None]:
    """Note that an account's owner agreed to use paid units in a window."""
    yield run(
        """
        INSERT INTO consents (account, metric, period, at_ms) VALUES ($1, $2, $3, $4)
        ON CONFLICT (account, metric, period) DO NOTHING
        """,
        account,
        metric,
        period,
        now_ms,
    )


def has_bought_at_empty(account: int, metric: int, since_ms: int) -> Work[bool]:
    """Tell whether an account's owner bought units since a moment, when the allowance had nothing left."""
    found = yield fetch(
        """
        SELECT 1 FROM orders o JOIN entries e ON e.id = o.entry
        WHERE o.account = $1 AND o.buyer = $1 AND o.metric = $2 AND o.state = 'paid' AND o.paid_ms >= $3
            AND e.allowance_left = 0
        LIMIT 1
        """,
        account,
        metric,
        since_ms,
    )
    return bool(found)
