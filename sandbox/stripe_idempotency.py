"""
Answers kept under the caller's idempotency keys.

A key is kept for a day; its first answer is given again, a 500 included; other parameters, or a second
request while the first is still running, are refused. https://docs.stripe.com/api/idempotent_requests
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from sandbox.stripe_errors import StripeRefusal

MAX_KEY_LENGTH = 255
KEPT_SECONDS = 24 * 60 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was answered: the exact bytes, and whether a key keeps them."""

    status: int
    body: bytes
    request_id: str = ""
    stored: bool = False


@dataclass(slots=True, kw_only=True)
class _Kept:
    path: str
    params: Mapping[str, Any]
    began_seconds: float
    answer: Answer | None = None


class IdempotencyKeys:
    """The keys of one account; `clock` gives seconds since 1970."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept: dict[tuple[bool, str], _Kept] = {}

    def begin(self, key: str, *, live: bool, path: str, params: Mapping[str, Any]) -> Answer | None:
        """
        Take `key` for a request that begins, or return the answer kept under it.

        Raises:
            StripeRefusal: 409 while another request holds the key; 400 when the key came with another path or
                other parameters, or is too long.

        """
        if not 1 <= len(key) <= MAX_KEY_LENGTH:
            raise StripeRefusal(
                f"Idempotency keys must be 1 to {MAX_KEY_LENGTH} characters long, yours has {len(key)}.",
                kind="idempotency_error",
            )
        kept = self._kept.get((live, key))
        if kept is None or (kept.answer is not None and self._clock() - kept.began_seconds >= KEPT_SECONDS):
            self._kept[live, key] = _Kept(path=path, params=params, began_seconds=self._clock())
            return None
        if kept.path != path:
            raise StripeRefusal(
                f"Keys for idempotent requests can only be used for the same endpoint they were first used for "
                f"('{path}' vs '{kept.path}'). Try using a key other than '{key}' if you meant to execute a "
                "different request.",
                kind="idempotency_error",
            )
        if kept.params != params:
            raise StripeRefusal(
                "Keys for idempotent requests can only be used with the same parameters they were first used "
                f"with. Try using a key other than '{key}' if you meant to execute a different request.",
                kind="idempotency_error",
            )
        if kept.answer is None:
            raise StripeRefusal(
                "There is currently another in-progress request using this Idempotent Key (that probably means "
                f"you submitted twice, and the other request is still going through): {key}",
                status=HTTPStatus.CONFLICT,
                kind="idempotency_error",
                code="idempotency_key_in_use",
            )
        return kept.answer

    def end(self, key: str, *, live: bool, answer: Answer | None) -> None:
        """Keep `answer` under the key, or free the key when there is none worth keeping."""
        if answer is None:
            del self._kept[live, key]
        else:
            self._kept[live, key].answer = answer
