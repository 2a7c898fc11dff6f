"""What the sandbox's Stripe remembers: every object by its id, test mode and live mode apart."""

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

    Attributes:
        changes: how often an object was added or removed; each event is one.

    """

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._objects: dict[str, StripeObject] = {}
        # Apart from the objects' own `livemode`, which tests may falsify.
        self._live: dict[str, bool] = {}
        self._items: dict[str, list[StripeObject]] = {}
        self._shelves: dict[str, dict[str, Any]] = {}
        self.changes = 0

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
        self.changes += 1
        return made

    def remove(self, object_id: str) -> None:
        """Forget an object."""
        del self._objects[object_id]
        self.changes += 1

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

    def shelf(self, name: str) -> dict[str, Any]:
        """Return what a part notes beside the objects, to read and to write: JSON values by any text."""
        return self._shelves.setdefault(name, {})

    def contents(self, *, without: str) -> dict[str, Any]:
        """Return everything as JSON values, except objects of the kind `without`."""
        objects = [
            {"live": self._live[one["id"]], "object": one}
            for one in self._objects.values()
            if one["object"] != without
        ]
        return {"objects": objects, "items": self._items, "shelves": self._shelves}

    def fill(self, contents: dict[str, Any]) -> None:
        """Take over what `contents` returned; nothing may have been added yet."""
        assert not self._objects
        for row in contents["objects"]:
            self._objects[row["object"]["id"]] = row["object"]
            self._live[row["object"]["id"]] = row["live"]
        self._items |= contents["items"]
        for name, notes in contents["shelves"].items():
            self.shelf(name).update(notes)
