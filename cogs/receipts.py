"""The receipt of a paid order, asked for with little patience: a message never waits long for its link."""

from __future__ import annotations

import asyncio
import logging

from quota_core.notices import Notice
from quota_core.purchases import Purchases

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 3.0


class Receipts:
    """Find receipts."""

    def __init__(self, purchases: Purchases) -> None:
        self._purchases = purchases

    async def url_of(self, notice: Notice) -> str | None:
        """Return the link for a purchase's notice; None when there is none within three seconds."""
        if notice.kind != "purchase":
            return None
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await self._purchases.receipt_url(str(notice.facts["order"]))
        except Exception as error:  # noqa: BLE001 - whatever the provider does, the message goes out
            log.warning("no receipt for order %s: %r", notice.facts["order"], error)
            return None
