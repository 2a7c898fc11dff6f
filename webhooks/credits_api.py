"""
`POST /api/credits/consume` and `/api/credits/batch`: take units, once for each `request_id`.

Other services call these for every request of their own, so they pay for nothing that they do not need: see
`ready_answer`, `quick_json` and `remembered_keys`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from quota_core.access_keys import AccessKey, Scope
from quota_core.answers import Spend
from quota_core.consumes import Consume
from quota_core.errors import QuotaError
from quota_core.meter import Meter, checked, checked_many
from quota_core.quota import Quota
from webhooks import consume_again
from webhooks.access import SPENT, Access
from webhooks.body import MAX_JSON_BYTES, misformed, read_json
from webhooks.budgets import Spent
from webhooks.consume_again import ConsumeAgain, Consuming
from webhooks.operations import (
    MAX_OPERATIONS,
    OperationRequest,
    Wanted,
    account_for,
    named_by,
    wanted_from,
    wanted_in,
)
from webhooks.plain_batch import answer_plainly, plain_batch
from webhooks.problems import ProblemError
from webhooks.quick_json import parse_quickly
from webhooks.ready_answer import ReadyAnswer, ReadyHead
from webhooks.route_table import Route
from webhooks.spend_answers import BatchFacts, BatchRequest, SpendFacts, facts_of, refusal_facts

BATCH_PATH = "/api/credits/batch"
MAX_BATCH_BYTES = 512 * 1024
CONSUME_TIMEOUT_SECONDS = 5.0
BATCH_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Credits:
    """What the handlers need; `clock` gives UTC milliseconds, `meter` is told what came of each request."""

    access: Access
    quota: Quota
    head: ReadyHead
    clock: Callable[[], int]
    meter: Meter
    again: Consuming


CREDITS = web.AppKey("CREDITS", Credits)


async def consume(request: web.Request) -> web.StreamResponse:
    """Take the units of one operation, durably, and answer what is left; a refusal is a problem document."""
    api = request.app[CREDITS]
    key, spent = await api.access.authorize_operation(request, Scope.QUOTA_CONSUME)
    raw = await read_json(request, max_bytes=MAX_JSON_BYTES, timeout_seconds=CONSUME_TIMEOUT_SECONDS)
    wanted = wanted_from(raw)
    metric, service = named_by(wanted, api.quota.book.catalog)
    account = account_for(key, wanted, request.headers)
    if api.access.by_plan.apply:
        spent = request[SPENT] = await api.access.by_plan.spend(account, spent)
    asked = api.quota.consume(account, wanted.units, key=wanted.request_id, metric=metric, service=service)
    spend = await checked(api.meter, "http", asked)
    again = ConsumeAgain(api.again, request)
    return ReadyAnswer(
        orjson.dumps(facts_of(wanted.request_id, spend)), head=api.head, spent=spent, again=again
    )


async def consume_batch(request: web.Request) -> web.StreamResponse:
    """Decide up to 1000 operations in their order, and answer one outcome for each; refused ones stop no other."""
    api = request.app[CREDITS]
    key, spent = await api.access.authorize_operation(request, Scope.QUOTA_CONSUME)
    raw = await read_json(request, max_bytes=MAX_BATCH_BYTES, timeout_seconds=BATCH_TIMEOUT_SECONDS)
    plain = None if key.account is not None or api.access.by_plan.apply else plain_batch(raw)
    answer = None
    if plain is not None:
        answer = await answer_plainly(plain, api.quota, meter=api.meter, clock=api.clock)
    if answer is None:
        rows = _rows_in(parse_quickly(raw))
        answer = _encoded({"results": await _Batch(api, key, request.headers, spent).outcomes(rows)})
    return ReadyAnswer(answer, head=api.head, spent=spent)


ROUTES = (
    Route(
        name="consume",
        method=consume_again.METHOD,
        path=consume_again.PATH,
        family="Credits",
        summary="Take units, durably, once for each request_id",
        scope=Scope.QUOTA_CONSUME,
        body=OperationRequest,
        answer=SpendFacts,
        refusals=frozenset({400, 403, 404, 409, 422, 429, 503}),
        raw=consume,
    ),
    Route(
        name="consume_batch",
        method="POST",
        path=BATCH_PATH,
        family="Credits",
        summary="Decide up to 1000 operations in their order, with one outcome for each",
        scope=Scope.QUOTA_CONSUME,
        body=BatchRequest,
        answer=BatchFacts,
        refusals=frozenset({503}),
        raw=consume_batch,
    ),
)


class _Batch:
    """The operations of one request, and what became of each."""

    def __init__(self, api: Credits, key: AccessKey, headers: Mapping[str, str], spent: Spent) -> None:
        self._api = api
        self._spent = spent
        self._key = key
        self._headers = headers

    async def outcomes(self, rows: list[Any]) -> list[Mapping[str, Any]]:
        """Return an outcome for each row, in order."""
        found: list[Mapping[str, Any] | None] = []
        wanted: list[Wanted] = []
        operations = []
        for row in rows:
            try:
                one = wanted_in(row)
            except ProblemError as error:
                found.append(self._refusal(error, None))
                continue
            try:
                operation = await self._operation(one)
            except (ProblemError, QuotaError) as error:
                found.append(self._refusal(error, one))
                continue
            found.append(None)
            wanted.append(one)
            operations.append(operation)
        answers = await self._api.quota.consume_many(operations)
        checked_many(self._api.meter, "batch", answers)
        decided = iter(zip(wanted, answers, strict=True))
        return [self._outcome(*next(decided)) if known is None else known for known in found]

    async def _operation(self, wanted: Wanted) -> Consume:
        metric, service = named_by(wanted, self._api.quota.book.catalog)
        account = account_for(self._key, wanted, self._headers)
        if self._api.access.by_plan.apply:
            await self._api.access.by_plan.spend(account, self._spent)
        return self._api.quota.operation(
            account, wanted.units, key=wanted.request_id, metric=metric, service=service
        )

    def _outcome(self, wanted: Wanted, outcome: Spend | QuotaError) -> Mapping[str, Any]:
        if isinstance(outcome, Exception):
            return self._refusal(outcome, wanted)
        return {"status": 200, **facts_of(wanted.request_id, outcome)}

    def _refusal(self, error: Exception, wanted: Wanted | None) -> Mapping[str, Any]:
        request_id = None if wanted is None else wanted.request_id
        return refusal_facts(error, request_id, now_ms=self._api.clock())


def _rows_in(content: Any) -> list[Any]:
    """
    Return the operations of a batch, whatever they are.

    Raises:
        ProblemError: 422, it is no batch at all.

    """
    if not isinstance(content, dict):
        raise misformed([{"at": "", "problem": "Input should be an object"}])
    strangers = [
        {"at": name[:200], "problem": "Extra inputs are not permitted"}
        for name in content
        if name != "operations"
    ]
    if strangers:
        raise misformed(strangers[:20])
    rows = content.get("operations")
    if not isinstance(rows, list) or len(rows) > MAX_OPERATIONS:
        raise misformed(
            [{"at": "operations", "problem": f"A list of at most {MAX_OPERATIONS} operations is required"}]
        )
    return rows


def _encoded(answer: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(answer)
    except orjson.JSONEncodeError:
        # A field's name can hold half a character, which its refusal repeats and only an escape can spell.
        return json.dumps(answer).encode("ascii")
