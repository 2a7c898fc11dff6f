"""Statements about notices: messages that are owed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from quota_core.statements import Row, Work, fetch, fetch_by_engine, run, run_each

CHANNEL = "jauge_notices"
"""Where PostgreSQL tells other processes that a notice is owed."""
MAX_PAUSE_MS = 2 * 3_600_000  # longer than any pause between two tries
_COLUMNS = """
    n.id, n.account, n.kind, n.facts, n.locale, n.nonce, n.attempts, n.fence, n.created_ms, a.kind, a.external_id,
    a.dm_channel_id, n.channel, n.target
"""


class Owed(NamedTuple):
    """A notice to be: whose, of what, by which way (`target`: the recipient's number, or empty), due when."""

    account: int
    kind: str
    about: str
    channel: str
    target: str
    facts: str
    locale: str
    nonce: str
    due_ms: int
    created_ms: int


def add(owed: Sequence[Owed]) -> Work[None]:
    """Owe notices, each once for the thing it is about and the way it goes."""
    yield run_each(
        """
        INSERT INTO notices (account, kind, about, channel, target, facts, locale, nonce, next_ms, created_ms)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        ON CONFLICT (account, kind, about, channel, target) DO NOTHING
        """,
        owed,
    )
    # Reaches the processes that listen once the transaction is committed, and never if it is not.
    yield fetch_by_engine(f"SELECT pg_notify('{CHANNEL}', '')", sqlite="")


def end_leases() -> Work[None]:
    """Free what a process had claimed that lives no more."""
    yield run("UPDATE notices SET lease_until_ms = 0 WHERE state = 'owed' AND lease_until_ms > 0")


def claim(channel: str, now_ms: int, lease_ms: int) -> Work[Row | None]:
    """Take a channel's notice due longest for `lease_ms`; its fence grows, so an older claim writes no more."""
    # A moment further ahead than any pause or lease lasts was written before the clock went back: it is due.
    due = yield fetch(
        """
        SELECT id FROM notices WHERE channel = $4 AND state = 'owed' AND (next_ms <= $1 OR next_ms > $1 + $2)
            AND (lease_until_ms <= $1 OR lease_until_ms > $1 + $3)
        ORDER BY next_ms, id LIMIT 1 FOR UPDATE SKIP LOCKED
        """,
        now_ms,
        MAX_PAUSE_MS,
        lease_ms,
        channel,
    )
    if not due:
        return None
    yield run(
        "UPDATE notices SET fence = fence + 1, lease_until_ms = $2, attempts = attempts + 1 WHERE id = $1",
        due[0][0],
        now_ms + lease_ms,
    )
    rows = yield fetch(
        f"SELECT {_COLUMNS} FROM notices n JOIN accounts a ON a.id = n.account WHERE n.id = $1",  # noqa: S608 - constants
        due[0][0],
    )
    return rows[0]


def next_due(channel: str, now_ms: int) -> Work[int | None]:
    """Return when a channel's next owed notice is due, None when nothing is owed."""
    rows = yield fetch(
        """
        SELECT min(CASE WHEN next_ms > lease_until_ms THEN next_ms ELSE lease_until_ms END)
        FROM notices WHERE channel = $1 AND state = 'owed'
        """,
        channel,
    )
    due_ms: int | None = rows[0][0]
    if due_ms is None:
        return None
    return now_ms if due_ms > now_ms + MAX_PAUSE_MS else max(now_ms, due_ms)


def hold(notice_id: int, fence: int, *, until_ms: int) -> Work[bool]:
    """Move the end of a claim; tell whether it is still this claim."""
    rows = yield fetch(
        """
        UPDATE notices SET lease_until_ms = $3 WHERE id = $1 AND fence = $2 AND state = 'owed'
        RETURNING id
        """,
        notice_id,
        fence,
        until_ms,
    )
    return bool(rows)


def finish(notice_id: int, fence: int, *, state: str, failure: str | None, now_ms: int) -> Work[None]:
    """End a claim: sent, kept for the next command, or dead."""
    yield run(
        """
        UPDATE notices SET state = $3, failure = $4, lease_until_ms = 0,
            sent_ms = CASE WHEN $3 = 'sent' THEN $5 ELSE sent_ms END
        WHERE id = $1 AND fence = $2 AND state = 'owed'
        """,
        notice_id,
        fence,
        state,
        failure,
        now_ms,
    )


def later(notice_id: int, fence: int, *, next_ms: int, failure: str) -> Work[None]:
    """Try again at `next_ms`."""
    yield run(
        """
        UPDATE notices SET next_ms = $3, failure = $4, lease_until_ms = 0
        WHERE id = $1 AND fence = $2 AND state = 'owed'
        """,
        notice_id,
        fence,
        next_ms,
        failure,
    )


def postpone(notice_id: int, fence: int, *, next_ms: int) -> Work[None]:
    """Try at `next_ms`, as if nothing had been tried now."""
    yield run(
        """
        UPDATE notices SET next_ms = $3, attempts = attempts - 1, lease_until_ms = 0
        WHERE id = $1 AND fence = $2 AND state = 'owed'
        """,
        notice_id,
        fence,
        next_ms,
    )


def owed_since(account: int, kind: str, since_ms: int) -> Work[int]:
    """Return how many notices of a kind came to be owed about an account since a moment."""
    rows = yield fetch(
        "SELECT count(*) FROM notices WHERE account = $1 AND kind = $2 AND created_ms > $3",
        account,
        kind,
        since_ms,
    )
    count: int = rows[0][0]
    return count


def read_elsewhere(account: int, kind: str, about: str, now_ms: int) -> Work[None]:
    """End the direct message of what its reader was shown where it happened."""
    yield run(
        """
        UPDATE notices SET state = 'shown', sent_ms = $4
        WHERE account = $1 AND kind = $2 AND about = $3 AND channel = 'dm' AND target = '' AND state = 'owed'
        """,
        account,
        kind,
        about,
        now_ms,
    )


def kept(kind: str, external_id: str) -> Work[list[Row]]:
    """Return what could not be sent to this account and waits for its next command."""
    rows = yield fetch(
        f"""
        SELECT {_COLUMNS} FROM notices n JOIN accounts a ON a.id = n.account
        WHERE a.kind = $1 AND a.external_id = $2 AND n.state = 'kept' ORDER BY n.id LIMIT 5
        """,  # noqa: S608 - constants
        kind,
        external_id,
    )
    return rows


def shown(notice_ids: Sequence[int], now_ms: int) -> Work[None]:
    """Record that kept notices were shown."""
    for notice_id in notice_ids:
        yield run(
            "UPDATE notices SET state = 'shown', sent_ms = $2 WHERE id = $1 AND state = 'kept'",
            notice_id,
            now_ms,
        )


_LOGGED = """
    n.id, n.channel, n.target, a.kind, a.external_id, n.kind, n.about, n.state, n.attempts, n.failure,
    n.created_ms, n.sent_ms
"""


def log(state: str, limit: int) -> Work[list[Row]]:
    """Return what became of messages, newest first, of one state where given."""
    return (
        yield fetch(
            f"""
            SELECT {_LOGGED} FROM notices n JOIN accounts a ON a.id = n.account
            WHERE $1 = '' OR n.state = $1 ORDER BY n.id DESC LIMIT $2
            """,  # noqa: S608 - constants
            state,
            limit,
        )
    )


def log_of(recipient: int, account: int | None, before: int, limit: int) -> Work[list[Row]]:
    """
    Return what became of messages to a recipient, newest first, before one of them.

    Only those of its own account, any for None: a number may have been another recipient's before.
    """
    return (
        yield fetch(
            f"""
            SELECT {_LOGGED} FROM notices n JOIN accounts a ON a.id = n.account
            WHERE n.target <> '' AND n.target = $1 AND ($2 = 0 OR n.account = $2) AND n.id < $3
            ORDER BY n.id DESC LIMIT $4
            """,  # noqa: S608 - constants
            str(recipient),
            account or 0,
            before,
            limit,
        )
    )


def is_addressed(notice_id: int, recipient: int, account: int | None) -> Work[bool]:
    """Tell whether a notice goes to a recipient, and is its account's, where it has one."""
    rows = yield fetch(
        "SELECT 1 FROM notices WHERE id = $1 AND target = $2 AND ($3 = 0 OR account = $3)",
        notice_id,
        str(recipient),
        account or 0,
    )
    return bool(rows)


def owe_again(notice_id: int, now_ms: int) -> Work[bool]:
    """Owe a notice once more that is not owed now; tell whether there is one."""
    rows = yield fetch(
        """
        UPDATE notices SET state = 'owed', attempts = 0, next_ms = $2, lease_until_ms = 0, failure = NULL
        WHERE id = $1 AND state <> 'owed' RETURNING id
        """,
        notice_id,
        now_ms,
    )
    return bool(rows)


def owe_now(notice_id: int, now_ms: int) -> Work[None]:
    """Owe a notice once more, or at once if it waits for its next try; what is being sent is left alone."""
    yield run(
        """
        UPDATE notices SET state = 'owed', attempts = 0, next_ms = $2, lease_until_ms = 0, failure = NULL
        WHERE id = $1 AND (state <> 'owed' OR lease_until_ms <= $2)
        """,
        notice_id,
        now_ms,
    )
