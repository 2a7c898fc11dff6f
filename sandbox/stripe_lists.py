"""Pages of lists, and the objects that a client asks to see whole instead of their ids."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.stripe_errors import StripeRefusal, no_such
from sandbox.stripe_objects import listed
from sandbox.stripe_state import StripeObject, StripeState

DEFAULT_LIMIT, MAX_LIMIT = 10, 100
MAX_EXPAND_DEPTH = 4


def page(rows: Sequence[StripeObject], params: Mapping[str, Any], *, url: str) -> dict[str, Any]:
    """
    Return one page of `rows`, which come newest first.

    Raises:
        StripeRefusal: a limit outside 1 to 100, or a cursor that is not in the list.
            https://docs.stripe.com/api/pagination

    """
    limit = params.get("limit", DEFAULT_LIMIT)
    if not 1 <= limit <= MAX_LIMIT:
        bound = "greater than or equal to 1" if limit < 1 else f"less than or equal to {MAX_LIMIT}"
        raise StripeRefusal(
            f"This value must be {bound} (it currently is '{limit}').",
            code="parameter_invalid_integer",
            param="limit",
        )
    if "starting_after" in params and "ending_before" in params:
        raise StripeRefusal("You cannot specify both `starting_after` and `ending_before`.")
    rows = [row for row in rows if _in_range(row.get("created", 0), params.get("created"))]
    if "ending_before" in params:
        newer = rows[: _position(rows, params["ending_before"], "ending_before")]
        return listed(newer[-limit:], url=url, has_more=len(newer) > limit)
    if "starting_after" in params:
        rows = rows[_position(rows, params["starting_after"], "starting_after") + 1 :]
    return listed(list(rows[:limit]), url=url, has_more=len(rows) > limit)


def _position(rows: Sequence[StripeObject], object_id: str, param: str) -> int:
    for index, row in enumerate(rows):
        if row["id"] == object_id:
            return index
    raise no_such("object in this list", object_id, param=param)


def _in_range(created: int, wanted: Any) -> bool:
    if wanted is None:
        return True
    if isinstance(wanted, int):
        return created == wanted
    lowest = max(wanted.get("gte", 0), wanted.get("gt", -1) + 1)
    highest = min(wanted.get("lte", created), wanted.get("lt", created + 1) - 1)
    return bool(lowest <= created <= highest)


def matching(rows: Sequence[StripeObject], wanted: Mapping[str, Any]) -> list[StripeObject]:
    """Return the rows in which every value of `wanted` is found, in objects inside them too."""

    def fits(row: Any, wish: Any) -> bool:
        if isinstance(wish, Mapping):
            return isinstance(row, dict) and all(fits(row.get(k), v) for k, v in wish.items())
        same: bool = row == wish
        return same

    return [row for row in rows if fits(row, wanted)]


def expanded(answer: dict[str, Any], paths: Sequence[str], state: StripeState) -> dict[str, Any]:
    """
    Return a copy of `answer` in which the ids at `paths` are the objects themselves.

    Raises:
        StripeRefusal: a path that leads nowhere or is deeper than four. https://docs.stripe.com/api/expanding_objects

    """
    shown = copy.deepcopy(answer)
    for path in paths:
        names = path.split(".")
        if len(names) > MAX_EXPAND_DEPTH:
            raise StripeRefusal(
                f"You cannot expand more than {MAX_EXPAND_DEPTH} levels of a property. Property: {path}",
                param="expand",
            )
        _expand(shown, names, path, state)
    return shown


def _expand(node: Any, names: list[str], path: str, state: StripeState) -> None:
    if isinstance(node, list):
        for one in node:
            _expand(one, names, path, state)
        return
    if not names or node is None:
        return
    name, rest = names[0], names[1:]
    if isinstance(node, dict) and name == "line_items" and node.get("object") == "checkout.session":
        url = f"/v1/checkout/sessions/{node['id']}/line_items"
        node.setdefault(name, copy.deepcopy(page(state.items(node["id"]), {}, url=url)))
    if not isinstance(node, dict) or name not in node:
        raise StripeRefusal(f"This property cannot be expanded ({path}).", param="expand")
    if isinstance(node[name], str):
        found = state.find(node[name])
        if found is None:
            raise StripeRefusal(f"This property cannot be expanded ({path}).", param="expand")
        node[name] = copy.deepcopy(found)
    _expand(node[name], rest, path, state)
