"""Events: a snapshot of an object each time something happens to it, listed and handed on for delivery."""

import copy
import fnmatch
from collections.abc import Callable
from typing import Any, Protocol

import stripe
from stripe.params import EventListParams

from sandbox.stripe_api import Call, Endpoint
from sandbox.stripe_errors import StripeRefusal
from sandbox.stripe_lists import page
from sandbox.stripe_objects import new_id, shaped
from sandbox.stripe_params import members_of
from sandbox.stripe_state import StripeObject, StripeState


class Deliver(Protocol):
    """Takes a new event on its way."""

    def __call__(self, event: StripeObject, *, live: bool) -> None:
        """Deliver `event` to the endpoints of its mode; returns at once."""


MAX_TYPES = 20
KEPT_SECONDS = 30 * 24 * 60 * 60


class EventLog:
    """
    The account's events.

    Objects have one shape here, that of the version which the library pins, so every event carries that version.

    Args:
        state: where events are kept.
        deliver: called with each new event.
        was_delivered: whether every endpoint took an event, by the event's id.

    """

    def __init__(
        self,
        state: StripeState,
        *,
        deliver: Deliver,
        was_delivered: Callable[[str], bool],
    ) -> None:
        self._state = state
        self._deliver = deliver
        self._was_delivered = was_delivered

    def emit(self, kind: str, subject: StripeObject, call: Call | None = None) -> StripeObject:
        """Record that `kind` happened to `subject`, caused by `call` or by a person or the clock when None."""
        event = shaped(
            "event",
            id=new_id("evt"),
            type=kind,
            api_version=stripe.api_version,
            data={"object": copy.deepcopy(subject)},
            request={
                "id": call.request_id if call else None,
                "idempotency_key": call.idempotency_key if call else None,
            },
        )
        live = self._state.is_live(subject["id"])
        self._state.add(event, live=live)
        # A falsified object makes an event of the same falsified mode: receivers compare both.
        event["livemode"] = subject.get("livemode", event["livemode"])
        self._deliver(event, live=live)
        return event

    def endpoints(self) -> list[Endpoint]:
        """Return the methods that read events."""
        return [
            Endpoint(method="GET", path="/v1/events", handle=self._list, params=members_of(EventListParams)),
            Endpoint(method="GET", path="/v1/events/{id}", handle=self._retrieve),
        ]

    def _retrieve(self, call: Call) -> dict[str, Any]:
        return self._state.get("event", call.ids["id"], live=call.live)

    def _list(self, call: Call) -> dict[str, Any]:
        params = call.params
        if "type" in params and "types" in params:
            raise StripeRefusal("You may only specify one of these parameters: type, types.", param="types")
        wanted = params.get("types") or [params.get("type", "*")]
        if len(wanted) > MAX_TYPES:
            raise StripeRefusal(f"You can pass up to {MAX_TYPES} types.", param="types")
        since = self._state.now() - KEPT_SECONDS
        rows = [
            event
            for event in self._state.newest_first("event", live=call.live)
            if event["created"] >= since and any(fnmatch.fnmatchcase(event["type"], one) for one in wanted)
        ]
        if "delivery_success" in params:
            rows = [row for row in rows if self._was_delivered(row["id"]) == params["delivery_success"]]
        return page(rows, params, url="/v1/events")
