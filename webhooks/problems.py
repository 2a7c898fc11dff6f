"""
Refusals as RFC 9457 problem documents: one function knows every core error and every HTTP error.

`type` is `urn:jauge:problem:` and a slug that never changes; `title` and `detail` are for people; further
members are facts. What nobody foresaw gets an error id that the log has too, and never a traceback.
"""

from __future__ import annotations

import json
import logging
import math
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from quota_core import errors
from quota_core.gauges import PaidByParentError
from quota_core.meter import UNMETERED, Meter
from quota_core.request_ids import enter_request
from webhooks.draining import UnderWay

log = logging.getLogger(__name__)

TYPE_PREFIX = "urn:jauge:problem:"
CHECKOUT_RETRY_SECONDS = 10
NOT_CONFIGURED_RETRY_SECONDS = 3600  # only an operator can help, and nobody should ask every few seconds
_UNSAFE_HEADERS = frozenset({"content-type", "content-length"})
_NOT_A_SLUG = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One refusal as it goes out; `facts` become further members of the document."""

    status: int
    slug: str
    title: str
    detail: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return the problem document."""
        document = {"type": TYPE_PREFIX + self.slug, "title": self.title, "status": int(self.status)}
        if self.detail:
            document["detail"] = self.detail
        return {**document, **self.facts}

    def parts(self) -> tuple[dict[str, str], bytes]:
        """Return headers and body of the answer with the problem document."""
        own = {"Content-Type": "application/problem+json", "Cache-Control": "no-store"}
        return {**own, **self.headers}, json.dumps(self.document()).encode()

    def response(self) -> web.Response:
        """Return the answer with the problem document."""
        headers, body = self.parts()
        return web.Response(status=self.status, body=body, headers=headers)


class ProblemError(Exception):
    """A request that this edge itself refuses."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.title)


def refused(status: int, slug: str, title: str, detail: str = "", **headers: str) -> ProblemError:
    """Return the error to raise; `headers` are written with `_` for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return ProblemError(Problem(status=status, slug=slug, title=title, detail=detail, headers=named))


def problem_of(error: Exception, *, now_ms: int) -> Problem:
    """Return the problem that `error` is to the outside; `now_ms` turns moments into `Retry-After`."""
    if isinstance(error, ProblemError):
        return error.problem
    if isinstance(error, web.HTTPException):
        return _of_http(error)
    known = _of_core(error, now_ms=now_ms) if isinstance(error, errors.QuotaError) else None
    if known is not None:
        return known
    error_id = secrets.token_hex(4)
    log.error("error id %s", error_id, exc_info=error)
    return Problem(
        status=HTTPStatus.INTERNAL_SERVER_ERROR,
        slug="internal-error",
        title="Something failed on our side",
        detail="The log has the cause under this error id.",
        facts={"error_id": error_id},
    )


def middleware(
    *,
    clock: Callable[[], int],
    under_way: UnderWay | None = None,
    meter: Meter = UNMETERED,
    monotonic: Callable[[], float] = time.perf_counter,
) -> Middleware:
    """
    Return the middleware that turns every refusal and failure into a problem document.

    It counts what is under way and what was answered, and names the request for the log, since each further
    middleware costs a request a tenth of a bare answer.
    """
    counted = under_way or UnderWay()

    @web.middleware
    async def answer_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
        counted.begin()
        since = monotonic()
        enter_request(request.headers.get("X-Request-ID"))
        try:
            response = await handler(request)
        except web.HTTPException as error:
            if error.status < HTTPStatus.BAD_REQUEST:
                meter.answered(_route_of(request), request.method, error.status, monotonic() - since)
                raise
            response = _answer_to(error, now_ms=clock())
        except Exception as error:  # noqa: BLE001 - the last line before the socket: nothing may pass as it is
            response = _answer_to(error, now_ms=clock())
        finally:
            counted.end()
        meter.answered(_route_of(request), request.method, response.status, monotonic() - since)
        if counted.ending:
            response.force_close()
        return response

    return answer_problems


def _route_of(request: web.Request) -> str:
    """Return the pattern that the path matched, empty when it matched none."""
    resource = request.match_info.route.resource
    return "" if resource is None else resource.canonical


def _answer_to(error: Exception, *, now_ms: int) -> web.Response:
    problem = problem_of(error, now_ms=now_ms)
    response = problem.response()
    if problem.status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE):
        # The rest of the body is still on its way; nobody is going to read it.
        response.force_close()
    return response


def _of_http(error: web.HTTPException) -> Problem:
    headers = {name: value for name, value in error.headers.items() if name.lower() not in _UNSAFE_HEADERS}
    slug = _NOT_A_SLUG.sub("-", error.reason.lower()).strip("-")
    return Problem(status=error.status, slug=slug, title=error.reason, headers=headers)


