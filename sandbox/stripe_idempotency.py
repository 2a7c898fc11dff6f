"""
Answers kept under the caller's idempotency keys.

A key is kept for a day; its first answer is given again, a 500 included; other parameters, or a second
request while the first is still running, are refused. https://docs.stripe.com/api/idempotent_requests
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any

from sandbox.stripe_errors import StripeRefusal
from sandbox.stripe_state import StripeState

MAX_KEY_LENGTH = 255
KEPT_SECONDS = 24 * 60 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was answered: the exact text, and whether a key keeps it."""

    status: int
    body: str
    request_id: str = ""
    stored: bool = False


class IdempotencyKeys:
    """
    The keys of one account.

    Args:
        state: where they are noted.
        clock: the time in seconds since 1970.

    """

    def __init__(self, state: StripeState, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept = state.shelf("idempotency")
        # What was under way when the sandbox stopped was not done, and holds its key no longer.
        for name in [name for name, kept in self._kept.items() if self._is_over(kept) or not kept["answer"]]:
            del self._kept[name]

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
        kept = self._kept.get(_name(key, live=live))
        if kept is None or (kept["answer"] and self._is_over(kept)):
            began = {"path": path, "params": params, "began_seconds": self._clock(), "answer": None}
            self._kept[_name(key, live=live)] = began
            return None
        used = kept["path"]
        if used != path:
            raise StripeRefusal(
                f"Keys for idempotent requests can only be used for the same endpoint they were first used for "
                f"('{path}' vs '{used}'). Try using a key other than '{key}' if you meant to execute a "
                "different request.",
                kind="idempotency_error",
            )
        if kept["params"] != params:
            raise StripeRefusal(
                "Keys for idempotent requests can only be used with the same parameters they were first used "
                f"with. Try using a key other than '{key}' if you meant to execute a different request.",
                kind="idempotency_error",
            )
        if not kept["answer"]:
            raise StripeRefusal(
                "There is currently another in-progress request using this Idempotent Key (that probably means "
                f"you submitted twice, and the other request is still going through): {key}",
                status=HTTPStatus.CONFLICT,
                kind="idempotency_error",
                code="idempotency_key_in_use",
            )
        return Answer(**kept["answer"])

    def end(self, key: str, *, live: bool, answer: Answer | None) -> None:
        """Keep `answer` under the key, or free the key when there is none worth keeping."""
        if answer is None:
            del self._kept[_name(key, live=live)]
        else:
            self._kept[_name(key, live=live)]["answer"] = asdict(answer)

    def _is_over(self, kept: Mapping[str, Any]) -> bool:
        return bool(self._clock() - kept["began_seconds"] >= KEPT_SECONDS)


def _name(key: str, *, live: bool) -> str:
    return f"{'live' if live else 'test'}:{key}"
