"""The changes of a balance that a person wants to see: purchases and what operators did, not each request."""

from __future__ import annotations

from dataclasses import dataclass

from quota_core import facts
from quota_core.accounts import AccountRef
from quota_core.book import Book
from quota_core.database import Database
from quota_core.ledger import EntryKind
from quota_core.parts import parts_of
from quota_core.plan_terms import said_by
from quota_core.statements import Row, Work, fetch
from quota_core.store import states as state_rows

PAGE_SIZE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLine:
    """
    One change, or one order that is not paid (`status` pending or failed; then there is no balance after).

    `kind` is that of an entry in small letters, or block and unblock, shared and received; units are positive;
    `order` is the id of what was ordered; `after` is what the lots held then, `other` who got what was shared or
    gave what was received. Of holds, those are changes that are open: what they were settled with is use, as
    requests are.
    """

    kind: str
    status: str
    metric: str
    units: int
    price_minor: int | None
    currency: str | None
    package: str | None
    plan: str | None
    after: int | None
    at_ms: int
    order: str | None = None
    other: AccountRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPage:
    """A page, newest first; `number` counts from 0."""

    number: int
    pages: int
    lines: tuple[HistoryLine, ...]


class History:
    """Read an account's changes."""

    def __init__(self, database: Database, book: Book) -> None:
        self._database = database
        self._book = book

    async def page(self, account: AccountRef, number: int) -> HistoryPage:
        """Return a page; a number beyond the last page gives the last."""
        return await self._database.read(lambda: self._page(account, number))

    def _page(self, account: AccountRef, number: int) -> Work[HistoryPage]:
        found = yield fetch(
            """
            SELECT a.id,
                (SELECT count(*) FROM entries e
                    WHERE e.account = a.id AND e.kind > 2 AND e.kind NOT IN (8, 9, 10, 11)
                        AND NOT (e.kind = 15 AND e.units = 0))
                + (SELECT count(*) FROM holds h WHERE h.account = a.id)
                + (SELECT count(*) FROM orders o WHERE o.account = a.id AND o.state IN ('pending', 'failed'))
            FROM accounts a WHERE a.kind = $1 AND a.external_id = $2
            """,
            *account,
        )
        account_id, count = found[0] if found else (0, 0)
        pages = max(1, -(-count // PAGE_SIZE))
        number = min(max(0, number), pages - 1)
        rows = yield fetch(
            """
            SELECT e.kind, coalesce(o.state, 'done'), e.metric, e.units, o.price_minor, o.currency, o.package,
                e.parts, e.purchased_left, e.at_ms, e.id, 0, o.id
            FROM entries e LEFT JOIN orders o ON o.entry = e.id
            WHERE e.account = $1 AND e.kind > 2 AND e.kind NOT IN (8, 9, 10, 11)
                AND NOT (e.kind = 15 AND e.units = 0)
            UNION ALL
            SELECT 8, 'done', h.metric, h.units, NULL, NULL, NULL, '', NULL, e.at_ms, e.id, 0, NULL
            FROM holds h JOIN entries e ON e.id = h.entry WHERE h.account = $1
            UNION ALL
            SELECT 5, o.state, o.metric, o.units, o.price_minor, o.currency, o.package, '', NULL, o.opened_ms,
                o.after_entry, o.opened_ms, o.id
            FROM orders o WHERE o.account = $1 AND o.state IN ('pending', 'failed')
            ORDER BY 11 DESC, 12 DESC LIMIT $2 OFFSET $3
            """,
            account_id,
            PAGE_SIZE,
            number * PAGE_SIZE,
        )
        refs = yield from state_rows.refs([_other(row) for row in rows if _other(row)])
        lines = tuple(
            HistoryLine(
                kind=_kind(row),
                status=row[1],
                metric=self._book.metric_names[row[2]],
                units=row[3],
                price_minor=row[4],
                currency=row[5],
                package=row[6],
                plan=said_by(parts_of(row[7])[-1]).after if row[0] == EntryKind.PLAN else None,
                after=row[8],
                at_ms=row[9],
                order=row[12],
                other=refs.get(_other(row)),
            )
            for row in rows
        )
        return HistoryPage(number=number, pages=pages, lines=lines)


def _other(row: Row) -> int:
    """Return the number of the account that units went to or came from, 0 where none moved."""
    if row[0] != EntryKind.TRANSFER:
        return 0
    return facts.fact_in(row[7], facts.TO) or facts.fact_in(row[7], facts.FROM) or 0


def _kind(row: Row) -> str:
    if row[0] != EntryKind.TRANSFER:
        return facts.action_of(row[0], row[7])
    return "received" if facts.fact_in(row[7], facts.FROM) else "shared"
