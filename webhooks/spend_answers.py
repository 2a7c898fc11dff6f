"""What consuming answers: its form, for the description, and the answers, which are written without a model."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from pydantic import BaseModel, ConfigDict, Field

from quota_core.answers import Crossing, Spend
from webhooks.operations import MAX_OPERATIONS, OperationRequest
from webhooks.problems import moment_or_none, problem_of
from webhooks.route_table import Facts, Request


class Spent(Facts):
    """Which pots paid; together they are the units."""

    allowance: int
    purchased: int
    overage: int


class Left(Facts):
    """What is left afterwards; null is unlimited."""

    allowance: int | None
    purchased: int


class CrossedThreshold(Facts):
    """A threshold that this spend reached, for the first time in its period."""

    period: str
    percent: int
    used: int
    limit: int
    resets_at: str | None


class SpendFacts(Facts):
    """What was taken; a replay has the numbers of the first answer."""

    request_id: str
    metric: str
    units: int
    spent: Spent
    left: Left
    entry_ids: list[int]
    replayed: bool
    crossed: list[CrossedThreshold]


class BatchRequest(Request):
    """The body of a batch."""

    operations: Annotated[list[OperationRequest], Field(max_length=MAX_OPERATIONS)]


class Outcome(BaseModel):
    """What became of one operation: what `consume` answers, or a problem document, with its status."""

    model_config = ConfigDict(extra="allow")

    status: int


class BatchFacts(Facts):
    """One outcome for each operation, in order."""

    results: list[Outcome]


def facts_of(request_id: str, spend: Spend) -> dict[str, Any]:
    """Return the documented answer about one spend; null is unlimited."""
    return {
        "request_id": request_id,
        "metric": spend.metric,
        "units": spend.units,
        "spent": {
            "allowance": spend.from_allowance,
            "purchased": spend.from_purchased,
            "overage": spend.from_overage,
        },
        "left": {"allowance": spend.allowance_left, "purchased": spend.purchased_left},
        "entry_ids": spend.entry_ids,
        "replayed": spend.replayed,
        "crossed": [crossed_facts(one) for one in spend.crossings] if spend.crossings else [],
    }


def spend_text(request_id: str, spend: Spend) -> str:
    """
    Return the same as JSON, for a `request_id` that JSON spells as it is, and without the opening brace.

    Most answers differ in their numbers alone, which go into their text at a third of the cost.
    """
    metric, units, allowance, purchased, overage, left, purchased_left, entry_ids, replayed, crossings = spend
    if crossings or left is None or len(entry_ids) != 1:
        return orjson.dumps(facts_of(request_id, spend))[1:].decode()
    return (
        f'"request_id":"{request_id}","metric":"{metric}","units":{units},'
        f'"spent":{{"allowance":{allowance},"purchased":{purchased},"overage":{overage}}},'
        f'"left":{{"allowance":{left},"purchased":{purchased_left}}},'
        f'"entry_ids":[{entry_ids[0]}],"replayed":{"true" if replayed else "false"},"crossed":[]}}'
    )


def refusal_facts(error: Exception, request_id: str | None, *, now_ms: int) -> dict[str, Any]:
    """Return the problem document of one operation of several, with what is a header elsewhere."""
    problem = problem_of(error, now_ms=now_ms)
    document = problem.document()
    if request_id is not None:
        document["request_id"] = request_id
    if "Retry-After" in problem.headers:
        document["retry_after"] = int(problem.headers["Retry-After"])
    return document


def crossed_facts(crossing: Crossing) -> dict[str, Any]:
    """Return a crossed threshold as it is answered."""
    return {
        "period": crossing.kind,
        "percent": crossing.percent,
        "used": crossing.used,
        "limit": crossing.limit,
        "resets_at": moment_or_none(crossing.resets_ms),
    }
