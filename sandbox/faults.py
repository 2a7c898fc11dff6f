"""
Troubles on demand: what each provider's network can do to a client, counted.

Where and what:
    discord, stripe   status, cut, lost, delay (served by `middleware`, requests under /api/ and /v1/)
    gateway           close, invalid_session, cut, reconnect, no_ack (served by the gateway)
    webhooks          duplicate, delay, drop, shuffle (served by Stripe's deliveries)

Every fault takes the option `path`, a regular expression searched in the request's path, and the HTTP ones
also `method`.
"""

import asyncio
import http
import json
import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

HTTP_OPTIONS = {
    "status": {"status", "retry_after", "body", "html", "global", "headers"},
    "cut": set[str](),
    "lost": set[str](),
    "delay": {"seconds"},
}
KINDS: dict[str, dict[str, set[str]]] = {
    "discord": HTTP_OPTIONS,
    "stripe": HTTP_OPTIONS,
    "gateway": {
        "close": {"code"},
        "invalid_session": {"resumable"},
        "cut": set(),
        "reconnect": set(),
        "no_ack": set(),
    },
    "webhooks": {"duplicate": {"copies"}, "delay": {"seconds"}, "drop": set(), "shuffle": {"hold"}},
}
SHARED_OPTIONS = {"path", "method"}
MAX_TIMES = 10_000


@dataclass(slots=True, kw_only=True)
class Fault:
    """A trouble in force; `times` counts the uses that are left."""

    where: str
    fault: str
    times: int
    options: dict[str, Any] = field(default_factory=dict)

    def touches(self, path: str, method: str) -> bool:
        """Return whether a request to `path` by `method` meets this fault."""
        if self.options.get("method", method) != method:
            return False
        return re.search(self.options.get("path", ""), path) is not None

    def as_json(self) -> dict[str, Any]:
        """Return the fault as the control API shows it."""
        return {"where": self.where, "fault": self.fault, "times": self.times, **self.options}


