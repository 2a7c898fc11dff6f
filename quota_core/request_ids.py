"""
Which request the work at hand is for: in a context variable, so that every line of the log can say it.

An id comes from whoever asks, if it is a plain one, or is made here: it is a name in a log, and proves nothing.
"""

from __future__ import annotations

import re
import secrets
from contextvars import Context, ContextVar
from itertools import count

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
"""Of the request in hand; empty where the work is nobody's alone."""
NOBODYS = Context()
"""For tasks that work for many requests, and must not be named after the one that started them."""
_PLAIN = re.compile(r"[A-Za-z0-9_.:-]{1,64}", re.ASCII)
_START = secrets.token_hex(4)  # so that two runs of the program do not name two requests alike
_numbers = count(1)


def new_request_id() -> str:
    """Return an id that no other request has."""
    return f"{_START}-{next(_numbers):x}"


def enter_request(given: str | None) -> str:
    """Begin a request with the id that was given, or with a new one where that is no plain one; return it."""
    known = given is not None and _PLAIN.fullmatch(given) is not None
    request_id = given if known and given is not None else new_request_id()
    REQUEST_ID.set(request_id)
    return request_id
