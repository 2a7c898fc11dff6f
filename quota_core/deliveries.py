"""
What the payment provider reported, as far as it was handled: so that what never arrived can be asked for.

A report is recorded before it is handled, so whatever waits longer than a moment met trouble.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from quota_core.database import Database
from quota_core.store import deliveries as rows
from quota_core.store import marks

PAID_TYPES = ("checkout.session.completed", "checkout.session.async_payment_succeeded", "checkout.session")
"""Reports that a payment page was paid; the last one is a page that was looked at without an event."""


class Deliveries:
    """Look at reports, and remember how far asking has come; `clock` gives UTC milliseconds."""

    def __init__(self, database: Database, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._clock = clock

    async def handled(self, event_ids: Sequence[str]) -> set[str]:
        """Return those of these reports that were handled."""
        if not event_ids:
            return set()
        return await self._database.read(lambda: rows.handled(event_ids))

    async def asked_until(self, what: str) -> int | None:
        """Return the moment (UTC seconds) up to which everything was asked for, None before the first time."""
        return await self._database.read(lambda: marks.find(f"asked_{what}"))

    async def move(self, what: str, until_seconds: int) -> None:
        """Remember that everything up to this moment is handled; only once it is."""
        await self._database.write(lambda: marks.set_mark(f"asked_{what}", until_seconds))

    async def oldest_uncredited_ms(self) -> int | None:
        """Return when the oldest payment was reported that is not handled yet, None when there is none."""
        return await self._database.read(lambda: rows.oldest_waiting(PAID_TYPES))

    async def uncredited_seconds(self) -> float:
        """Return for how long the oldest such payment has waited; 0 when none does."""
        oldest_ms = await self.oldest_uncredited_ms()
        return 0.0 if oldest_ms is None else max(0.0, (self._clock() - oldest_ms) / 1000)