def _of_core(error: errors.QuotaError, *, now_ms: int) -> Problem | None:
    match error:
        case errors.OutOfQuotaError():
            return _out_of_quota(error, now_ms=now_ms)
        case errors.NotInPlanError():
            return Problem(
                status=HTTPStatus.FORBIDDEN,
                slug="not-in-plan",
                title="This is not in the account's plan",
                facts={
                    "code": "not_in_plan",
                    "name": error.name,
                    "metric": error.metric,
                    "plan": error.plan,
                    "plans": list(error.plans),
                },
            )
        case errors.CheckoutUnavailableError():
            return _checkout_unavailable(error)
        case errors.UnavailableError():
            halted = isinstance(error, errors.HaltedError)
            return Problem(
                status=HTTPStatus.SERVICE_UNAVAILABLE,
                slug="halted" if halted else "unavailable",
                title="Nothing can be written just now",
                detail="Nothing was changed; the same request may be sent again.",
                headers={"Retry-After": str(error.retry_seconds)},
            )
        case errors.AmountError():
            return Problem(
                status=HTTPStatus.UNPROCESSABLE_ENTITY,
                slug="amount-out-of-bounds",
                title="The amount is out of bounds",
                facts={"minimum": error.minimum, "maximum": error.maximum},
            )
        case _:
            return _of_parent(error) or _plain(error)


def _of_parent(error: errors.QuotaError) -> Problem | None:
    if isinstance(error, errors.UnfitParentError):
        title, detail = "This account cannot pay for that one", _UNFIT[error.why]
        return Problem(status=HTTPStatus.CONFLICT, slug="unfit-parent", title=title, detail=detail)
    if isinstance(error, PaidByParentError):
        title, detail = (
            "The level is that of the account's parent",
            "Set it there, for all that the parent pays for.",
        )
        facts = {"parent": error.parent}
        return Problem(
            status=HTTPStatus.CONFLICT, slug="paid-by-parent", title=title, detail=detail, facts=facts
        )
    return None


def _plain(error: errors.QuotaError) -> Problem | None:
    """Return the problem of an error that needs no facts."""
    for kind, status, slug, title in _PLAIN:
        if isinstance(error, kind):
            return Problem(status=status, slug=slug, title=title)
    return None


_UNFIT = {
    "not_external": "Both must be external accounts, such as project:web and team:acme.",
    "itself": "An account cannot be its own parent.",
    "has_parent": "The parent has a parent itself, and one level is all there is.",
    "has_children": "The account is the parent of others, and one level is all there is.",
}
_PLAIN: tuple[tuple[type[errors.QuotaError], HTTPStatus, str, str], ...] = (
    (errors.AccountBlockedError, HTTPStatus.FORBIDDEN, "account-blocked", "The account is blocked"),
    (errors.UnknownMetricError, HTTPStatus.NOT_FOUND, "unknown-metric", "There is no such metric"),
    (
        errors.MetricKindError,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "wrong-metric-kind",
        "The metric is of the other kind",
    ),
    (errors.UnknownServiceError, HTTPStatus.NOT_FOUND, "unknown-service", "There is no such service"),
    (errors.UnknownPlanError, HTTPStatus.NOT_FOUND, "unknown-plan", "There is no such plan"),
    (errors.UnknownPackageError, HTTPStatus.NOT_FOUND, "unknown-package", "This package is not on sale"),
    (errors.UnknownOrderError, HTTPStatus.NOT_FOUND, "unknown-order", "There is no such order"),
    (errors.UnknownSpendError, HTTPStatus.NOT_FOUND, "unknown-spend", "Nothing was spent under this key"),
    (errors.UnknownHoldError, HTTPStatus.NOT_FOUND, "unknown-hold", "Nothing was held under this key"),
    (errors.HoldEndedError, HTTPStatus.CONFLICT, "hold-ended", "The hold has ended already"),
    (
        errors.ConflictingReplayError,
        HTTPStatus.CONFLICT,
        "conflicting-replay",
        "This key was used before for something else",
    ),
    (
        errors.PreferenceError,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "unknown-preference",
        "This choice cannot be kept",
    ),
    (errors.NotAllowedError, HTTPStatus.FORBIDDEN, "not-allowed", "This is not allowed"),
    (errors.ErasureRefusedError, HTTPStatus.CONFLICT, "erasure-refused", "Something must end first"),
)


def _out_of_quota(error: errors.OutOfQuotaError, *, now_ms: int) -> Problem:
    headers, resets_at = {}, None
    if error.retry_ms is not None:
        headers["Retry-After"] = str(max(1, math.ceil((error.retry_ms - now_ms) / 1000)))
        resets_at = timestamp(error.retry_ms)
    facts = {"metric": error.metric, "units_asked": error.units_asked, "units_left": error.units_left}
    return Problem(
        status=HTTPStatus.TOO_MANY_REQUESTS,
        slug="out-of-quota",
        title="The quota is used up",
        headers=headers,
        facts={**facts, "plan": error.plan, "resets_at": resets_at},
    )


def _checkout_unavailable(error: errors.CheckoutUnavailableError) -> Problem:
    retry_seconds = CHECKOUT_RETRY_SECONDS if error.configured else NOT_CONFIGURED_RETRY_SECONDS
    return Problem(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        slug="checkout-unavailable" if error.configured else "checkout-not-configured",
        title="The payment page could not be opened" if error.configured else "Nothing can be bought here",
        detail="Nothing was charged.",
        headers={"Retry-After": str(retry_seconds)},
    )


def moment_or_none(moment_ms: int | None) -> str | None:
    """Return a moment as `timestamp` does, None for what never comes."""
    return None if moment_ms is None else timestamp(moment_ms)


def timestamp(moment_ms: int) -> str:
    """Return a moment as RFC 3339 writes it, in UTC and whole seconds: 2026-11-20T00:00:00Z."""
    return datetime.fromtimestamp(moment_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
