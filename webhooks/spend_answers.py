"""The form of what consuming answers, for the description; the answers themselves are written without a model."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from webhooks.operations import MAX_OPERATIONS, OperationRequest
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
