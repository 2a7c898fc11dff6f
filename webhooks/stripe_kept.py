"""
What is kept of Stripe's events: what they say of an order and its money, and nothing of who paid.

Names, addresses, cards, evidence and secrets of payments stay at Stripe, which shows them under the event's id.
What was never stored need not be found when somebody is to be forgotten, however late an event comes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from webhooks.stripe_fields import amount_of, id_or_expanded, object_of, text_of

# Numbers, words from a list of Stripe's, and texts that this program wrote itself.
_EVENT = ("id", "object", "type", "api_version", "created", "livemode")
_SUBJECT = (
    *("id", "object", "created", "expires_at", "livemode", "mode", "status", "payment_status", "reason"),
    *("client_reference_id", "currency", "amount", "amount_subtotal", "amount_total", "amount_refunded"),
    *("refunded", "disputed"),
)
_LINKS = ("payment_intent", "charge")
_TOTALS = ("amount_discount", "amount_shipping", "amount_tax")
_METADATA = ("type", "order")


def kept_event(event: Mapping[str, Any]) -> str:
    """Return what is kept of an event, as JSON."""
    subject = object_of(object_of(event.get("data")).get("object"))
    return json.dumps({**_plain(event, _EVENT), "data": {"object": _subject(subject)}})


def kept_session(session: Mapping[str, Any]) -> str:
    """Return what is kept of a payment page that was looked at without an event, as JSON."""
    return json.dumps(_subject(session))


def _subject(subject: Mapping[str, Any]) -> dict[str, Any]:
    kept = _plain(subject, _SUBJECT)
    kept |= {name: found for name in _LINKS if (found := id_or_expanded(subject.get(name))) is not None}
    for name, members in (("total_details", _TOTALS), ("metadata", _METADATA)):
        inner = _plain(object_of(subject.get(name)), members)
        if inner:
            kept[name] = inner
    return kept


def _plain(content: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: content[name] for name in names if name in content and _is_plain(content[name])}


def _is_plain(value: Any) -> bool:
    return isinstance(value, bool) or text_of(value) is not None or amount_of(value) is not None
