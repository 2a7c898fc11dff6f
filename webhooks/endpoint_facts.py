"""What is asked and answered about endpoints."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from quota_core.addresses import MAX_ADDRESS
from quota_core.events import EVENTS
from webhooks.query import Paged, Query
from webhooks.route_table import Facts, Request, UserId

_Event = Annotated[str, Field(max_length=100)]
_Owner = Annotated[str, Field(max_length=200)]


class EventsRequest(Request):
    """Types of events, such as usage.quota.alert; none is all of them, also those that are added later."""

    events: Annotated[list[_Event], Field(max_length=len(EVENTS))]


class OwnEventsRequest(EventsRequest):
    """The same, with whose endpoint it is."""

    user_id: UserId = ""


class AddRequest(Request):
    """The address, public and with TLS, and the types of events it hears of; none is all of them."""

    url: Annotated[str, Field(min_length=1, max_length=MAX_ADDRESS)]
    events: Annotated[list[_Event], Field(default_factory=list, max_length=len(EVENTS))]


class OwnAddRequest(AddRequest):
    """The same, with whose endpoint it is to be."""

    user_id: UserId = ""


class OwnQuery(Query):
    """Whose endpoint it is; empty is the key's own account."""

    user_id: _Owner = ""


class OwnPaged(Paged):
    """The same, for a list that comes in pages."""

    user_id: _Owner = ""


class EndpointFacts(Facts):
    """
    One endpoint; of its address only the host, since the path may be a secret.

    `events` empty is all of them; `failures` counts tries in a row; two secrets sign until `old_secret_until`.
    """

    id: int
    host: str
    events: list[str]
    enabled: bool
    disabled_at: str | None
    failures: int
    old_secret_until: str | None
    created_at: str


class SecretFacts(EndpointFacts):
    """An endpoint with its secret, which is never answered again."""

    secret: str


class EndpointList(Facts):
    """All endpoints, oldest first."""

    endpoints: list[EndpointFacts]


class RemovedFacts(Facts):
    """The endpoint that is no more; what was owed to it is not sent."""

    id: int
    removed: bool


class QueuedFacts(Facts):
    """What will be posted at once; the log of deliveries says what became of it."""

    endpoint: int
    queued: bool


class DeliveryFacts(Facts):
    """
    One delivery: `state` is owed (it waits for its next try), sent, or dead (given up).

    `user_id` is the account that it is about, `failure` why the last try did not get through.
    """

    id: int
    event: str
    user_id: str
    state: str
    attempts: int
    failure: str | None
    created_at: str
    sent_at: str | None


class DeliveriesPage(Facts):
    """Newest first; `next_cursor` null is the last page."""

    deliveries: list[DeliveryFacts]
    next_cursor: str | None
