"""What the sandbox's Stripe remembers: every object by its id, test mode and live mode apart, in memory."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from sandbox.stripe_errors import StripeRefusal, no_such

StripeObject = dict[str, Any]


class StripeState:
    """
    The objects of one account, in the order in which they were made.

    Args:
        clock: the time in seconds since 1970.

    """

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._objects: dict[str, StripeObject] = {}
        # Apart from the objects' own `livemode`, which tests may falsify.
        self._live: dict[str, bool] = {}
        self._items: dict[str, list[StripeObject]] = {}

    def now(self) -> int:
        """Return the time in whole seconds, as Stripe's objects carry it."""
        return int(self._clock())

    def add(self, made: StripeObject, *, live: bool) -> StripeObject:
        """Keep a new object; its id must be new."""
        assert made["id"] not in self._objects
        made["livemode"] = live
        if "created" in made:
            made["created"] = self.now()
        self._objects[made["id"]] = made
        self._live[made["id"]] = live
        return made

    def remove(self, object_id: str) -> None:
        """Forget an object."""
        del self._objects[object_id]

    def find(self, object_id: str) -> StripeObject | None:
        """Return the object with this id, whatever its kind and mode."""
        return self._objects.get(object_id)

    def is_live(self, object_id: str) -> bool:
        """Return whether the object was made with a live key."""
        return self._live[object_id]

    def get(self, kind: str, object_id: str, *, live: bool, param: str = "") -> StripeObject:
        """
        Return the object of `kind` with this id.

        Raises:
            StripeRefusal: there is none in this mode; 404 for an id in the path, 400 for one in `param`.

        """
        found = self._objects.get(object_id)
        if found is None or found["object"] != kind:
            raise no_such(kind, object_id, param=param)
        if self._live[object_id] != live:
            here, there = ("live", "test") if live else ("test", "live")
            raise StripeRefusal(
                f"No such {kind}: '{object_id}'; a similar object exists in {there} mode, but a {here} mode key "
                "was used to make this request.",
                status=HTTPStatus.BAD_REQUEST if param else HTTPStatus.NOT_FOUND,
                code="resource_missing",
                param=param or "id",
            )
        return found

    def newest_first(self, kind: str, *, live: bool | None = None) -> list[StripeObject]:
        """Return the objects of `kind`, those of one mode unless `live` is None."""
        return [
            one
            for one in reversed(self._objects.values())
            if one["object"] == kind and (live is None or self._live[one["id"]] == live)
        ]

    def set_items(self, session_id: str, items: list[StripeObject]) -> None:
        """Keep the line items of a Checkout Session, which its object does not show."""
        self._items[session_id] = items

    def items(self, session_id: str) -> list[StripeObject]:
        """Return the line items of a Checkout Session."""
        return self._items[session_id]
