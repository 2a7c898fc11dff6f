"""
A client for Jauge's HTTP API, in one file: copy it, or install its folder. It needs Python 3.11 and aiohttp.

    async with Client("http://127.0.0.1:8080", "jauge_…") as client:
        spend = await client.consume("user:1", 3, metric="requests")

Every operation carries a key that is made once, so a lost answer is asked for again and never charged twice.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Self

import aiohttp

MAX_PAUSE_SECONDS = 5.0
_OUT_OF_QUOTA = "urn:jauge:problem:out-of-quota"


class JaugeError(Exception):
    """What went wrong; `problem` is the problem document (RFC 9457), empty when no answer came."""

    def __init__(self, message: str, problem: Mapping[str, Any] | None = None) -> None:
        self.problem = dict(problem or {})
        super().__init__(message)


class RefusedError(JaugeError):
    """The operation is refused and nothing was taken; `status` is HTTP's, `kind` the problem's stable name."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.kind = str(problem.get("type", "")).rpartition(":")[2]
        super().__init__(f"{problem.get('title', 'refused')} ({status} {self.kind})", problem)


class OutOfQuotaError(RefusedError):
    """Too few units; `retry_after_seconds` says when waiting helps, None when it does not."""

    def __init__(self, problem: Mapping[str, Any], retry_after_seconds: float | None) -> None:
        self.units_left = int(problem.get("units_left", 0))
        self.retry_after_seconds = retry_after_seconds
        super().__init__(HTTPStatus.TOO_MANY_REQUESTS, problem)


class UnreachableError(JaugeError):
    """No usable answer after every try; the operation may have been done, so repeat it with its own key."""


