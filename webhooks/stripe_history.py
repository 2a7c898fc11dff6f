"""What Stripe has kept of events and payment pages, a stretch of time at a time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import stripe

from webhooks.stripe_events import PAYMENT_TYPES
from webhooks.stripe_reversals import TYPES as REVERSAL_TYPES

PAGE = 100
TYPES = (*PAYMENT_TYPES, *REVERSAL_TYPES)
"""The events that an endpoint should be subscribed to; Stripe lists at most 20 types at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some objects, newest first, as plain JSON; `more` when there are older ones in the stretch."""

    objects: tuple[Mapping[str, Any], ...]
    more: bool


class StripeHistory:
    """Asks Stripe for events and sessions; every method may raise whatever the library does."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self._client = client

    async def events(self, since: int, before: int, *, after_id: str | None) -> Page:
        """Return events of ours with `since` <= created < `before` (UTC seconds), behind `after_id`."""
        return _page(
            await self._client.v1.events.list_async(
                self._asked(since, before, after_id) | {"types": list(TYPES)}
            )
        )

    async def sessions(self, since: int, before: int, *, after_id: str | None) -> Page:
        """Return completed Checkout Sessions that were opened then."""
        return _page(
            await self._client.v1.checkout.sessions.list_async(
                self._asked(since, before, after_id) | {"status": "complete"}
            )
        )

    @staticmethod
    def _asked(since: int, before: int, after_id: str | None) -> Any:
        cursor = {} if after_id is None else {"starting_after": after_id}
        return {"limit": PAGE, "created": {"gte": since, "lt": before}, **cursor}


def _page(found: stripe.ListObject[Any]) -> Page:
    # The library's own objects are no mappings; their text is the JSON that Stripe sent.
    content = json.loads(str(found))
    return Page(objects=tuple(content["data"]), more=bool(content["has_more"]))