class Faults:
    """The faults in force, oldest first; each use spends one of a fault's `times`."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._listeners: list[Callable[[Fault], None]] = []

    def add(self, where: str, fault: str, times: int = 1, **options: Any) -> Fault:
        """
        Put a fault in force.

        Raises:
            ValueError: unknown place, kind or option, a pattern that does not compile, or `times` outside
                1 to 10 000.

        """
        if not isinstance(where, str) or where not in KINDS:
            raise ValueError(f"where must be one of {', '.join(KINDS)}, got {where!r}")
        if not isinstance(fault, str) or fault not in KINDS[where]:
            raise ValueError(f"fault must be one of {', '.join(KINDS[where])} for {where}, got {fault!r}")
        if isinstance(times, bool) or not isinstance(times, int) or not 1 <= times <= MAX_TIMES:
            raise ValueError(f"times must be a whole number from 1 to {MAX_TIMES}, got {times!r}")
        if unknown := set(options) - KINDS[where][fault] - SHARED_OPTIONS:
            raise ValueError(f"{where} {fault} takes no option {', '.join(sorted(unknown))}")
        _check_options(options)
        added = Fault(where=where, fault=fault, times=times, options=dict(options))
        self._faults.append(added)
        for listener in self._listeners:
            listener(added)
        return added

    def take(self, where: str, *kinds: str, path: str = "", method: str = "") -> Fault | None:
        """Spend one use of the oldest fault of these kinds (any when none is named) that touches `path`."""
        for fault in self._faults:
            if fault.where != where or (kinds and fault.fault not in kinds):
                continue
            if fault.touches(path, method or fault.options.get("method", "")):
                self.spend(fault)
                return fault
        return None

    def spend(self, fault: Fault) -> None:
        """Take one use off `fault`; at zero it is no longer in force."""
        fault.times -= 1
        if fault.times <= 0:
            self._faults = [one for one in self._faults if one is not fault]

    def in_force(self) -> list[dict[str, Any]]:
        """Return every fault with uses left, oldest first, as JSON objects."""
        return [fault.as_json() for fault in self._faults]

    def clear(self) -> None:
        """End every fault."""
        self._faults = []

    def on_add(self, listener: Callable[[Fault], None]) -> None:
        """Call `listener` at once with every fault put in force from now on."""
        self._listeners.append(listener)


def _check_options(options: dict[str, Any]) -> None:
    """Refuse option values that would only break when the fault is served."""
    if not isinstance(options.get("headers", {}), dict):
        raise ValueError("headers must be an object")  # noqa: TRY004 - callers catch one kind of error
    for name in ("path", "method"):
        if not isinstance(options.get(name, ""), str):
            raise ValueError(f"{name} must be a string")  # noqa: TRY004 - callers catch one kind of error
    try:
        re.compile(options.get("path", ""))
    except re.error as error:
        raise ValueError(f"path is not a regular expression: {error}") from error
    for name, low, high in (
        ("status", 400, 599),
        ("code", 1000, 4999),
        ("seconds", 0, 3600),
        ("retry_after", 0, 3600),
        ("copies", 1, 100),
        ("hold", 1, 100),
    ):
        value = options.get(name, low)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise ValueError(f"{name} must be a number from {low} to {high}")


def middleware(faults: Faults, *, clock: Callable[[], float] = time.time) -> Middleware:
    """Return the aiohttp middleware that serves the faults of `discord` and `stripe`; `clock` in seconds."""

    @web.middleware
    async def serve_faults(request: web.Request, handler: Handler) -> web.StreamResponse:
        where = _provider(request.path)
        if where is None:
            return await handler(request)
        fault = faults.take(where, *HTTP_OPTIONS, path=request.path, method=request.method)
        if fault is None:
            return await handler(request)
        if fault.fault == "status":
            # Read first: a connection closed over an unread body is reset, which is another trouble.
            await request.read()
            return _status_answer(where, fault.options, now_seconds=clock())
        if fault.fault == "delay":
            await asyncio.sleep(float(fault.options.get("seconds", 1)))
            return await handler(request)
        await request.read()
        if fault.fault == "lost":
            await handler(request)
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    return serve_faults


def _provider(path: str) -> str | None:
    if path.startswith("/api/"):
        return "discord"
    return "stripe" if path.startswith("/v1/") else None


def _status_answer(where: str, options: dict[str, Any], *, now_seconds: float) -> web.Response:
    """Return the answer of a `status` fault in the provider's own error shape."""
    status = int(options.get("status", http.HTTPStatus.INTERNAL_SERVER_ERROR))
    headers = {str(name): str(value) for name, value in options.get("headers", {}).items()}
    retry_after_seconds = float(options.get("retry_after", 1))
    if "retry_after" in options or status == http.HTTPStatus.TOO_MANY_REQUESTS:
        headers.setdefault("Retry-After", str(math.ceil(retry_after_seconds)))
    if options.get("html"):
        text = f"<html><body><h1>{status}</h1><p>The sandbox was told to answer so.</p></body></html>"
        return web.Response(status=status, text=text, content_type="text/html", headers=headers)
    if where == "discord":
        body, extra = _discord_error(status, options, retry_after_seconds, now_seconds)
        headers |= extra
    else:
        body = _stripe_error(status)
        headers.setdefault("Request-Id", "req_sandboxfault")
    # As bytes: discord.py compares the content type with exactly `application/json`, without a charset.
    answer = json.dumps(options.get("body", body)).encode()
    return web.Response(status=status, body=answer, content_type="application/json", headers=headers)


def _discord_error(
    status: int, options: dict[str, Any], retry_after_seconds: float, now_seconds: float
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the body and headers of an error by Discord itself."""
    if status != http.HTTPStatus.TOO_MANY_REQUESTS:
        return {"message": f"{status}: {_phrase(status)}", "code": 0}, {}
    is_global = bool(options.get("global"))
    # Without `Via`, discord.py takes a 429 for a ban by the network in front of Discord and gives up.
    headers = {
        "Via": "1.1 google",
        "X-RateLimit-Limit": "5",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": f"{now_seconds + retry_after_seconds:.3f}",
        "X-RateLimit-Reset-After": f"{retry_after_seconds:.3f}",
        "X-RateLimit-Scope": "global" if is_global else "user",
    }
    if is_global:
        headers["X-RateLimit-Global"] = "true"
    body = {"message": "You are being rate limited.", "retry_after": retry_after_seconds, "global": is_global}
    return body, headers


def _stripe_error(status: int) -> dict[str, Any]:
    """Return the body of an error by Stripe itself. https://docs.stripe.com/api/errors."""
    error: dict[str, Any] = {"message": f"{_phrase(status)} (the sandbox was told to answer so)"}
    if status == http.HTTPStatus.TOO_MANY_REQUESTS:
        error |= {"type": "invalid_request_error", "code": "rate_limit"}
    elif status == http.HTTPStatus.PAYMENT_REQUIRED:
        error |= {"type": "card_error", "code": "card_declined"}
    elif status == http.HTTPStatus.CONFLICT:
        error |= {"type": "idempotency_error"}
    else:
        error |= {
            "type": "api_error"
            if status >= http.HTTPStatus.INTERNAL_SERVER_ERROR
            else "invalid_request_error"
        }
    return {"error": error}


def _phrase(status: int) -> str:
    """Return the reason phrase of `status`, also for the ones a network in front of a provider made up."""
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Unknown Error"
