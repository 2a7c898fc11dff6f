"""What was bought for an account, newest first, each with the period in which it was paid."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from quota_core.accounts import AccountRef
from quota_core.database import Database
from quota_core.ledger import NEVER_MS
from quota_core.statements import Work
from quota_core.store import top_ups as rows


class Place(NamedTuple):
    """Where a page begins: behind the order that was opened then."""

    opened_ms: int = NEVER_MS
    order: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopUp:
    """
    One order; `state` is pending, failed, paid or what became of it later.

    `left` is what of its units can still be spent, None before they came; `period` the month in which it was paid,
    or opened (`2026-11`), in the catalog's time zone.
    """

    order: str
    package: str
    metric: str
    units: int
    price_minor: int
    tax_minor: int
    currency: str
    state: str
    opened_ms: int
    paid_ms: int | None
    left: int | None
    expires_ms: int | None
    period: str

    @property
    def place(self) -> Place:
        """Where the next page begins when this one ends a page."""
        return Place(self.opened_ms, self.order)


class TopUps:
    """Read them."""

    def __init__(self, database: Database, zone: ZoneInfo) -> None:
        self._database = database
        self._zone = zone

    async def of(self, account: AccountRef, place: Place, limit: int) -> list[TopUp]:
        """Return up to `limit` of them behind a place."""
        return await self._database.read(lambda: self._of(account, place, limit))

    def _of(self, account: AccountRef, place: Place, limit: int) -> Work[list[TopUp]]:
        found = yield from rows.orders(account, *place, limit)
        return [
            TopUp(
                **dict(zip(_COLUMNS, row, strict=True)),
                period=datetime.fromtimestamp((row[9] or row[8]) // 1000, UTC)
                .astimezone(self._zone)
                .strftime("%Y-%m"),
            )
            for row in found
        ]


_COLUMNS = (
    *("order", "package", "metric", "units", "price_minor", "tax_minor", "currency", "state", "opened_ms"),
    *("paid_ms", "left", "expires_ms"),
)
