"""Troubles on demand: counted, in each provider's own shape, before or after the work is done."""

import time

import aiohttp
import discord
import pytest

from sandbox.faults import Faults
from sandbox.places import GENERAL_ID, MEMBER_ID
from sandbox.server import Sandbox
from tests.sandbox.bare_rest import BareRest
from tests.sandbox.people import People
from tests.sandbox.small_bot import SmallBot

MESSAGES = f"/channels/{GENERAL_ID}/messages"


@pytest.fixture
def faults(sandbox: Sandbox) -> Faults:
    """Return the faults of the sandbox."""
    return sandbox.faults


async def test_a_status_is_answered_so_often_and_no_more(
    rest: BareRest, faults: Faults, sandbox: Sandbox
) -> None:
    """The handler does not run while the fault lasts."""
    faults.add("discord", "status", 2, status=503, path="/messages$", method="POST")
    other = await rest("GET", "/users/@me")
    answers = [await rest("POST", MESSAGES, {"content": "x"}) for _ in range(3)]

    assert other.status == 200
    assert [answered.status for answered in answers] == [503, 503, 200]
    assert answers[0].body == {"message": "503: Service Unavailable", "code": 0}
    assert answers[0].headers["Content-Type"] == "application/json"
    assert len(sandbox.world.messages) == 1


async def test_a_429_is_waited_out_by_the_client(bot: SmallBot, faults: Faults, people: People) -> None:
    """It has the body and headers by which discord.py knows it, and tries again."""
    faults.add("discord", "status", status=429, retry_after=0.01, path="messages")
    pong = await people.answer_to("!ping")

    assert pong["content"] == "pong"
    assert bot.is_ready()
    assert faults.in_force() == []


async def test_a_global_429_says_so(rest: BareRest, faults: Faults) -> None:
    """Scope and body tell that every route waits."""
    faults.add("discord", "status", status=429, **{"global": True})
    answered = await rest("GET", "/users/@me")

    assert answered.body["global"] is True
    assert answered.headers["X-RateLimit-Global"] == "true"
    assert answered.headers["Retry-After"] == "1"


async def test_html_instead_of_json(bot: SmallBot, faults: Faults) -> None:
    """An answer of the network in front of Discord has no JSON, and discord.py copes."""
    faults.add("discord", "status", status=503, html=True)

    with pytest.raises(discord.DiscordServerError):
        await bot.fetch_user(MEMBER_ID)


async def test_a_body_of_ones_own(rest: BareRest, faults: Faults) -> None:
    """A test may choose code and message."""
    faults.add("discord", "status", status=403, body={"code": 40003, "message": "Opening DMs too fast"})
    answered = await rest("POST", "/users/@me/channels", {"recipient_id": str(MEMBER_ID)})

    assert (answered.status, answered.code) == (403, 40003)


async def test_a_lost_answer_has_had_its_effect(
    bot: SmallBot, faults: Faults, sandbox: Sandbox, people: People
) -> None:
    """The client sees a broken connection; the message is there; the same nonce finds it."""
    member = await bot.fetch_user(MEMBER_ID)
    await member.create_dm()
    faults.add("discord", "lost", path="messages")
    with pytest.raises(aiohttp.ClientError):
        await member.send("paid", nonce="1")
    again = await member.send("paid", nonce="1")

    seen = await people.seen(channel="dm")
    assert [message["id"] for message in seen] == [str(again.id)]
    assert sandbox.faults.in_force() == []


async def test_a_cut_connection_has_had_no_effect(bot: SmallBot, faults: Faults, people: People) -> None:
    """The client sees a broken connection and nothing was done."""
    member = await bot.fetch_user(MEMBER_ID)
    await member.create_dm()
    faults.add("discord", "cut", path="messages")
    with pytest.raises(aiohttp.ClientError):
        await member.send("paid")

    assert await people.seen(channel="dm") == []


async def test_a_delay_only_delays(rest: BareRest, faults: Faults) -> None:
    """The answer comes, later."""
    faults.add("discord", "delay", seconds=0.05)
    begun = time.monotonic()
    answered = await rest("GET", "/users/@me")

    assert answered.status == 200
    assert time.monotonic() - begun >= 0.05


@pytest.mark.parametrize(
    ("status", "kind"),
    [(500, "api_error"), (429, "invalid_request_error"), (402, "card_error"), (409, "idempotency_error")],
)
async def test_stripes_errors_have_stripes_shape(
    sandbox: Sandbox, faults: Faults, status: int, kind: str
) -> None:
    """The middleware answers for `/v1/` in the form of the other provider."""
    faults.add("stripe", "status", status=status)
    async with aiohttp.ClientSession() as session, session.get(f"{sandbox.url}/v1/balance") as response:
        body = await response.json()

    assert response.status == status
    assert body["error"]["type"] == kind


@pytest.mark.parametrize(
    "wrong",
    [
        {"where": "nowhere", "fault": "cut"},
        {"where": "discord", "fault": "shuffle"},
        {"where": "discord", "fault": "cut", "times": 0},
        {"where": "discord", "fault": "cut", "times": True},
        {"where": "discord", "fault": "cut", "code": 4000},
        {"where": "discord", "fault": "status", "status": 200},
        {"where": "discord", "fault": "status", "path": "["},
        {"where": "gateway", "fault": "close", "code": "4000"},
        {"fault": "cut"},
    ],
)
async def test_a_fault_that_makes_no_sense_is_refused(people: People, wrong: dict[str, object]) -> None:
    """The control API says what is wrong, and nothing is in force."""
    status, reason = await people.refused("faults", **wrong)

    assert status == 400
    assert reason
    assert (await people.get("faults"))["faults"] == []


async def test_faults_are_listed_with_what_is_left(people: People, rest: BareRest) -> None:
    """Each use takes one off; DELETE ends all."""
    await people.post("faults", where="discord", fault="status", status=500, times=2)
    await rest("GET", "/users/@me")
    left = await people.get("faults")
    ended = await people.call("DELETE", "faults")

    assert left == {"faults": [{"where": "discord", "fault": "status", "times": 1, "status": 500}]}
    assert ended == (200, {"faults": []})
