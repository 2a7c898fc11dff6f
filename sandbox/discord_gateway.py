"""
The gateway over web sockets: plain text frames of JSON, which a client that asked for compression also takes.

https://discord.com/developers/docs/events/gateway
"""

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import WSCloseCode, web

from sandbox.discord_connection import Code, Connection, GatewayClosedError, Op
from sandbox.discord_sessions import KNOWN_INTENTS, Intent, Session
from sandbox.discord_shapes import Json
from sandbox.faults import Fault, Faults
from sandbox.happenings import News, TokenRevoked
from sandbox.world import World

HEARTBEAT_MS = 41_250
# Discord gives a late heartbeat some grace before it takes the client for dead.
HEARTBEATS_MISSED = 1.5
# As long as a way to Discord takes at least: discord.py notes when it sent a heartbeat only after it did, and takes
# an answer that is quicker than that for one to the heartbeat before (2.7.1, `KeepAliveHandler.run`).
ACK_SECONDS = 0.03
CLOSE_WAIT_SECONDS = 1.0
RESUMABLE_SECONDS = 300.0
VERSIONS = {"9", "10"}
# What strikes a connection; `no_ack` instead waits for its next heartbeat.
STRIKES = ("close", "invalid_session", "cut", "reconnect")
DROPS_SESSION = {1000, 1001}


