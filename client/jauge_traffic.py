"""
Traffic, counted where it passes: bytes in and out of each account's requests, booked every few seconds.

    traffic = Traffic(client, metric="traffic_mb", bytes_per_unit=1_000_000)
    app = web.Application(middlewares=[traffic.aiohttp_middleware(project_of)])   # or
    app = traffic.asgi(app, project_of)
    async with traffic: ...

Bytes that make no whole unit yet wait for more. What could not be sent keeps its key and is sent again, so that it
is booked once. What is refused has flowed all the same: as much of it as still fits is booked, so that the account
stands at its limit, and `exhausted` names those accounts, for whoever serves them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Self

from jauge_client import Client, Operation, OutOfQuotaError, RefusedError, UnreachableError

log = logging.getLogger("jauge.traffic")

MAX_OPERATIONS = 1000
_FILLING = "traffic up to the limit"
ScopeOf = Callable[[Mapping[str, Any]], str | None]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
AsgiApp = Callable[[Any, Receive, Send], Awaitable[None]]


class Traffic:
    """
    Count bytes by account, and book them.

    Args:
        client: books them.
        metric: what they count as.
        bytes_per_unit: how many make one unit, at least 1.
        every_seconds: how often they are booked; at the end of the block, too.

    """

    def __init__(
        self, client: Client, *, metric: str, bytes_per_unit: int, every_seconds: float = 10.0
    ) -> None:
        if bytes_per_unit < 1:
            raise ValueError(f"bytes_per_unit must be at least 1, got {bytes_per_unit}")
        self._client = client
        self._metric = metric
        self._bytes_per_unit = bytes_per_unit
        self._every_seconds = every_seconds
        self._bytes: dict[str, int] = defaultdict(int)
        self._unsent: list[Operation] = []
        self._task: asyncio.Task[None] | None = None
        self._booking = asyncio.Lock()
        self.exhausted: set[str] = set()

    async def __aenter__(self) -> Self:
        """Start booking."""
        self._task = asyncio.create_task(self._book_for_ever(), name="book traffic")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Book what is left."""
        assert self._task is not None
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        await self.book()

    def count(self, account: str, size_bytes: int) -> None:
        """Count bytes of an account."""
        self._bytes[account] += size_bytes

    async def book(self) -> None:
        """Book all whole units; what cannot be sent now is kept."""
        async with self._booking:
            self._unsent += self._whole_units()
            while self._unsent:
                now = self._unsent[:MAX_OPERATIONS]
                try:
                    outcomes = await self._client.consume_many(now)
                except UnreachableError as error:
                    log.warning("traffic is booked later: %s", error)
                    return
                noted = [self._note(one, outcome) for one, outcome in zip(now, outcomes, strict=True)]
                self._unsent = [*self._unsent[len(now) :], *(one for one in noted if one is not None)]

    def _whole_units(self) -> list[Operation]:
        wanted = []
        for account, size_bytes in list(self._bytes.items()):
            units, rest = divmod(size_bytes, self._bytes_per_unit)
            if units:
                wanted.append(self._operation(account, units, "traffic"))
                self._bytes[account] = rest
        return wanted

    def _operation(self, account: str, units: int, action: str) -> Operation:
        return Operation(account=account, units=units, metric=self._metric, action=action)

    def _note(self, operation: Operation, outcome: object) -> Operation | None:
        """Note an outcome, and return what is to be booked instead: the part that fits below the limit."""
        if isinstance(outcome, OutOfQuotaError):
            self.exhausted.add(operation.account)
            # Refused whole, it would leave the account below the thresholds that its traffic has passed.
            if 0 < outcome.units_left < operation.units:
                return self._operation(operation.account, outcome.units_left, _FILLING)
        elif isinstance(outcome, RefusedError):
            log.error("%d units of %s are not booked: %s", operation.units, operation.account, outcome)
        elif operation.action != _FILLING:
            self.exhausted.discard(operation.account)
        return None

    async def _book_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._every_seconds)
            try:
                await self.book()
            except Exception:
                log.exception("booking traffic failed; again in %g s", self._every_seconds)

    def aiohttp_middleware(self, account_of: Callable[[Any], str | None]) -> Any:
        """Return a middleware for aiohttp servers; a request of nobody's (None) is not counted."""
        from aiohttp import web  # noqa: PLC0415 - only those who serve with it need it

        @web.middleware
        async def counted(request: web.Request, handler: Any) -> web.StreamResponse:
            account = account_of(request)
            if account is None:
                response: web.StreamResponse = await handler(request)
                return response
            try:
                response = await handler(request)
            except web.HTTPException as error:
                self._count_at_end(account, request, error)
                raise
            is_file = isinstance(response, web.FileResponse)
            self._count_at_end(account, request, response, is_file=is_file)
            return response

        return counted

    def _count_at_end(self, account: str, request: Any, response: Any, *, is_file: bool = False) -> None:
        """Count a request once it is answered: its size is known only then. One that breaks off counts nothing."""

        def count(_: object) -> None:
            received = max(request.content_length or 0, getattr(request.content, "total_bytes", 0))
            sent = response.body_length  # with its head, and without a file that the operating system sends
            if sent and is_file and request.method != "HEAD":
                sent = max(sent, response.content_length or 0)
            self.count(account, received + sent)

        # aiohttp handles each request, and sends its answer, in a task of its own.
        task = asyncio.current_task()
        assert task is not None
        task.add_done_callback(count)

    def asgi(self, app: AsgiApp, account_of: ScopeOf) -> AsgiApp:
        """Return an ASGI application that counts; `account_of` gets the scope."""

        async def counted(scope: Any, receive: Receive, send: Send) -> None:
            account = account_of(scope) if scope["type"] == "http" else None
            if account is None:
                await app(scope, receive, send)
                return

            async def receive_counted() -> Any:
                message = await receive()
                self.count(account, len(message.get("body", b"")))
                return message

            async def send_counted(message: Any) -> None:
                self.count(account, len(message.get("body", b"")))
                await send(message)

            await app(scope, receive_counted, send_counted)

        return counted
