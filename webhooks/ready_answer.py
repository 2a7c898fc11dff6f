"""
A 200 whose head is prepared once a second, written past the server library's header machinery.

The library builds, prepares and serializes the headers of every answer anew, which is a third of what an answer
costs it. Only the plain case is written here: HTTP/1.1 on a connection that goes on. Everything else (HTTP/1.0, a
connection that ends, a stop under way) is an ordinary answer with the same content.
"""

from __future__ import annotations

from collections.abc import Callable
from email.utils import formatdate

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.web_request import BaseRequest

from quota_core.request_ids import REQUEST_ID
from webhooks.budgets import Spent

SECURITY_HEADERS = {"Server": "jauge", "X-Content-Type-Options": "nosniff"}
JSON_HEADERS = {"Content-Type": "application/json", "Cache-Control": "no-store"}


class ReadyHead:
    """The head of an answer, but for its last lines; `clock` gives UTC milliseconds."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._second = -1
        self._head = b""

    def bytes(self) -> bytes:
        """Return status line and headers of this second."""
        second = self._clock() // 1000
        if second != self._second:
            lines = {**JSON_HEADERS, **SECURITY_HEADERS, "Date": formatdate(second, usegmt=True)}
            text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
            self._second, self._head = second, f"HTTP/1.1 200 OK\r\n{text}".encode("ascii")
        return self._head


class ReadyAnswer(web.StreamResponse):
    """A 200 with a JSON body."""

    def __init__(self, body: bytes, *, head: ReadyHead, spent: Spent) -> None:
        super().__init__()
        self._content = body
        self._head = head
        self._spent = spent
        self._ordinary: web.Response | None = None

    @property
    def keep_alive(self) -> bool | None:
        """Whether the connection goes on, which the server asks after the answer."""
        return True if self._ordinary is None else self._ordinary.keep_alive

    async def prepare(self, request: BaseRequest) -> AbstractStreamWriter | None:
        """Write the whole answer, or prepare an ordinary one."""
        if super().keep_alive is False or not request.keep_alive or request.version != HttpVersion11:
            self._ordinary = web.Response(body=self._content, headers=JSON_HEADERS)
            self._ordinary.force_close()
            return await self._ordinary.prepare(request)
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the caller is gone")
        body, request_id = self._content, REQUEST_ID.get().encode("ascii")
        transport.write(
            b"%b%bX-Request-ID: %b\r\nContent-Length: %d\r\n\r\n%b"
            % (self._head.bytes(), self._spent.lines, request_id, len(body), body)
        )
        if transport.get_write_buffer_size():
            # Somebody asks faster than they read: no further request of theirs until they have.
            await request.writer.drain()
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """End the answer, unless it is already written."""
        if self._ordinary is not None:
            await self._ordinary.write_eof(data)
