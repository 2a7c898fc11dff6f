"""
`/api/webhooks/endpoints` and `/api/admin/webhooks/endpoints`: where events are posted, and what became of them.

Both families are the same but for whose endpoints they are: an account's, or the operators', who hear of every
account.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from aiohttp import web

from quota_core.access_keys import Scope
from quota_core.accounts import AccountRef
from quota_core.addresses import shown
from quota_core.errors import PreferenceError
from quota_core.events import EVENTS, TEST_TYPE, TYPES
from quota_core.messages import Messages
from quota_core.outbox_log import MAX_ID, Delivery
from quota_core.store.recipients import Recipient
from webhooks.cursors import cursor_of, place_in
from webhooks.endpoint_facts import (
    AddRequest,
    DeliveriesPage,
    DeliveryFacts,
    EndpointFacts,
    EndpointList,
    EventsRequest,
    QueuedFacts,
    RemovedFacts,
    SecretFacts,
)
from webhooks.problems import moment_or_none, refused, timestamp
from webhooks.query import Paged
from webhooks.route_table import Call

log = logging.getLogger(__name__)

MESSAGES = web.AppKey("MESSAGES", Messages)
MAX_DIGITS = 18
_OPERATORS = (Scope.ADMIN_READ, Scope.ADMIN_WRITE)
_REFUSALS = {
    "address": (HTTPStatus.UNPROCESSABLE_ENTITY, "unfit-address", "A public address with https is wanted"),
    "kind": (HTTPStatus.UNPROCESSABLE_ENTITY, "unknown-event", "There is no such event for this endpoint"),
    "twice": (HTTPStatus.CONFLICT, "endpoint-exists", "This address is an endpoint of the account already"),
    "many": (HTTPStatus.CONFLICT, "too-many-endpoints", "The account has as many recipients as it may have"),
    "off": (HTTPStatus.CONFLICT, "endpoint-disabled", "The endpoint is turned off; enable it first"),
    "nobody": (HTTPStatus.CONFLICT, "no-operator", "There is no operator in whose name it could be sent"),
    "soon": (HTTPStatus.TOO_MANY_REQUESTS, "too-soon", "Something was sent there less than a second ago"),
}


async def list_endpoints(call: Call) -> EndpointList:
    """Answer all endpoints, oldest first."""
    found = await call.request.app[MESSAGES].recipients.of(_owner(call))
    return EndpointList(endpoints=[_facts(one) for one in found if one.secret is not None])


async def add_endpoint(call: Call) -> SecretFacts:
    """Add one; its secret is in this answer and in no other."""
    body, owner = call.body, _owner(call)
    assert isinstance(body, AddRequest)
    with _refusing():
        kinds = _kinds(body.events, owner)
        added = await call.request.app[MESSAGES].recipients.add(owner, "webhook", body.url, kinds=kinds)
    _note(call, owner, added.id, "added")
    assert added.secret is not None
    return SecretFacts(**_facts(added).model_dump(), secret=added.secret)


async def choose_events(call: Call) -> EndpointFacts:
    """Let an endpoint hear of these events alone."""
    owner, number = await _named(call)
    body = call.body
    assert isinstance(body, EventsRequest)
    with _refusing():
        await call.request.app[MESSAGES].recipients.choose(owner, number, _kinds(body.events, owner))
    _note(call, owner, number, "was given other events")
    return _facts(await _endpoint(call, owner, number))


async def remove_endpoint(call: Call) -> RemovedFacts:
    """Send nothing there any more."""
    owner, number = await _named(call)
    await call.request.app[MESSAGES].recipients.remove(owner, number)
    _note(call, owner, number, "removed")
    return RemovedFacts(id=number, removed=True)


async def rotate_secret(call: Call) -> SecretFacts:
    """Give an endpoint a new secret; the old one signs beside it for a day."""
    owner, number = await _named(call)
    secret = await call.request.app[MESSAGES].recipients.rotate(owner, number)
    if secret is None:
        raise _missing()
    _note(call, owner, number, "was given a new secret")
    return SecretFacts(**_facts(await _endpoint(call, owner, number)).model_dump(), secret=secret)


async def enable_endpoint(call: Call) -> EndpointFacts:
    """Send to an endpoint again that was turned off."""
    owner, number = await _named(call)
    await call.request.app[MESSAGES].recipients.enable(owner, number)
    _note(call, owner, number, "enabled")
    return _facts(await _endpoint(call, owner, number))


async def try_endpoint(call: Call) -> QueuedFacts:
    """Have a test sent."""
    owner, number = await _named(call)
    with _refusing():
        queued = await call.request.app[MESSAGES].resending.test(owner, number)
    return QueuedFacts(endpoint=number, queued=queued)


async def list_deliveries(call: Call) -> DeliveriesPage:
    """Answer what became of deliveries, newest first."""
    owner, number = await _named(call)
    query = call.query
    assert isinstance(query, Paged)
    place = place_in(query.cursor, int)
    before = MAX_ID if place is None else int(place[0])
    endpoint = await _endpoint(call, owner, number)
    outbox = call.request.app[MESSAGES].log
    found = await outbox.of_recipient(endpoint, limit=query.limit + 1, before=before)
    page = found[: query.limit]
    return DeliveriesPage(
        deliveries=[_delivery(one) for one in page],
        next_cursor=cursor_of(page[-1].id) if len(found) > len(page) else None,
    )


async def replay_delivery(call: Call) -> QueuedFacts:
    """Have a delivery sent once more, under the same id."""
    owner, number = await _named(call)
    delivery = _number(call, "delivery")
    with _refusing():
        if not await call.request.app[MESSAGES].resending.replay(owner, number, delivery):
            raise refused(
                HTTPStatus.NOT_FOUND, "unknown-delivery", "There is no such delivery to this endpoint"
            )
    return QueuedFacts(endpoint=number, queued=True)


def _owner(call: Call) -> AccountRef | None:
    """Return whose endpoints the call is about: an account's, None for the operators'."""
    if call.scope in _OPERATORS:
        return None
    asked = call.body if call.query is None else call.query
    return call.account(asked.user_id)


async def _named(call: Call) -> tuple[AccountRef | None, int]:
    """Return whose endpoint the path names, and its number; 404 when it is another's, or none."""
    owner, number = _owner(call), _number(call, "endpoint")
    await _endpoint(call, owner, number)
    return owner, number


