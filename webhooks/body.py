"""
The one way to read a request's body: bounded in bytes, time, depth and digits, strict about what JSON is.

aiohttp bounds neither the time that a body may take nor what `json` lets through (NaN, 1e999, a key twice).
"""

from __future__ import annotations

import asyncio
import json
import math
from http import HTTPStatus
from typing import Any, TypeVar

import aiohttp
from aiohttp import hdrs, web
from pydantic import BaseModel, ValidationError

from webhooks.problems import Problem, ProblemError, refused

MAX_JSON_BYTES = 16 * 1024
TIMEOUT_SECONDS = 5.0
MAX_DEPTH = 16
MAX_DIGITS = 20  # as many as the longest id has; Python itself refuses only above 4300

_BROKEN = (aiohttp.ClientError, web.RequestPayloadError, ConnectionError)
M = TypeVar("M", bound=BaseModel)


async def read_json(request: web.Request, *, max_bytes: int, timeout_seconds: float) -> bytes:
    """
    Return the raw body of what says that it is JSON; one that has arrived whole is taken without a timer.

    Raises:
        ProblemError: as `read_bytes`; 415 for another type or charset.

    """
    headers, content = request.headers, request.content
    if headers.get(hdrs.CONTENT_TYPE) != "application/json":
        check_type(request)
    if content.is_eof() and hdrs.CONTENT_ENCODING not in headers:
        try:
            raw = content.read_nowait()
        except _BROKEN as error:
            raise _broken() from error
        if len(raw) > max_bytes:
            raise _too_large(max_bytes)
        return raw
    return await read_bytes(request, max_bytes=max_bytes, timeout_seconds=timeout_seconds)


async def read_bytes(request: web.Request, *, max_bytes: int, timeout_seconds: float) -> bytes:
    """
    Return the raw body.

    Raises:
        ProblemError: 400 cut off or badly framed, 408 too slow, 413 too large, 415 compressed.

    """
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "compressed-body", "The body must not be compressed")
    if (request.content_length or 0) > max_bytes:
        raise _too_large(max_bytes)
    chunks: list[bytes] = []
    size_bytes = 0
    try:
        async with asyncio.timeout(timeout_seconds):
            async for chunk in request.content.iter_any():
                size_bytes += len(chunk)
                if size_bytes > max_bytes:
                    raise _too_large(max_bytes)
                chunks.append(chunk)
    except TimeoutError as error:
        raise refused(
            HTTPStatus.REQUEST_TIMEOUT, "slow-body", f"The body took more than {timeout_seconds:g} seconds"
        ) from error
    except _BROKEN as error:
        raise _broken() from error
    return b"".join(chunks)


async def read_model(
    request: web.Request,
    model: type[M],
    *,
    max_bytes: int = MAX_JSON_BYTES,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> M:
    """
    Return the JSON body as `model`, which should be strict and closed.

    Raises:
        ProblemError: as `read_bytes`; 400 for what is not strict JSON, 415 for another type or charset, 422 with
            `errors` for what the model refuses.

    """
    check_type(request)
    raw = await read_bytes(request, max_bytes=max_bytes, timeout_seconds=timeout_seconds)
    content = parse(raw)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise invalid_body(error) from error


def invalid_body(error: ValidationError) -> ProblemError:
    """Return the 422 that says where a body differs from its model."""
    return misformed(findings(error))


def findings(error: ValidationError) -> list[dict[str, str]]:
    """Return where and how something differs from its model."""
    return [
        # The value itself is left out: it may be long, or a secret in the wrong place.
        {"at": ".".join(str(part) for part in fact["loc"])[:200], "problem": fact["msg"]}
        for fact in error.errors(include_url=False, include_input=False, include_context=False)[:20]
    ]


def misformed(problems: list[dict[str, str]]) -> ProblemError:
    """Return the 422 with these findings, each with `at` and `problem`."""
    return ProblemError(
        Problem(
            status=HTTPStatus.UNPROCESSABLE_ENTITY,
            slug="invalid-body",
            title="The body does not have the documented form",
            facts={"errors": problems},
        )
    )


def parse(raw: bytes) -> Any:
    """
    Return what strict JSON says (RFC 8259, and I-JSON's unique names).

    Raises:
        ProblemError: 400.

    """
    try:
        # "utf-8" and not "utf-8-sig": a byte-order mark is no JSON, and `json` refuses it.
        content = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_short,
        )
    except (ValueError, RecursionError) as error:
        raise refused(
            HTTPStatus.BAD_REQUEST, "invalid-json", "The body is not strict JSON in UTF-8"
        ) from error
    if _depth(content) > MAX_DEPTH:
        raise refused(
            HTTPStatus.BAD_REQUEST, "invalid-json", f"The body is nested more than {MAX_DEPTH} levels deep"
        )
    return content


def check_type(request: web.Request) -> None:
    """Raise ProblemError (415) unless the body says that it is JSON in UTF-8."""
    try:
        charset = request.charset
    except (LookupError, ValueError):
        charset = "unknown"
    if request.content_type != "application/json" or (charset or "utf-8").lower() not in ("utf-8", "utf8"):
        raise refused(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "The body must be application/json in UTF-8",
            Accept="application/json",
        )


def _broken() -> ProblemError:
    return refused(HTTPStatus.BAD_REQUEST, "broken-body", "The body did not arrive whole")


def _too_large(max_bytes: int) -> ProblemError:
    return refused(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body-too-large", f"The body may have {max_bytes} bytes at most"
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice in one object")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number too large")
    return value


def _short(text: str) -> int:
    if len(text.removeprefix("-")) > MAX_DIGITS:
        raise ValueError("a number with too many digits")
    return int(text)


def _depth(content: Any) -> int:
    """Return how deep lists and objects are nested, without recursion."""
    depth, level = 0, [content]
    while level := [one for one in level if isinstance(one, dict | list)]:
        depth += 1
        level = [child for one in level for child in (one.values() if isinstance(one, dict) else one)]
    return depth
