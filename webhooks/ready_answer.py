"""
Answers whose head is prepared once a second, written past the server library's header machinery.

The library builds, prepares and serializes the headers of every answer anew, which is a third of what an answer
costs it. Only the plain case is written here: HTTP/1.1 on a connection that goes on. Everything else (HTTP/1.0, a
connection that ends, a stop under way) is an ordinary answer with the same content.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from email.utils import formatdate
from http import HTTPStatus
from typing import Protocol

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.web_request import BaseRequest

from quota_core.request_ids import REQUEST_ID
from webhooks.budgets import Spent
from webhooks.problems import Problem

SECURITY_HEADERS = {"Server": "jauge", "X-Content-Type-Options": "nosniff"}
_LAST = b"Connection: close\r\n"
JSON_HEADERS = {"Content-Type": "application/json", "Cache-Control": "no-store"}


Answer = Callable[[bytes, bool], None]
"""Takes a whole answer as it goes out, and whether the connection ends with it."""


class Again(Protocol):
    """What answers further requests with a head that was answered before."""

    def begin(self, body: bytes, answer: Answer) -> bool:
        """Begin to answer a whole request; False, with nothing done, asks for the usual way."""
        ...


class ReadyHead:
    """The heads of answers, but for what differs in each; `clock` gives UTC milliseconds."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._second = -1
        self._common = self._ok = b""

    def _renew(self) -> None:
        second = self._clock() // 1000
        if second != self._second:
            self._common = _lines({**SECURITY_HEADERS, "Date": formatdate(second, usegmt=True)})
            self._second, self._ok = second, b"HTTP/1.1 200 OK\r\n" + _lines(JSON_HEADERS) + self._common

    def ok(self, body: bytes, *, spent: Spent, request_id: str, last: bool = False) -> bytes:
        """Return the whole answer with this body; the `last` one of its connection says so."""
        self._renew()
        return b"%b%b%bX-Request-ID: %b\r\nContent-Length: %d\r\n\r\n%b" % (
            *(self._ok, _LAST if last else b"", spent.lines, request_id.encode("ascii"), len(body)),
            body,
        )

    def refusal(self, problem: Problem, *, spent: Spent, request_id: str, last: bool) -> bytes:
        """Return the whole answer that a problem is."""
        self._renew()
        (headers, body), reason = problem.parts(), HTTPStatus(problem.status).phrase
        return b"HTTP/1.1 %d %b\r\n%b%b%b%bX-Request-ID: %b\r\nContent-Length: %d\r\n\r\n%b" % (
            *(problem.status, reason.encode("ascii"), _lines(headers), self._common),
            *(_LAST if last else b"", spent.lines, request_id.encode("ascii"), len(body)),
            body,
        )


def _lines(headers: Mapping[str, str]) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("ascii")


class ReadyAnswer(web.StreamResponse):
    """A 200 with a JSON body; `again`, if any, answers what comes with the same head."""

    def __init__(self, body: bytes, *, head: ReadyHead, spent: Spent, again: Again | None = None) -> None:
        super().__init__()
        self.again = again
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
            self.again = None
            self._ordinary = web.Response(body=self._content, headers=JSON_HEADERS)
            self._ordinary.force_close()
            return await self._ordinary.prepare(request)
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the caller is gone")
        transport.write(self._head.ok(self._content, spent=self._spent, request_id=REQUEST_ID.get()))
        if transport.get_write_buffer_size():
            # Somebody asks faster than they read: no further request of theirs until they have.
            await request.writer.drain()
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """End the answer, unless it is already written."""
        if self._ordinary is not None:
            await self._ordinary.write_eof(data)
