"""The figures an operator asks for, counted from the rows at the moment of asking."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from quota_core.after_sale import Reported, standing_of
from quota_core.book import Book
from quota_core.database import Database
from quota_core.statements import Work, fetch

_DAY_MS = 86_400_000
STEP_ENTRIES = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Revenue:
    """Paid orders of one currency without tax, in minor units; refunds and disputes took some of it back."""

    currency: str
    orders: int
    gross_minor: int
    refunded_minor: int = 0

    @property
    def net_minor(self) -> int:
        """What is left of it."""
        return self.gross_minor - self.refunded_minor

    @property
    def basket_minor(self) -> int:
        """The average paid order, rounded down."""
        return self.gross_minor // self.orders


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """
    Counts over everything since the first entry; units are of the primary metric.

    `viewers` opened the shop, `buyers` of them paid; `used` counts allowances and lots; `held` are payments
    that did not match their order and wait for an operator; `owed` are notices not sent yet.
    """

    accounts: int
    active_7_days: int
    active_30_days: int
    granted: int
    sold: int
    used: int
    revenue: tuple[Revenue, ...]
    viewers: int
    buyers: int
    best_package: str | None
    best_package_orders: int
    held: int
    owed: int

    @property
    def conversion(self) -> float | None:
        """Share of those who opened the shop that paid, 0..1; None when nobody opened it."""
        return self.buyers / self.viewers if self.viewers else None


class Statistics:
    """Count."""

    def __init__(self, database: Database, book: Book, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._book = book
        self._clock = clock

    async def now(self) -> Stats:
        """Return the figures of this moment."""
        used = moved = 0
        after: int | None = 0
        while after is not None:
            # In steps, since nothing else is decided while the database counts.
            found = await self._database.read(partial(self._used, after))
            used, moved, after = used + found[0], moved + found[1], found[2]
        return await self._database.read(partial(self._now, used, moved))

    def _used(self, after: int) -> Work[tuple[int, int, int | None]]:
        metric = self._book.metric_ids[self._book.catalog.primary_metric]
        rows = yield fetch(
            """
            SELECT
                coalesce(sum(CASE WHEN kind IN (1, 8) THEN units WHEN kind IN (2, 9, 10) THEN -units END), 0),
                coalesce(sum(CASE WHEN kind = 19 AND parts LIKE '%~from=%' THEN units END), 0),
                (SELECT max(id) FROM entries)
            FROM entries WHERE id > $2 AND id <= $2 + $3 AND metric = $1
            """,
            metric,
            after,
            STEP_ENTRIES,
        )
        units, moved, last = rows[0]
        return (
            units,
            moved,
            after + STEP_ENTRIES if last is not None and last > after + STEP_ENTRIES else None,
        )

    def _now(self, used: int, moved: int) -> Work[Stats]:
        now_ms = self._clock()
        metric = self._book.metric_ids[self._book.catalog.primary_metric]
        accounts = yield fetch(
            """
            SELECT count(*), count(CASE WHEN version > 0 AND active_ms > $1 THEN 1 END),
                count(CASE WHEN version > 0 AND active_ms > $2 THEN 1 END)
            FROM balances
            """,
            now_ms - 7 * _DAY_MS,
            now_ms - 30 * _DAY_MS,
        )
        lots = yield fetch(
            """
            SELECT coalesce(sum(CASE WHEN source = 'grant' THEN units ELSE 0 END), 0),
                coalesce(sum(CASE WHEN source = 'purchase' THEN units ELSE 0 END), 0)
            FROM lots WHERE metric = $1
            """,
            metric,
        )
        # Test money is revenue only as long as there is no other.
        revenue = yield fetch(
            """
            SELECT currency, count(*), sum(price_minor) FROM orders
            WHERE state = 'paid' AND livemode = (SELECT max(livemode) FROM orders WHERE state = 'paid')
            GROUP BY 1 ORDER BY 1
            """
        )
        refunded = yield from _refunded()
        people = yield fetch(
            """
            SELECT (SELECT count(DISTINCT account) FROM views),
                (SELECT count(*) FROM (
                    SELECT buyer FROM orders WHERE state = 'paid' INTERSECT SELECT account FROM views
                ) b),
                (SELECT count(*) FROM deliveries WHERE outcome LIKE 'mismatch%'),
                (SELECT count(*) FROM notices WHERE state IN ('owed', 'kept'))
            """
        )
        best = yield fetch(
            "SELECT package, count(*) FROM orders WHERE state = 'paid' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1"
        )
        return Stats(
            accounts=accounts[0][0],
            active_7_days=accounts[0][1],
            active_30_days=accounts[0][2],
            granted=lots[0][0] - moved,  # what a server gave its member was brought before
            sold=lots[0][1],
            used=used,
            revenue=tuple(
                Revenue(currency=r[0], orders=r[1], gross_minor=r[2], refunded_minor=refunded[r[0]])
                for r in revenue
            ),
            viewers=people[0][0],
            buyers=people[0][1],
            held=people[0][2],
            owed=people[0][3],
            best_package=best[0][0] if best else None,
            best_package_orders=best[0][1] if best else 0,
        )


def _refunded() -> Work[Counter[str]]:
    """Return, by currency, what went back of paid orders, without its share of the tax."""
    rows = yield fetch(
        """
        SELECT o.payment, o.currency, o.price_minor, o.tax_minor, r.kind, r.amount_minor, r.currency, r.standing
        FROM reversals r JOIN orders o ON o.payment = r.payment
        WHERE o.state = 'paid' AND o.livemode = (SELECT max(livemode) FROM orders WHERE state = 'paid')
        ORDER BY 1
        """
    )
    found: Counter[str] = Counter()
    for (_, currency, price_minor, tax_minor), reports in groupby(rows, key=lambda row: tuple(row[:4])):
        paid_minor = price_minor + tax_minor
        told = [Reported._make(row[4:]) for row in reports]
        returned_minor = standing_of(told, currency=currency, paid_minor=paid_minor).returned_minor
        found[currency] += price_minor * returned_minor // paid_minor if paid_minor else 0
    return found