def new_id() -> str:
    """Return a UUIDv7 (RFC 9562): it grows with time, which the ledger's index likes."""
    number = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    number = number & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62
    text = f"{number:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """`units` of a metric or of a service (`module`), or of the catalog's primary metric, once for `request_id`."""

    account: str
    units: int = 1
    metric: str | None = None
    module: str | None = None
    action: str = ""
    request_id: str = field(default_factory=new_id)

    def body(self, **more: Any) -> dict[str, Any]:
        """Return the JSON object that says this."""
        facts: dict[str, Any] = {"user_id": self.account, "units": self.units, "request_id": self.request_id}
        for name in ("metric", "module", "action"):
            if getattr(self, name):
                facts[name] = getattr(self, name)
        return facts | more


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """What was taken; `allowance_left` None is unlimited; `offline`: let through unasked (see `jauge_offline`)."""

    request_id: str
    units: int
    allowance_left: int | None
    purchased_left: int
    replayed: bool
    offline: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What `check` says: advice, and no promise. `reason` is empty when the operation could proceed."""

    can_proceed: bool
    reason: str
    facts: Mapping[str, Any]


@dataclass(slots=True)
class Hold:
    """Units set aside; `actual` is what is settled at the end, all of them unless it is set."""

    request_id: str
    units: int
    actual: int | None = None


class Client:
    """
    Ask and take, with retries.

    Args:
        url: where Jauge answers, such as http://127.0.0.1:8080.
        key: an API key with the scopes of what is asked.
        attempts: how often one call is tried, at least 1.
        timeout_seconds: for one try.
        session: yours, and then yours to close.

    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        attempts: int = 3,
        timeout_seconds: float = 5.0,
        session: aiohttp.ClientSession | None = None,
    ) -> None:
        if attempts < 1:
            raise ValueError(f"attempts must be at least 1, got {attempts}")
        self._url = url.rstrip("/")
        self._attempts = attempts
        timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._options: dict[str, Any] = {"headers": {"Authorization": f"Bearer {key}"}, "timeout": timeout}
        self._session = session
        self._owns_session = session is None

    async def __aenter__(self) -> Self:
        """Return the client."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self.close()

    async def close(self) -> None:
        """Close the connections, unless the session is the caller's."""
        if self._session is not None and self._owns_session:
            await self._session.close()
            self._session = None

    async def check(
        self, account: str, units: int = 1, *, metric: str | None = None, module: str | None = None
    ) -> Advice:
        """Ask whether an operation could proceed; only `consume` or a hold guarantees it."""
        asked = Operation(account=account, units=units, metric=metric, module=module).body()
        del asked["request_id"]
        facts = await self.call("POST", "/api/credits/check", asked)
        return Advice(can_proceed=bool(facts["can_proceed"]), reason=facts.get("reason") or "", facts=facts)

    async def consume(
        self,
        account: str,
        units: int = 1,
        *,
        metric: str | None = None,
        module: str | None = None,
        action: str = "",
        request_id: str | None = None,
    ) -> Spend:
        """
        Take units, once for `request_id` (made here unless given).

        Raises:
            OutOfQuotaError, RefusedError: nothing was taken.
            UnreachableError: no answer; repeat it with the same `request_id`.

        """
        wanted = Operation(
            account=account,
            units=units,
            metric=metric,
            module=module,
            action=action,
            request_id=request_id or new_id(),
        )
        return await self.take(wanted)

    async def take(self, wanted: Operation) -> Spend:
        """Take what an operation says; raises as `consume`."""
        return _spend_in(await self.call("POST", "/api/credits/consume", wanted.body()))

    async def consume_many(self, operations: Sequence[Operation]) -> list[Spend | RefusedError]:
        """Take up to 1000 operations at once, in their order; refused ones are returned, and stop no other."""
        wanted = {"operations": [one.body() for one in operations]}
        facts = await self.call("POST", "/api/credits/batch", wanted)
        return [
            _spend_in(one) if one["status"] == HTTPStatus.OK else _refusal(one["status"], one, None)
            for one in facts["results"]
        ]

    async def hold(self, wanted: Operation, *, ttl_seconds: int = 300) -> Hold:
        """Set units aside for work whose cost is known afterwards; the hold ends by itself after `ttl_seconds`."""
        await self.call("POST", "/api/credits/hold", wanted.body(ttl_seconds=ttl_seconds))
        return Hold(wanted.request_id, wanted.units)

    async def settle(self, account: str, request_id: str, units: int) -> None:
        """Take `units` of a hold, at most what it holds, and give the rest back."""
        wanted = {"user_id": account, "request_id": request_id, "units": units}
        await self.call("POST", "/api/credits/settle", wanted)

    async def release(self, account: str, request_id: str) -> None:
        """Give a whole hold back."""
        await self.call("POST", "/api/credits/release", {"user_id": account, "request_id": request_id})

    @asynccontextmanager
    async def spend(
        self,
        account: str,
        units: int = 1,
        *,
        metric: str | None = None,
        module: str | None = None,
        request_id: str | None = None,
        ttl_seconds: int = 300,
    ) -> AsyncIterator[Hold]:
        """
        Hold units around a piece of work: settled at its end with `hold.actual`, released if it fails.

        async with client.spend("user:1", 10, metric="renders_3d") as hold:
            hold.actual = await render()
        """
        wanted = Operation(
            account=account, units=units, metric=metric, module=module, request_id=request_id or new_id()
        )
        hold = await self.hold(wanted, ttl_seconds=ttl_seconds)
        try:
            yield hold
        except BaseException:
            # Shielded: who cancels the work must not cancel what is owed back.
            await asyncio.shield(self.release(account, hold.request_id))
            raise
        await asyncio.shield(
            self.settle(account, hold.request_id, units if hold.actual is None else hold.actual)
        )

    async def call(self, method: str, path: str, body: Any = None, query: Any = None) -> dict[str, Any]:
        """Ask any path of the API; raises as `consume`."""
        if self._session is None:
            self._session = aiohttp.ClientSession()
        trouble: JaugeError | None = None
        for attempt in range(self._attempts):
            if attempt:
                await asyncio.sleep(min(MAX_PAUSE_SECONDS, 0.1 * 2**attempt) * random.uniform(0.5, 1))  # noqa: S311 - no secret
            try:
                async with self._session.request(
                    method, self._url + path, json=body, params=query, **self._options
                ) as answer:
                    facts = await answer.json(content_type=None)
                    status, after = answer.status, answer.headers.get("Retry-After")
            except (aiohttp.ClientError, TimeoutError, ValueError) as error:
                trouble = UnreachableError(f"no answer from {self._url}: {error or type(error).__name__}")
                continue
            if status == HTTPStatus.OK and isinstance(facts, dict):
                return facts
            problem = facts if isinstance(facts, dict) else {}
            too_fast = status == HTTPStatus.TOO_MANY_REQUESTS and problem.get("type") != _OUT_OF_QUOTA
            if status < HTTPStatus.INTERNAL_SERVER_ERROR and not too_fast:
                raise _refusal(status, problem, after)
            trouble = UnreachableError(f"{self._url} answers {status}", problem)
        assert trouble is not None
        raise trouble


def _spend_in(facts: Mapping[str, Any]) -> Spend:
    return Spend(
        request_id=facts["request_id"],
        units=facts["units"],
        allowance_left=facts["left"]["allowance"],
        purchased_left=facts["left"]["purchased"],
        replayed=facts["replayed"],
        facts=facts,
    )


def _refusal(status: int, problem: Mapping[str, Any], retry_after: str | None) -> RefusedError:
    if problem.get("type") == _OUT_OF_QUOTA:
        after = problem.get("retry_after", retry_after)
        return OutOfQuotaError(problem, None if after is None else float(after))
    return RefusedError(status, problem)
