"""
`POST /api/credits/consume` once more: a request whose head was answered before, without the server library.

It does what `credits_api.consume` and the middleware do, in the same order and with the same parts. Where anything
is unusual (a key to be looked up, a budget that is spent, a body to be found fault with) it does nothing: the usual
way does it all, and has the words.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web

from quota_core.access_keys import AccessKey, Scope
from quota_core.answers import Spend
from quota_core.consumes import Consume
from quota_core.meter import ALLOWED, Meter, outcome_of
from quota_core.quota import Quota
from quota_core.request_ids import REQUEST_ID, new_request_id
from webhooks.access import USER_HEADER, Access, token_of
from webhooks.budgets import Spent
from webhooks.draining import UnderWay
from webhooks.operations import Wanted, account_for, named_by, quickly_wanted
from webhooks.problems import problem_of
from webhooks.ready_answer import Answer, ReadyHead
from webhooks.spend_answers import spend_text

log = logging.getLogger(__name__)

METHOD, PATH = "POST", "/api/credits/consume"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consuming:
    """What answering needs; `clock` gives UTC milliseconds, `monotonic` seconds."""

    access: Access
    quota: Quota
    head: ReadyHead
    clock: Callable[[], int]
    meter: Meter
    under_way: UnderWay
    monotonic: Callable[[], float] = time.perf_counter


class ConsumeAgain:
    """Answers operations that come with the head of `request`."""

    def __init__(self, parts: Consuming, request: web.Request) -> None:
        self._parts = parts
        self._token = token_of(request)
        user = request.headers.get(USER_HEADER)
        self._headers = {} if user is None else {USER_HEADER: user}

    def begin(self, body: bytes, answer: Answer) -> bool:
        """Begin to take the units; see `Again`."""
        parts = self._parts
        if parts.under_way.ending or parts.access.by_plan.apply:
            return False
        since = parts.monotonic()
        key = parts.access.service_key(self._token, Scope.QUOTA_CONSUME)
        wanted = None if key is None else quickly_wanted(body)
        if key is None or wanted is None:
            return False
        try:
            operation = self._operation(key, wanted)
        except Exception:  # noqa: BLE001 - whatever it is, the usual way meets it too
            return False
        spent = parts.access.spend_at_once(key)
        if spent is None:
            return False
        parts.under_way.begin()
        parts.quota.begin(operation, _Waiting(parts, wanted, spent, since, answer))
        return True

    def _operation(self, key: AccessKey, wanted: Wanted) -> Consume:
        quota = self._parts.quota
        metric, service = named_by(wanted, quota.book.catalog)
        account = account_for(key, wanted, self._headers)
        return quota.operation(account, wanted.units, key=wanted.request_id, metric=metric, service=service)


class _Waiting:
    """One request that waits for its operation; it is told in the middle of a batch, so it never fails."""

    __slots__ = ("_answer", "_parts", "_request_id", "_since", "_spent", "_wanted")

    def __init__(self, parts: Consuming, wanted: Wanted, spent: Spent, since: float, answer: Answer) -> None:
        self._parts = parts
        self._wanted = wanted
        self._spent = spent
        self._since = since
        self._answer = answer
        self._request_id = new_request_id()

    def done(self) -> bool:
        """Whoever goes away leaves what was begun to be finished."""
        return False

    def set_result(self, spend: Spend, /) -> None:
        """Answer what was taken."""
        parts, content = self._parts, b""
        try:
            body = f"{{{spend_text(self._wanted.request_id, spend)}".encode()
            content = parts.head.ok(
                body, spent=self._spent, request_id=self._request_id, last=parts.under_way.ending
            )
        except Exception:
            log.exception("an answer could not be written")
        self._end(content, ALLOWED, HTTPStatus.OK)

    def set_exception(self, error: Exception, /) -> None:
        """Answer why nothing was taken."""
        parts, content, status = self._parts, b"", HTTPStatus.INTERNAL_SERVER_ERROR
        named = REQUEST_ID.set(self._request_id)
        try:
            problem = problem_of(error, now_ms=parts.clock())
            status = HTTPStatus(problem.status)
            content = parts.head.refusal(
                problem, spent=self._spent, request_id=self._request_id, last=parts.under_way.ending
            )
        except Exception:
            log.exception("a refusal could not be written")
        finally:
            REQUEST_ID.reset(named)
        self._end(content, outcome_of(error), status)

    def _end(self, content: bytes, outcome: str, status: int) -> None:
        parts = self._parts
        parts.under_way.end()
        parts.meter.checked("http", outcome)
        parts.meter.answered(PATH, METHOD, status, parts.monotonic() - self._since)
        self._answer(content, parts.under_way.ending or not content)
