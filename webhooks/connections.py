"""
The server library's connection, with a short way for requests whose head is known.

Of a small request, the library's reading, its request object, its task and its steps through the application cost
several times what answering costs. A request that arrives whole, alone, and with a head that was read before is
answered without them; every other one is the library's, as ever.

This builds on how the library's `RequestHandler` stands between two requests: the reason why its version is held.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web
from aiohttp.web_request import BaseRequest

from webhooks.known_heads import END, MAX_BYTES, KnownHeads
from webhooks.ready_answer import ReadyAnswer


class Connection(web.RequestHandler):
    """
    One connection; `heads` are shared by all of a server.

    `_between` says that nothing of a request has been fed to the library that it has not answered. From then on,
    `_first` is what came first, with the head, and `_fed` how many bytes came.
    """

    __slots__ = ("_answering", "_between", "_fed", "_first", "_heads", "_held")

    def __init__(self, manager: web.Server, *, heads: KnownHeads, **options: Any) -> None:
        super().__init__(manager, **options)
        self._heads = heads
        self._between = True
        self._first, self._fed = b"", 0
        self._answering = False
        self._held = b""

    def data_received(self, data: bytes) -> None:
        """Answer a request whose head is known, or leave it to the library."""
        if self._answering:
            # Its answer comes first. Nothing more is read meanwhile, so that this stays small.
            self._held += data
            if self.transport is not None:
                self.transport.pause_reading()
            return
        if self._between:
            end = data.find(END) + len(END)
            known = self._heads.find(data[:end])
            if known is not None and len(data) - end == known.length and self._is_free():
                self._answering = self._request_in_progress = True
                if known.again.begin(data[end:], self._answer):
                    return
                self._answering = self._request_in_progress = False
            self._between, self._first, self._fed = False, b"", 0
        if END not in self._first and len(self._first) <= MAX_BYTES:
            self._first += data
        self._fed += len(data)
        super().data_received(data)

    def _is_free(self) -> bool:
        """Tell whether the connection goes on, and its last answer was read."""
        transport = self.transport
        return (
            not (self._close or self._force_close)
            and transport is not None
            and not transport.get_write_buffer_size()
        )

    def _answer(self, answer: bytes, last: bool) -> None:  # noqa: FBT001 - as `ready_answer.Answer` has it
        """Write the answer that was begun, and go on or close."""
        self._request_in_progress = False
        if self._handler_waiter is not None and not self._handler_waiter.done():
            self._handler_waiter.set_result(None)  # of `shutdown`, which waits for it
        transport = self.transport
        if transport is None or transport.is_closing():
            self._answering = False
            return
        transport.write(answer)
        if last:
            self.force_close()
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        if self._held:
            self._loop.call_soon(self._go_on)
        else:
            self._answering = False

    def _go_on(self) -> None:
        """Take what came behind the request that is answered now."""
        self._answering = False
        held, self._held = self._held, b""
        if held and self.transport is not None:
            self.transport.resume_reading()
            self.data_received(held)

    def _process_keepalive(self) -> None:
        """Close the connection if nothing was asked for long; to the library, what is answered here is nothing."""
        if self._answering:
            self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        super()._process_keepalive()

    async def finish_response(
        self, request: BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Answer as the library does; then learn the head, if the request was all that came."""
        finished = await super().finish_response(request, resp, start_time)
        answer, lost = finished
        end = self._first.find(END) + len(END)
        # Answered before all of its body came, a later request of several could add up to the same number.
        whole = request.content.is_eof() and self._fed == end + (request.content_length or 0)
        if whole and not lost and answer.keep_alive:
            head, self._first = self._first[:end], b""
            self._between = True
            if isinstance(answer, ReadyAnswer) and answer.again is not None:
                self._heads.learn(head, request.headers, request.content_length, answer.again)
        return finished

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget what waits: nobody is there to read its answer."""
        self._held = b""
        super().connection_lost(exc)
