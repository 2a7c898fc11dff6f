"""The gateway: sessions, resumes, faults, and the close codes, with discord.py and with bare frames."""

import asyncio
from typing import Any

import aiohttp
import discord
import pytest

from sandbox.discord_gateway import ACK_SECONDS
from sandbox.places import GENERAL_ID, MEMBER_ID
from sandbox.server import Sandbox, serve
from tests.sandbox.people import PATIENCE_SECONDS, People
from tests.sandbox.small_bot import SmallBot, connected

Frame = dict[str, Any]
IDENTIFY: Frame = {"op": 2, "d": {"token": "a-token", "intents": 1 << 9, "properties": {}}}


class Bare:
    """A gateway client that sends what it is told and nothing else."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def send(self, frame: Frame) -> None:
        """Send a frame."""
        await self.socket.send_json(frame)

    async def event(self, name: str) -> Frame:
        """Return the next event of that name."""
        while True:
            frame: Frame = await self.socket.receive_json(timeout=PATIENCE_SECONDS)
            if frame["t"] == name:
                return frame

    async def op(self, number: int) -> Frame:
        """Return the next frame with that opcode."""
        while True:
            frame: Frame = await self.socket.receive_json(timeout=PATIENCE_SECONDS)
            if frame["op"] == number:
                return frame

    async def close_code(self) -> int | None:
        """Return the code that the server closes with."""
        while True:
            message = await self.socket.receive(timeout=PATIENCE_SECONDS)
            if message.type in {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED}:
                return self.socket.close_code


@pytest.fixture
async def session() -> Any:
    """Return a client session."""
    async with aiohttp.ClientSession() as client:
        yield client


async def connect(
    session: aiohttp.ClientSession, sandbox: Sandbox, query: str = "v=10&encoding=json"
) -> Bare:
    """Open a gateway connection."""
    return Bare(await session.ws_connect(f"{sandbox.gateway_url}?{query}"))


async def test_a_cut_connection_is_resumed_with_what_was_missed(
    bot: SmallBot, sandbox: Sandbox, people: People
) -> None:
    """The bot comes back into its session, and answers a message sent meanwhile."""
    sandbox.faults.add("gateway", "cut")
    await bot.until("disconnect")
    pong = await people.answer_to("!ping")
    await bot.until("resumed")

    assert pong["content"] == "pong"
    assert sandbox.faults.in_force() == []


@pytest.mark.parametrize(
    ("fault", "options"),
    [
        ("close", {"code": 4000}),
        ("close", {"code": 1012}),
        ("reconnect", {}),
        ("invalid_session", {"resumable": True}),
    ],
)
async def test_what_discord_calls_resumable_is_resumed(
    bot: SmallBot, sandbox: Sandbox, people: People, fault: str, options: Frame
) -> None:
    """Close codes below the fatal ones, op 7 and a resumable op 9 keep the session."""
    sandbox.faults.add("gateway", fault, **options)
    await bot.until("resumed")

    assert (await people.answer_to("!ping"))["content"] == "pong"


async def test_an_invalid_session_starts_anew(bot: SmallBot, sandbox: Sandbox, people: People) -> None:
    """Op 9 that is not resumable makes the bot identify again."""
    sandbox.faults.add("gateway", "invalid_session")
    await bot.until("disconnect")
    await bot.until("connect")

    assert (await people.answer_to("!ping"))["content"] == "pong"


async def test_a_fault_strikes_again_on_later_connections(bot: SmallBot, sandbox: Sandbox) -> None:
    """With three times, the resume and the one after it are cut as well."""
    sandbox.faults.add("gateway", "cut", 3)
    for _ in range(3):
        await bot.until("disconnect")
    await bot.until("resumed")

    assert sandbox.faults.in_force() == []


async def test_a_fatal_code_ends_the_client(redirected: Sandbox) -> None:
    """discord.py gives up on 4004; a fault waits for the first connection when there is none."""
    redirected.faults.add("gateway", "close", code=4004)

    with pytest.raises(discord.ConnectionClosed):
        async with connected(SmallBot()):
            pass


async def test_ready_guild_and_heartbeat(session: aiohttp.ClientSession, sandbox: Sandbox) -> None:
    """HELLO, READY with the resume address, the guild when asked for, ACKs, and numbers without gaps."""
    bare = await connect(session, sandbox, "v=10&encoding=json&compress=zlib-stream")
    hello = await bare.op(10)
    await bare.send({"op": 1, "d": None})
    await bare.op(11)
    await bare.send({"op": 2, "d": {"token": "t", "intents": 1, "properties": {}}})
    ready = await bare.event("READY")
    guild = await bare.event("GUILD_CREATE")

    assert hello["d"]["heartbeat_interval"] == 41_250
    assert ready["d"]["resume_gateway_url"] == sandbox.gateway_url
    assert (ready["s"], guild["s"]) == (1, 2)
    assert [member["user"]["username"] for member in guild["d"]["members"]] == ["Jauge"]


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([{"op": 8, "d": {}}], 4003),
        ([{"op": 99, "d": {}}], 4001),
        ([{"op": 2, "d": {"token": "", "intents": 0}}], 4004),
        ([{"op": 2, "d": {"token": "t"}}], 4013),
        ([{"op": 2, "d": {"token": "t", "intents": 1 << 40}}], 4013),
        ([{"op": 2, "d": {"token": "t", "intents": 1 << 1}}], 4014),
        ([{"op": 2, "d": {"token": "t", "intents": 0, "shard": [1, 1]}}], 4010),
        ([IDENTIFY, IDENTIFY], 4005),
        ([{"op": 1, "d": None}] * 121, 4008),
    ],
)
async def test_close_codes(
    session: aiohttp.ClientSession, sandbox: Sandbox, frames: list[Frame], code: int
) -> None:
    """What Discord closes a connection for, with its code."""
    bare = await connect(session, sandbox)
    for frame in frames:
        await bare.send(frame)

    assert await bare.close_code() == code


@pytest.mark.parametrize("text", ["{", "[]", '"' + "x" * 5000 + '"'])
async def test_frames_that_are_no_payload_are_refused(
    session: aiohttp.ClientSession, sandbox: Sandbox, text: str
) -> None:
    """Broken JSON, no object, and frames over 4096 bytes close with 4002."""
    bare = await connect(session, sandbox)
    await bare.socket.send_str(text)

    assert await bare.close_code() == 4002


async def test_other_versions_are_refused(session: aiohttp.ClientSession, sandbox: Sandbox) -> None:
    """An unknown version of the gateway closes with 4012."""
    bare = await connect(session, sandbox, "v=3")

    assert await bare.close_code() == 4012


async def test_a_client_that_stops_beating_is_dropped(session: aiohttp.ClientSession) -> None:
    """After one and a half intervals without a heartbeat the connection closes and the session is gone."""
    async with serve(heartbeat_ms=1000) as sandbox:
        bare = await connect(session, sandbox)
        await bare.send(IDENTIFY)
        ready = await bare.event("READY")
        code = await bare.close_code()
        again = await connect(session, sandbox)
        resume = {"token": "t", "session_id": ready["d"]["session_id"], "seq": 1}
        await again.send({"op": 6, "d": resume})
        refused = await again.op(9)

    assert code == 4009
    assert refused["d"] is False


async def test_resume_replays_in_order_and_refuses_the_future(
    session: aiohttp.ClientSession, sandbox: Sandbox, people: People
) -> None:
    """Events after the number are sent again with their numbers; a number never sent closes with 4007."""
    bare = await connect(session, sandbox)
    await bare.send(IDENTIFY)
    ready = await bare.event("READY")
    await bare.socket.close(code=4000)
    for content in ("one", "two"):
        await people.say(content)
    resume = {"token": "a-token", "session_id": ready["d"]["session_id"], "seq": 1}
    again = await connect(session, sandbox)
    await again.send({"op": 6, "d": resume})
    replayed = [await again.event("MESSAGE_CREATE") for _ in range(2)]
    resumed = await again.event("RESUMED")
    future = await connect(session, sandbox)
    await future.send({"op": 6, "d": resume | {"seq": 1000}})
    code = await future.close_code()

    assert [frame["s"] for frame in (*replayed, resumed)] == [2, 3, 4]
    assert code == 4007


async def test_a_clean_close_ends_the_session(session: aiohttp.ClientSession, sandbox: Sandbox) -> None:
    """A client that leaves with 1000 cannot resume."""
    bare = await connect(session, sandbox)
    await bare.send(IDENTIFY)
    ready = await bare.event("READY")
    await bare.socket.close(code=1000)
    again = await connect(session, sandbox)
    await again.send({"op": 6, "d": {"token": "t", "session_id": ready["d"]["session_id"], "seq": 1}})

    assert (await again.op(9))["d"] is False


async def test_heartbeats_may_go_unanswered(session: aiohttp.ClientSession, sandbox: Sandbox) -> None:
    """`no_ack` swallows one answer; the next heartbeat is answered."""
    sandbox.faults.add("gateway", "no_ack")
    bare = await connect(session, sandbox)
    await bare.op(10)
    await bare.send({"op": 1, "d": None})
    await bare.send({"op": 1, "d": None})
    await bare.op(11)
    await bare.send(IDENTIFY)

    assert (await bare.socket.receive_json(timeout=PATIENCE_SECONDS))["t"] == "READY"


async def test_a_heartbeat_is_not_answered_before_its_sender_knows_that_it_was_sent(
    session: aiohttp.ClientSession, sandbox: Sandbox
) -> None:
    """discord.py would warn that it cannot keep up: it takes a quicker answer for one to the heartbeat before."""
    bare = await connect(session, sandbox)
    await bare.op(10)
    sent_seconds = asyncio.get_running_loop().time()
    await bare.send({"op": 1, "d": None})
    await bare.op(11)

    assert asyncio.get_running_loop().time() - sent_seconds >= ACK_SECONDS / 2


async def test_shards_share_the_guild_and_direct_messages(
    session: aiohttp.ClientSession, sandbox: Sandbox, people: People
) -> None:
    """Of two shards one has the guild; direct messages go to the first."""
    heard: dict[int, list[Frame]] = {}
    for number in (0, 1):
        bare = await connect(session, sandbox)
        intents = 1 << 9 | 1 << 12
        await bare.send({"op": 2, "d": {"token": "t", "intents": intents, "shard": [number, 2]}})
        ready = await bare.event("READY")
        await people.say("in the guild")
        await people.say("direct", channel="dm")
        expected = len(ready["d"]["guilds"]) + (number == 0)
        heard[number] = [await bare.event("MESSAGE_CREATE") for _ in range(expected)]

    direct = [frame for frames in heard.values() for frame in frames if "guild_id" not in frame["d"]]
    in_guild = [frame for frames in heard.values() for frame in frames if "guild_id" in frame["d"]]
    assert [frame["d"]["content"] for frame in direct] == ["direct"]
    assert [frame["d"]["channel_id"] for frame in in_guild] == [str(GENERAL_ID)]


async def test_several_connections_hear_the_same(
    session: aiohttp.ClientSession, sandbox: Sandbox, people: People
) -> None:
    """Each identified connection is told, under its own numbers; without the intent nothing is told."""
    first, second = await connect(session, sandbox), await connect(session, sandbox)
    for bare in (first, second):
        await bare.send(IDENTIFY)
        await bare.event("READY")
    await people.say("hello", as_=MEMBER_ID)

    for bare in (first, second):
        told = await bare.event("MESSAGE_CREATE")
        assert told["d"]["author"]["id"] == str(MEMBER_ID)
        assert told["d"]["content"] == ""
        assert "user" not in told["d"]["member"]
