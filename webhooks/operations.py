"""
What a caller wants to be taken: one object of a body, turned into an operation of the core.

The plain form is checked by hand, since it comes thousands of times a second. What is not plain goes through the
model, whose findings are the answer; both accept the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from quota_core.access_keys import AccessKey, Scope
from quota_core.accounts import AccountRef
from quota_core.catalog import Catalog
from webhooks.access import USER_HEADER, account_of, required_account
from webhooks.body import invalid_body, parse

MAX_LENGTH = 200
MAX_OPERATIONS = 1000
_FIELDS = frozenset({"user_id", "module", "metric", "units", "action", "request_id"})

Name = Annotated[str, Field(min_length=1, max_length=MAX_LENGTH)]


class Wanted(NamedTuple):
    """
    What a caller spelled; `user` None is the account of the key.

    `module` names a service or a metric, `metric` a metric; without both it is the primary metric.
    """

    user: str | None
    module: str | None
    metric: str | None
    units: int
    request_id: str


class OperationRequest(BaseModel):
    """The body of `POST /api/credits/consume`, and each operation of a batch."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    request_id: Name
    user_id: Annotated[int, Field(ge=1)] | Name = ""
    module: Name = ""
    metric: Name = ""
    units: int = 1
    action: Annotated[str, Field(max_length=MAX_LENGTH)] = ""

    @model_validator(mode="after")
    def _one_name(self) -> Self:
        if self.module and self.metric:
            raise ValueError("module and metric say the same: send one of them")
        return self


def wanted_from(raw: bytes) -> Wanted:
    """
    Return the operation that a body is.

    Raises:
        ProblemError: 400 for what is not strict JSON, 422 with `errors` for another form.

    """
    return quickly_wanted(raw) or wanted_in(parse(raw))


def wanted_in(content: Any) -> Wanted:
    """
    Return the operation that a JSON value is.

    Raises:
        ProblemError: 422 with `errors`.

    """
    return _plain(content) or _modelled(content)


def quickly_wanted(raw: bytes) -> Wanted | None:
    """Return the operation that a body in the plain form is; None for what needs a closer look."""
    # As in `quick_json`, with the strings that a plain operation has: all its names, and all values but numbers.
    if b"\\" in raw:
        return None
    try:
        content = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    wanted = _plain(content)
    if wanted is None:
        return None
    numbers = ("units" in content) + (type(content.get("user_id")) is int)
    return wanted if raw.count(b'"') == 4 * len(content) - 2 * numbers else None


def _plain(content: Any) -> Wanted | None:
    """Return the operation in an object of the documented form, None for what needs a closer look."""
    if type(content) is not dict or not content.keys() <= _FIELDS:
        return None
    request_id, user = content.get("request_id"), content.get("user_id", "0")
    module, metric, units = content.get("module", "0"), content.get("metric", "0"), content.get("units", 1)
    if type(user) is int and user >= 1:
        user = str(user)
    for text in (request_id, user, module, metric):
        # Only text beyond ASCII can hold half a character, which no answer could repeat.
        if type(text) is not str or not 1 <= len(text) <= MAX_LENGTH or not text.isascii():
            return None
    action = content.get("action", "")
    if type(action) is not str or len(action) > MAX_LENGTH or not action.isascii() or type(units) is not int:
        return None
    if "metric" not in content:
        metric = None
    elif "module" in content:
        return None
    # The type of the id was looked at above, in a loop that mypy cannot follow.
    assert isinstance(request_id, str)
    named = module if "module" in content else None
    return Wanted(user if "user_id" in content else None, named, metric, units, request_id)


def _modelled(content: Any) -> Wanted:
    try:
        found = OperationRequest.model_validate(content)
    except ValidationError as error:
        raise invalid_body(error) from error
    return Wanted(
        str(found.user_id) if found.user_id else None,
        found.module or None,
        found.metric or None,
        found.units,
        found.request_id,
    )


def account_for(key: AccessKey, wanted: Wanted, headers: Mapping[str, str]) -> AccountRef:
    """
    Return the account that pays.

    Raises:
        ProblemError: 400 for what is no account, 404 for another account than the key's own, 422 for a service's
            key that names none.

    """
    if wanted.user is not None:
        return account_of(key, Scope.QUOTA_CONSUME, wanted.user)
    if key.account is None:
        return required_account(key, Scope.QUOTA_CONSUME, headers.get(USER_HEADER))
    return key.account


def named_by(wanted: Wanted, catalog: Catalog) -> tuple[str | None, str | None]:
    """Return metric and service that a caller means: `module` is a service, or else a metric."""
    if wanted.module is None:
        return wanted.metric, None
    return (None, wanted.module) if wanted.module in catalog.services else (wanted.module, None)
