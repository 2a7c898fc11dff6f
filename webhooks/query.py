"""The one way to read what stands behind the question mark: each name once, none unknown, numbers as digits."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, TypeVar

from aiohttp import web
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from webhooks.body import findings
from webhooks.problems import Problem, ProblemError

MAX_DIGITS = 15
MAX_PAGE_ROWS = 200
Q = TypeVar("Q", bound=BaseModel)


def _digits(value: object) -> object:
    """Let digits stand for a number, and nothing that only looks like one (`1.0`, ` 1`, `1_000`)."""
    if isinstance(value, str):
        if not (value.isascii() and value.isdigit() and len(value) <= MAX_DIGITS):
            raise ValueError("digits are wanted")
        return int(value)
    return value


Digits = Annotated[int, BeforeValidator(_digits)]


class Query(BaseModel):
    """The parameters of a route; closed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Paged(Query):
    """Parameters of a list that comes in pages: `cursor` is the `next_cursor` of the page before."""

    limit: Annotated[Digits, Field(ge=1, le=MAX_PAGE_ROWS)] = 50
    cursor: Annotated[str, Field(max_length=400)] = ""


def read_query(request: web.Request, model: type[Q]) -> Q:
    """
    Return the query as `model`.

    Raises:
        ProblemError: 422 with `errors` for an unknown name, one that is there twice, or a value that does not fit.

    """
    names = [name for name, _ in request.query.items()]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise misformed_query(
            [{"at": name[:200], "problem": "This may be there once"} for name in twice[:20]]
        )
    # No database keeps every control character, so nothing can have such a name.
    odd = sorted({name for name, value in request.query.items() if not value.isprintable()})
    if odd:
        raise misformed_query(
            [{"at": name[:200], "problem": "Control characters are not allowed"} for name in odd[:20]]
        )
    try:
        return model.model_validate(dict(request.query))
    except ValidationError as error:
        raise misformed_query(findings(error)) from error


def misformed_query(problems: list[dict[str, str]]) -> ProblemError:
    """Return the 422 with these findings, each with `at` and `problem`."""
    return ProblemError(
        Problem(
            status=HTTPStatus.UNPROCESSABLE_ENTITY,
            slug="invalid-query",
            title="The parameters do not have the documented form",
            facts={"errors": problems},
        )
    )
