"""Where the next page begins, as one word that callers send back and need not understand."""

from __future__ import annotations

import base64
import binascii
import json

from webhooks.query import misformed_query


def cursor_of(*place: str | int) -> str:
    """Return the word for a place."""
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def place_in(cursor: str, *kinds: type) -> list[str | int] | None:
    """
    Return the place that a cursor says, None for an empty one: the first page.

    Raises:
        ProblemError: 422, it is none of ours for this list.

    """
    if not cursor:
        return None
    try:
        place = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        place = None
    # Numbers within what a database column holds, and texts that can be a name.
    fits = isinstance(place, list) and [type(one) for one in place] == list(kinds)
    if not fits or any(_is_odd(one) for one in place):
        raise misformed_query([{"at": "cursor", "problem": "This is no next_cursor of this list"}])
    found: list[str | int] = place
    return found


def _is_odd(value: object) -> bool:
    if isinstance(value, int):
        return not -(2**62) < value < 2**63
    return not (isinstance(value, str) and value.isprintable())