class Gateway:
    """
    The gateway: any number of connections, and the sessions that they may resume.

    Args:
        world: whose news it tells.
        faults: the troubles `gateway`.
        heartbeat_ms: how often clients must beat.
        monotonic: a clock in seconds.

    """

    def __init__(
        self,
        world: World,
        faults: Faults,
        *,
        monotonic: Callable[[], float],
        heartbeat_ms: int = HEARTBEAT_MS,
    ) -> None:
        self._world = world
        self._faults = faults
        self._monotonic = monotonic
        self._heartbeat_ms = heartbeat_ms
        self._sessions: dict[str, Session] = {}
        self._left_seconds: dict[str, float] = {}
        self._connections: set[Connection] = set()
        self._unsubscribe = world.subscribe(self._tell)
        self.url = ""
        faults.on_add(self._strike_all)

    def routes(self) -> list[web.RouteDef]:
        """Return the gateway's one route."""
        return [web.get("/gateway/", self._serve)]

    def close(self) -> None:
        """Close every connection as a gateway that goes away."""
        self._unsubscribe()
        for connection in self._connections:
            connection.close(WSCloseCode.GOING_AWAY)

    def _tell(self, news: News) -> None:
        """Tell every session, and send what it was told to those that are connected."""
        by_session = {one.session: one for one in self._connections if one.session is not None}
        self._forget_sessions()
        for session in tuple(self._sessions.values()):
            events = session.told_of(news)
            if session in by_session:
                by_session[session].send(*events)
        if isinstance(news, TokenRevoked):
            self._sessions.clear()
            for connection in self._connections:
                connection.close(Code.BAD_TOKEN)

    def _forget_sessions(self) -> None:
        """Drop the sessions that nobody came back to in time."""
        now_seconds = self._monotonic()
        for session_id, left_seconds in tuple(self._left_seconds.items()):
            if now_seconds - left_seconds > RESUMABLE_SECONDS:
                del self._left_seconds[session_id]
                self._sessions.pop(session_id, None)

    # Connections

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(timeout=CLOSE_WAIT_SECONDS, compress=False)
        await socket.prepare(request)
        connection = Connection(socket, request.transport)
        writer = asyncio.create_task(connection.write())
        self._connections.add(connection)
        connection.send_op(Op.HELLO, {"heartbeat_interval": self._heartbeat_ms, "_trace": []})
        try:
            _check_version(request)
            await self._converse(connection)
        except GatewayClosedError as error:
            connection.close(error.code)
        finally:
            self._connections.discard(connection)
            if not connection.is_ending:
                writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
            if connection.session is not None:
                self._left_seconds[connection.session.id] = self._monotonic()
                if connection.left_with in DROPS_SESSION:
                    self._sessions.pop(connection.session.id, None)
        return socket

    async def _converse(self, connection: Connection) -> None:
        """Read frames until the client closes or stops beating."""
        patience_seconds = self._heartbeat_ms / 1000 * HEARTBEATS_MISSED
        last_beat_seconds = self._monotonic()
        while True:
            now_seconds = self._monotonic()
            left_seconds = max(0.001, last_beat_seconds + patience_seconds - now_seconds)
            try:
                payload = await connection.read(timeout_seconds=left_seconds, now_seconds=now_seconds)
            except TimeoutError as error:
                if connection.session is not None:
                    self._sessions.pop(connection.session.id, None)
                raise GatewayClosedError(Code.TIMED_OUT) from error
            if payload is None:
                return
            if payload.get("op") == Op.HEARTBEAT:
                last_beat_seconds = self._monotonic()
                if self._faults.take("gateway", "no_ack") is None:
                    asyncio.get_running_loop().call_later(ACK_SECONDS, connection.send_op, Op.HEARTBEAT_ACK)
            else:
                self._obey(connection, payload)

    def _obey(self, connection: Connection, payload: Json) -> None:
        op, data = payload.get("op"), payload.get("d")
        if op not in {Op.IDENTIFY, Op.RESUME, Op.PRESENCE, Op.VOICE_STATE, Op.REQUEST_MEMBERS}:
            raise GatewayClosedError(Code.UNKNOWN_OP)
        if op in {Op.IDENTIFY, Op.RESUME}:
            if connection.session is not None:
                raise GatewayClosedError(Code.ALREADY_AUTHENTICATED)
            form = data if isinstance(data, dict) else {}
            self._check_token(form)
            self._enter(connection, form, resume=op == Op.RESUME)
        elif connection.session is None:
            raise GatewayClosedError(Code.NOT_AUTHENTICATED)
        elif op == Op.REQUEST_MEMBERS and isinstance(data, dict):
            connection.send(connection.session.member_chunk(data))

    def _check_token(self, form: Json) -> None:
        token = form.get("token")
        if not isinstance(token, str) or not token.strip() or self._world.token_revoked:
            raise GatewayClosedError(Code.BAD_TOKEN)

    def _enter(self, connection: Connection, form: Json, *, resume: bool) -> None:
        """Identify or resume, unless a fault comes first."""
        fault = self._faults.take("gateway", *STRIKES)
        if fault is not None and fault.fault != "reconnect":
            self._strike(connection, fault)
            return
        if resume:
            self._resume(connection, form)
        else:
            session = Session(
                self._world,
                intents=self._checked_intents(form),
                shard=_checked_shard(form),
                resume_url=self.url,
            )
            self._sessions[session.id] = session
            connection.session = session
            connection.send(*session.first_events())
        if fault is not None:
            self._strike(connection, fault)

    def _resume(self, connection: Connection, form: Json) -> None:
        session = self._sessions.get(str(form.get("session_id")))
        sequence = form.get("seq")
        if session is None or not isinstance(sequence, int):
            connection.send_op(Op.INVALID_SESSION, data=False)
            return
        if sequence > session.sequence:
            raise GatewayClosedError(Code.BAD_SEQUENCE)
        missed = session.missed_since(sequence)
        if missed is None:
            del self._sessions[session.id]
            connection.send_op(Op.INVALID_SESSION, data=False)
            return
        for other in self._connections:
            if other.session is session:
                # The socket that a resume replaces is usually dead already.
                other.session = None
                other.close(Code.UNKNOWN_ERROR)
        connection.session = session
        self._left_seconds.pop(session.id, None)
        connection.send(*missed, session.event("RESUMED", {"_trace": []}))

    def _checked_intents(self, form: Json) -> int:
        intents: Any = form.get("intents")
        if isinstance(intents, bool) or not isinstance(intents, int) or not 0 <= intents <= KNOWN_INTENTS:
            raise GatewayClosedError(Code.BAD_INTENTS)
        for intent, granted in (
            (Intent.MESSAGE_CONTENT, self._world.message_content_granted),
            (Intent.GUILD_MEMBERS, self._world.members_granted),
            (Intent.GUILD_PRESENCES, self._world.presences_granted),
        ):
            if intents & intent and not granted:
                raise GatewayClosedError(Code.DISALLOWED_INTENTS)
        return intents

    # Faults

    def _strike_all(self, fault: Fault) -> None:
        """Strike every identified connection at once; without any, the fault waits for the next one."""
        struck = [one for one in self._connections if one.session is not None]
        if fault.where == "gateway" and fault.fault in STRIKES and struck:
            self._faults.spend(fault)
            for connection in struck:
                self._strike(connection, fault)

    def _strike(self, connection: Connection, fault: Fault) -> None:
        if fault.fault == "close":
            connection.close(int(fault.options.get("code", Code.UNKNOWN_ERROR)))
        elif fault.fault == "cut":
            connection.cut()
        elif fault.fault == "reconnect":
            connection.send_op(Op.RECONNECT)
        else:
            resumable = bool(fault.options.get("resumable"))
            if connection.session is not None and not resumable:
                self._sessions.pop(connection.session.id, None)
                connection.session = None
            connection.send_op(Op.INVALID_SESSION, data=resumable)


def _check_version(request: web.Request) -> None:
    """Refuse other versions of the API, and other encodings than JSON."""
    if request.query.get("v") not in VERSIONS or request.query.get("encoding", "json") != "json":
        raise GatewayClosedError(Code.BAD_VERSION)


def _checked_shard(form: Json) -> tuple[int, int]:
    """Return the shard's number and how many there are; none given means one shard."""
    shard = form.get("shard", [0, 1])
    pair = shard if isinstance(shard, list) else []
    if len(pair) != 2 or any(isinstance(one, bool) or not isinstance(one, int) for one in pair):  # noqa: PLR2004 - a pair
        raise GatewayClosedError(Code.BAD_SHARD)
    number, count = pair
    if not 0 <= number < count:
        raise GatewayClosedError(Code.BAD_SHARD)
    return number, count
