"""One web socket of the gateway: what leaves it, in order, and the rules of its frames."""

import asyncio
import json
from collections import deque
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from aiohttp import WSMsgType, web

from sandbox.discord_sessions import Session
from sandbox.discord_shapes import Json

MAX_FRAME_BYTES = 4096
FRAMES_PER_MINUTE = 120
MINUTE_SECONDS = 60.0


class Op(IntEnum):
    """The gateway's opcodes. https://discord.com/developers/docs/topics/opcodes-and-status-codes."""

    DISPATCH = 0
    HEARTBEAT = 1
    IDENTIFY = 2
    PRESENCE = 3
    VOICE_STATE = 4
    RESUME = 6
    RECONNECT = 7
    REQUEST_MEMBERS = 8
    INVALID_SESSION = 9
    HELLO = 10
    HEARTBEAT_ACK = 11


class Code(IntEnum):
    """The gateway's close codes."""

    UNKNOWN_ERROR = 4000
    UNKNOWN_OP = 4001
    DECODE_ERROR = 4002
    NOT_AUTHENTICATED = 4003
    BAD_TOKEN = 4004
    ALREADY_AUTHENTICATED = 4005
    BAD_SEQUENCE = 4007
    RATE_LIMITED = 4008
    TIMED_OUT = 4009
    BAD_SHARD = 4010
    BAD_VERSION = 4012
    BAD_INTENTS = 4013
    DISALLOWED_INTENTS = 4014


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """The order to close the socket; without a code, to cut it."""

    code: int | None


class GatewayClosedError(Exception):
    """A frame that ends the connection; `code` is the close code the client gets."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(f"closed with {code}")


class Connection:
    """
    A socket with its outgoing queue.

    Attributes:
        session: set once the client identified or resumed.
        left_with: the code that the client closed with, if it did.
        is_ending: whether our side closes it.

    """

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport | None) -> None:
        self._socket = socket
        self._transport = transport
        self._outgoing: asyncio.Queue[Json | Closing] = asyncio.Queue()
        self._frame_seconds: deque[float] = deque(maxlen=FRAMES_PER_MINUTE)
        self.session: Session | None = None
        self.left_with: int | None = None
        self.is_ending = False

    def send(self, *payloads: Json) -> None:
        """Queue payloads."""
        for payload in payloads:
            self._outgoing.put_nowait(payload)

    def send_op(self, op: Op, data: Any = None) -> None:
        """Queue a payload that is no event."""
        self.send({"op": op, "d": data, "s": None, "t": None})

    def close(self, code: int) -> None:
        """Close with `code`, after what is already queued."""
        self._end_with(Closing(code=code))

    def cut(self) -> None:
        """Drop the connection without a word, after what is already queued."""
        self._end_with(Closing(code=None))

    def _end_with(self, closing: Closing) -> None:
        self.is_ending = True
        self._outgoing.put_nowait(closing)

    async def write(self) -> None:
        """Send what is queued until the socket closes."""
        while True:
            item = await self._outgoing.get()
            if isinstance(item, Closing):
                await self._end(item)
                return
            try:
                await self._socket.send_str(json.dumps(item, separators=(",", ":")))
            except ConnectionError:
                return

    async def _end(self, closing: Closing) -> None:
        if closing.code is not None:
            await self._socket.close(code=closing.code)
        elif self._transport is not None:
            self._transport.abort()

    async def read(self, *, timeout_seconds: float, now_seconds: float) -> Json | None:
        """
        Return the next payload, or None when the client closed.

        Raises:
            TimeoutError: none came in time.
            GatewayClosedError: the frame is too large, no JSON object, or one too many in a minute.

        """
        frame = await self._socket.receive(timeout=timeout_seconds)
        if frame.type is not WSMsgType.TEXT:
            if frame.type is WSMsgType.BINARY:
                raise GatewayClosedError(Code.DECODE_ERROR)
            self.left_with = frame.data if frame.type is WSMsgType.CLOSE else None
            return None
        if len(frame.data.encode()) > MAX_FRAME_BYTES:
            raise GatewayClosedError(Code.DECODE_ERROR)
        oldest_seconds = (
            self._frame_seconds[0] if len(self._frame_seconds) == FRAMES_PER_MINUTE else -MINUTE_SECONDS
        )
        if now_seconds - oldest_seconds < MINUTE_SECONDS:
            raise GatewayClosedError(Code.RATE_LIMITED)
        self._frame_seconds.append(now_seconds)
        try:
            payload = json.loads(frame.data)
        except (ValueError, RecursionError) as error:
            raise GatewayClosedError(Code.DECODE_ERROR) from error
        if not isinstance(payload, dict):
            raise GatewayClosedError(Code.DECODE_ERROR)
        return payload
