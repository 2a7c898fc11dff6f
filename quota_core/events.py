"""
What messages tell of: the kinds of notices, and the names under which they leave the program.

A kind that stands here also goes to the recipients of its account; the others are for the direct channel alone.
`docs/webhooks.md` shows what each one carries.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

Topic = Literal["alerts", "billing"]
TOPICS: tuple[Topic, ...] = ("alerts", "billing")
"""What people can turn on and off."""
Channel = Literal["dm", "channel", "email", "slack", "webhook"]
CHANNELS: tuple[Channel, ...] = ("dm", "channel", "email", "slack", "webhook")
"""The ways out: direct message, Discord channel, e-mail, Slack-compatible webhook, signed webhook."""
ALERT = "quota_alert"
DISABLED = "recipient_disabled"
CODE = "recipient_code"
RECEIVED = "received"
TEST = "recipient_test"
TEST_TYPE = "endpoint.test"
"""What somebody had sent to try a recipient; nobody subscribes to it, so it is none of the `EVENTS`."""


class Event(NamedTuple):
    """A kind's name outside, what it belongs to, and whether operators alone hear of it."""

    type: str
    topic: Topic
    operators_only: bool = False


EVENTS: Mapping[str, Event] = {
    ALERT: Event("usage.quota.alert", "alerts"),
    "purchase": Event("billing.topup.completed", "billing"),
    "payment_pending": Event("billing.topup.pending", "billing"),
    "payment_failed": Event("billing.topup.failed", "billing"),
    "reversal": Event("billing.purchase.reversed", "billing"),
    RECEIVED: Event("billing.units.received", "billing"),
    "dispute_opened": Event("billing.dispute.opened", "billing", operators_only=True),
    "payment_held": Event("billing.payment.held", "billing", operators_only=True),
}
TYPES = {event.type: kind for kind, event in EVENTS.items()}
"""The kind behind each name."""
