"""
A batch whose operations are all alike, read and answered by the column: one step for all of them is cheaper.

Alike means: the same fields in the same order, one metric, users by their bare ids, whole positive units. Services
write their batches so, by one loop. Every other batch is read by the row, which also finds the words to refuse it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import orjson

from quota_core.accounts import users_of
from quota_core.answers import Spend
from quota_core.catalog import MAX_UNITS
from quota_core.errors import QuotaError
from quota_core.meter import Meter, checked_many
from quota_core.quota import Quota
from webhooks.operations import MAX_LENGTH, MAX_OPERATIONS
from webhooks.spend_answers import refusal_facts, spend_text

_NEEDED = frozenset({"request_id", "user_id"})
_EITHER = frozenset({"module", "metric"})
_FIELDS = _NEEDED | _EITHER | {"units", "action"}
_NONE = (None,)


class PlainBatch(NamedTuple):
    """Operations in their order; all name the same `metric`, None for the primary one, or the same `module`."""

    users: Sequence[str]
    request_ids: Sequence[str]
    units: Sequence[int]
    module: str | None
    metric: str | None


def plain_batch(raw: bytes) -> PlainBatch | None:
    r"""
    Return the operations that a body is, None where they must be read by the row.

    As in `quick_json`: without a backslash two quotation marks stand for one string, so that a text with exactly as
    many as its names and strings need has no name twice.
    """
    rows = _rows_in(raw)
    if rows is None:
        return None
    names = rows[0].keys()
    if len(set(map(tuple, rows))) != 1 or not _NEEDED <= names <= _FIELDS or names >= _EITHER:
        return None
    columns = dict(zip(names, zip(*map(dict.values, rows), strict=True), strict=True))
    units = columns.pop("units", None) or (1,) * len(rows)
    numbers = len(names) - len(columns)
    if set(map(type, columns["user_id"])) == {int} and min(columns["user_id"]) >= 1:
        columns["user_id"] = tuple(map(str, columns["user_id"]))
        numbers += 1
    strings = 1 + len(rows) * (2 * len(names) - numbers)
    if not _are_units(units) or not all(map(_are_texts, columns.items())) or raw.count(b'"') != 2 * strings:
        return None
    named = [set(columns.get(name, _NONE)) for name in ("module", "metric")]
    if any(len(one) > 1 for one in named):
        return None
    return PlainBatch(columns["user_id"], columns["request_id"], units, *(one.pop() for one in named))


def _rows_in(raw: bytes) -> list[dict[str, Any]] | None:
    if b"\\" in raw or not raw.isascii():
        return None
    try:
        content = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    rows = content.get("operations") if type(content) is dict and len(content) == 1 else None
    alike = type(rows) is list and 0 < len(rows) <= MAX_OPERATIONS and set(map(type, rows)) == {dict}
    return rows if alike else None


def _are_units(values: Sequence[Any]) -> bool:
    return set(map(type, values)) == {int} and 1 <= min(values) <= max(values) <= MAX_UNITS


def _are_texts(column: tuple[str, Sequence[Any]]) -> bool:
    name, values = column
    if set(map(type, values)) != {str}:
        return False
    return max(map(len, values)) <= MAX_LENGTH and (name == "action" or all(values))


async def answer_plainly(
    batch: PlainBatch, quota: Quota, *, meter: Meter, clock: Callable[[], int]
) -> bytes | None:
    """
    Take the units of a batch that is let in, and return its answer; None, with nothing done, asks for rows.

    Raises:
        UnavailableError: as `Quota.consume_many`.

    """
    accounts = None if batch.module in quota.book.catalog.services else users_of(batch.users)
    if accounts is None:
        return None
    operations = quota.operations(accounts, batch.units, batch.request_ids, batch.module or batch.metric)
    if operations is None:
        return None
    outcomes = await quota.consume_many(operations)
    checked_many(meter, "batch", outcomes)
    results = [
        f'{{"status":200,{spend_text(request_id, outcome)}'
        if type(outcome) is Spend
        else _refusal(outcome, request_id, clock())
        for request_id, outcome in zip(batch.request_ids, outcomes, strict=True)
    ]
    return f'{{"results":[{",".join(results)}]}}'.encode()


def _refusal(error: Spend | QuotaError, request_id: str, now_ms: int) -> str:
    assert isinstance(error, QuotaError)
    return orjson.dumps(refusal_facts(error, request_id, now_ms=now_ms)).decode()