async def _endpoint(call: Call, owner: AccountRef | None, number: int) -> Recipient:
    found = await call.request.app[MESSAGES].recipients.of(owner)
    for one in found:
        if one.id == number and one.secret is not None:
            return one
    raise _missing()


def _missing() -> Exception:
    return refused(HTTPStatus.NOT_FOUND, "unknown-endpoint", "There is no such endpoint for this key")


def _number(call: Call, name: str) -> int:
    """Return a number in the path, 0 for what is none."""
    text = call.request.match_info[name]
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS else 0


def _kinds(events: list[str], owner: AccountRef | None) -> list[str]:
    for event in events:
        kind = TYPES.get(event)
        if kind is None or (owner is not None and EVENTS[kind].operators_only):
            raise PreferenceError("kind", event)
    return [TYPES[event] for event in events]


@contextmanager
def _refusing() -> Iterator[None]:
    """Say what cannot be done, where the core says that a choice cannot be kept."""
    try:
        yield
    except PreferenceError as error:
        if error.what not in _REFUSALS:
            raise
        status, slug, title = _REFUSALS[error.what]
        headers = {"Retry_After": "1"} if error.what == "soon" else {}
        detail = f"no {error.given}" if error.what == "kind" else ""
        raise refused(status, slug, title, detail, **headers) from error


def _note(call: Call, owner: AccountRef | None, number: int, what: str) -> None:
    log.info("key %s: endpoint %d of %s %s", call.key.id, number, owner or "the operators", what)


def _facts(one: Recipient) -> EndpointFacts:
    return EndpointFacts(
        id=one.id,
        host=shown(one),
        events=[EVENTS[kind].type for kind in one.kinds.split()],
        enabled=one.disabled_ms is None,
        disabled_at=moment_or_none(one.disabled_ms),
        failures=one.failures,
        old_secret_until=moment_or_none(one.old_until_ms),
        created_at=timestamp(one.created_ms),
    )


def _delivery(one: Delivery) -> DeliveryFacts:
    event = EVENTS.get(one.kind)
    return DeliveryFacts(
        id=one.id,
        event=TEST_TYPE if event is None else event.type,
        user_id=str(one.account),
        state=one.state,
        attempts=one.attempts,
        failure=one.failure,
        created_at=timestamp(one.created_ms),
        sent_at=moment_or_none(one.sent_ms),
    )
