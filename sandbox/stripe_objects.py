"""Stripe's objects with every key that the API returns, ready to be filled in (`stripe_shapes.json`)."""

import copy
import json
import secrets
import string
from functools import cache
from pathlib import Path
from typing import Any

ALPHABET = string.ascii_letters + string.digits


@cache
def _shapes() -> dict[str, Any]:
    text = Path(__file__).with_name("stripe_shapes.json").read_text(encoding="utf-8")
    shapes: dict[str, Any] = json.loads(text)
    return shapes


def shaped(kind: str, **values: Any) -> dict[str, Any]:
    """
    Return a new object of `kind` with `values` in it.

    Raises:
        KeyError: a value that this kind of object does not have.

    """
    made: dict[str, Any] = copy.deepcopy(_shapes()[kind])
    if unknown := values.keys() - made.keys():
        raise KeyError(f"{kind} has no {', '.join(sorted(unknown))}")
    return made | values


def new_id(prefix: str, *, length: int = 24) -> str:
    """Return an id such as `pi_3Q…`; Stripe promises no length, only at most 255 characters."""
    return f"{prefix}_{random_text(length)}"


def random_text(length: int) -> str:
    """Return `length` letters and digits at random."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def session_id(*, live: bool) -> str:
    """Return a Checkout Session's id, with its mode in it and as long as the real ones."""
    return f"cs_{'live' if live else 'test'}_a1{random_text(56)}"


def listed(rows: list[dict[str, Any]], *, url: str, has_more: bool = False) -> dict[str, Any]:
    """Return `rows` as one page of a list. https://docs.stripe.com/api/pagination."""
    return {"object": "list", "data": rows, "has_more": has_more, "url": url}
