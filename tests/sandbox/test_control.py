"""The control API: what people can do and see, and what it refuses for them."""

import asyncio
import errno
import sys
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from sandbox.places import (
    ADMIN_ID,
    BOT_COMMANDS_ID,
    EVERYONE_ROLE_ID,
    FRIEND_ID,
    GENERAL_ID,
    GUILD_ID,
    MEMBER_ID,
    OPERATOR_ID,
    Overwrite,
    Permission,
)
from sandbox.server import Sandbox, serve
from tests.sandbox.bare_rest import BareRest, Json
from tests.sandbox.people import People

MESSAGES = f"/channels/{GENERAL_ID}/messages"
COMMANDS = "/applications/1101500000000000100/commands"


def option(kind: int, name: str, **more: Any) -> Json:
    """Return a command's option."""
    return {"type": kind, "name": name, "description": "x"} | more


ADMIN_QUOTA: Json = {
    "name": "admin_quota",
    "description": "x",
    "default_member_permissions": str(int(Permission.ADMINISTRATOR)),
    "contexts": [0],
    "options": [
        option(
            1,
            "add",
            options=[
                option(6, "user", required=True),
                option(4, "amount", required=True, min_value=1, max_value=1000),
                option(3, "reason", max_length=5),
                option(5, "quiet"),
                option(3, "plan", choices=[{"name": "Pro", "value": "pro"}]),
            ],
        )
    ],
}


async def test_the_world_is_listed(people: People) -> None:
    """Fixed ids as strings, roles, locales and channels."""
    world = await people.get("world")

    assert [(user["id"], user["role"]) for user in world["users"]] == [
        (str(MEMBER_ID), "member"),
        (str(FRIEND_ID), "friend"),
        (str(ADMIN_ID), "admin"),
        (str(OPERATOR_ID), "operator"),
    ]
    assert {user["locale"] for user in world["users"]} == {"en-US"}
    assert world["guild"] == {"id": str(GUILD_ID), "name": "Jauge Sandbox"}
    assert [channel["name"] for channel in world["channels"]] == ["general", "bot-commands"]


async def test_users_change_and_join(people: People) -> None:
    """Locale and direct messages are settings; a new id with a name becomes a member."""
    changed = await people.post("users", id=MEMBER_ID, locale="fr", dms_open=False)
    joined = await people.post("users", id=7, name="Newcomer")
    await people.say("hello", as_=7)
    unknown = await people.refused("users", id=8)
    wrong = await people.refused("users", id=MEMBER_ID, locale="français")

    assert (changed["locale"], changed["dms_open"]) == ("fr", False)
    assert joined["role"] == "member"
    assert (unknown[0], wrong[0]) == (404, 400)


async def test_messages_are_seen_with_discords_objects(people: People) -> None:
    """Mentions are parsed, replies point at what they answer."""
    first = await people.say(f"hello <@{FRIEND_ID}>")
    await people.post("messages", as_=FRIEND_ID, channel=GENERAL_ID, content="hi", reply_to=first)
    hello, reply = await people.seen(viewer=ADMIN_ID)

    assert hello["author"]["global_name"] == "Léa Moreau"
    assert [user["id"] for user in hello["mentions"]] == [str(FRIEND_ID)]
    assert reply["reference"]["message_id"] == first
    assert reply["channel"] == str(GENERAL_ID)
    assert await people.seen(viewer=ADMIN_ID, after=first) == [reply]


async def test_direct_messages_are_between_two(people: People) -> None:
    """`dm` is the viewer's own with the bot; nobody else reaches it."""
    sent = await people.post("messages", as_=MEMBER_ID, channel="dm", content="hello")
    status, _ = await people.call("GET", "messages", viewer=FRIEND_ID, channel=sent["channel"])

    assert [message["id"] for message in await people.seen(channel="dm")] == [sent["id"]]
    assert await people.seen(viewer=FRIEND_ID, channel="dm") == []
    assert status == 404


async def test_waiting_ends_with_the_first_new_message(people: People) -> None:
    """A long poll answers when something comes, and with nothing when the time is up."""
    first = await people.say("one")
    waiting = asyncio.create_task(people.next_message(first))
    elsewhere = asyncio.create_task(people.next_message("0", channel=BOT_COMMANDS_ID))
    second = await people.say("two")
    await people.say("three", channel=BOT_COMMANDS_ID)
    nothing = await people.get("messages", viewer=MEMBER_ID, channel="dm", wait_s=0.01)

    assert (await waiting)["id"] == second
    assert (await elsewhere)["content"] == "three"
    assert nothing == {"messages": []}


async def test_a_channel_one_cannot_see_is_not_there(people: People, sandbox: Sandbox) -> None:
    """Reading and writing follow the channel's overwrites."""
    channel = sandbox.world.channels[GENERAL_ID]
    hidden = {EVERYONE_ROLE_ID: Overwrite(deny=Permission.VIEW_CHANNEL)}
    silent = {EVERYONE_ROLE_ID: Overwrite(deny=Permission.SEND_MESSAGES)}
    sandbox.world.channels[GENERAL_ID] = replace(channel, overwrites=hidden)
    unseen = await people.refused("messages", as_=MEMBER_ID, channel=GENERAL_ID, content="x")
    by_admin = await people.say("x", as_=ADMIN_ID)
    sandbox.world.channels[GENERAL_ID] = replace(channel, overwrites=silent)
    mute = await people.refused("messages", as_=MEMBER_ID, channel=GENERAL_ID, content="x")

    assert (unseen[0], mute[0]) == (404, 403)
    assert by_admin


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"as_": MEMBER_ID},
        {"as_": MEMBER_ID, "channel": GENERAL_ID},
        {"as_": MEMBER_ID, "channel": GENERAL_ID, "content": " "},
        {"as_": MEMBER_ID, "channel": GENERAL_ID, "content": "x" * 2001},
        {"as_": 1, "channel": GENERAL_ID, "content": "x"},
        {"as_": 1101500000000000100, "channel": GENERAL_ID, "content": "x"},
        {"as_": MEMBER_ID, "channel": 1, "content": "x"},
        {"as_": MEMBER_ID, "channel": GENERAL_ID, "content": "x", "reply_to": "1"},
    ],
)
async def test_a_message_that_nobody_could_send_is_refused(people: People, wrong: Json) -> None:
    """With a reason."""
    assert (await people.refused("messages", **wrong))[1]


async def test_a_press_that_nobody_could_make_is_refused(people: People, rest: BareRest) -> None:
    """Unknown, foreign, disabled and private components; `force` sends a forged id all the same."""
    row = [
        {"type": 2, "style": 1, "label": "A", "custom_id": "on"},
        {"type": 2, "style": 1, "label": "B", "custom_id": "off", "disabled": True},
    ]
    form = {"content": "x", "components": [{"type": 1, "components": row}]}
    message = (await rest("POST", MESSAGES, form)).body["id"]
    own = await people.say("mine")
    good: Json = {"as_": MEMBER_ID, "message": message, "custom_id": "on"}
    cases: dict[str, Json] = {
        "gone": {"message": 1},
        "no bot's": {"message": own},
        "unknown": {"custom_id": "else"},
        "disabled": {"custom_id": "off"},
        "values": {"values": ["a"]},
        "nobody": {"as_": 1},
    }
    refusals = {case: (await people.refused("press", **good | asked))[0] for case, asked in cases.items()}
    pressed = await people.post("press", as_=FRIEND_ID, message=message, custom_id="on")
    forged = await people.post("press", as_=FRIEND_ID, message=message, custom_id="v1:forged", force=True)

    assert refusals == {
        "gone": 404,
        "no bot's": 400,
        "unknown": 400,
        "disabled": 400,
        "values": 400,
        "nobody": 404,
    }
    assert pressed["interaction"] != forged["interaction"]


async def test_menus_take_what_they_offer(people: People, rest: BareRest, sandbox: Sandbox) -> None:
    """Values are counted and known; a user menu resolves whom it names."""
    menus = [
        {"type": 3, "custom_id": "tea", "max_values": 2, "options": [{"label": x, "value": x} for x in "ab"]},
        {"type": 5, "custom_id": "who"},
    ]
    form = {"content": "x", "components": [{"type": 1, "components": [menu]} for menu in menus]}
    message = (await rest("POST", MESSAGES, form)).body["id"]
    for values in ([], ["c"], ["a", "a"], "a", None):
        asked: Json = {} if values is None else {"values": values}
        await people.refused("press", as_=MEMBER_ID, message=message, custom_id="tea", **asked)
    both = await people.post("press", as_=MEMBER_ID, message=message, custom_id="tea", values=["a", "b"])
    who = await people.post("press", as_=MEMBER_ID, message=message, custom_id="who", values=[str(FRIEND_ID)])

    made = sandbox.world.interactions
    assert made[int(both["interaction"])].data["values"] == ["a", "b"]
    assert set(made[int(who["interaction"])].data["resolved"]) == {"users", "members"}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, "user is required"),
        ({"user": "1", "amount": 5}, "user must be the id of a user"),
        ({"user": str(FRIEND_ID)}, "amount is required"),
        ({"user": str(FRIEND_ID), "amount": "many"}, "amount must be a integer"),
        ({"user": str(FRIEND_ID), "amount": 1.5}, "amount must be a integer"),
        ({"user": str(FRIEND_ID), "amount": True}, "amount must be a integer"),
        ({"user": str(FRIEND_ID), "amount": 0}, "amount must be at least 1"),
        ({"user": str(FRIEND_ID), "amount": 1001}, "amount must be at most 1000"),
        ({"user": str(FRIEND_ID), "amount": 5, "reason": "x" * 6}, "reason must have 0 to 5 characters"),
        ({"user": str(FRIEND_ID), "amount": 5, "quiet": "maybe"}, "quiet must be a boolean"),
        ({"user": str(FRIEND_ID), "amount": 5, "plan": "gold"}, "plan must be one of its choices"),
        ({"user": str(FRIEND_ID), "amount": 5, "colour": "red"}, "no such option: colour"),
    ],
)
async def test_options_are_checked_as_discords_client_does(
    people: People, rest: BareRest, options: Json, reason: str
) -> None:
    """Wrong values never reach the bot."""
    await rest("POST", COMMANDS, ADMIN_QUOTA)
    asked = {"as_": ADMIN_ID, "channel": GENERAL_ID, "command": "admin_quota add", "options": options}
    status, said = await people.refused("slash", **asked)

    assert status == 400
    assert reason in said


async def test_a_slash_command_is_sent_as_discord_sends_it(
    people: People, rest: BareRest, sandbox: Sandbox
) -> None:
    """Nested options, resolved users, typed values."""
    made = await rest("POST", COMMANDS, ADMIN_QUOTA)
    options = {"user": str(FRIEND_ID), "amount": "5", "quiet": True, "plan": "pro"}
    sent = await people.post(
        "slash", as_=ADMIN_ID, channel=GENERAL_ID, command="admin_quota add", options=options
    )

    interaction = sandbox.world.interactions[int(sent["interaction"])]
    assert interaction.data["id"] == made.body["id"]
    assert interaction.data["options"][0]["name"] == "add"
    values = {one["name"]: one["value"] for one in interaction.data["options"][0]["options"]}
    assert values == {"user": str(FRIEND_ID), "amount": 5, "quiet": True, "plan": "pro"}
    assert interaction.data["resolved"]["users"][str(FRIEND_ID)]["username"] == "sam_okafor"
    assert interaction.name == "admin_quota add"


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"as_": MEMBER_ID}, 403),
        ({"channel": "dm"}, 403),
        ({"command": "admin_quota"}, 400),
        ({"command": "admin_quota burn"}, 404),
        ({"command": "nothing"}, 404),
        ({"channel": 1}, 404),
        ({"options": []}, 200),
        ({"options": ["x"]}, 400),
    ],
)
async def test_commands_are_offered_where_and_to_whom_they_may(
    people: People, rest: BareRest, asked: Json, status: int
) -> None:
    """Permissions, contexts and sub-commands; `force` goes past the client's checks."""
    await rest("POST", COMMANDS, ADMIN_QUOTA)
    good: Json = {
        "as_": ADMIN_ID,
        "channel": GENERAL_ID,
        "command": "admin_quota add",
        "options": {"user": str(FRIEND_ID), "amount": 5},
    }
    got, _ = await people.call("POST", "slash", **good | asked | {"force": status == 200})
    forced, _ = await people.call("POST", "slash", **good | {"as_": MEMBER_ID, "force": True})

    assert got == status
    assert forced == 200


async def test_commands_are_listed_for_whom_they_are_offered(people: People, rest: BareRest) -> None:
    """A guild-only command for administrators is not offered to a member."""
    await rest("PUT", COMMANDS, [ADMIN_QUOTA, {"name": "quota", "description": "x"}])

    for viewer, expected in ((MEMBER_ID, ["quota"]), (ADMIN_ID, ["admin_quota", "quota"])):
        offered = await people.get("commands", viewer=viewer)
        assert [one["name"] for one in offered["commands"]] == expected


async def test_events_show_a_viewer_what_is_theirs(people: People, rest: BareRest) -> None:
    """Messages, edits, deletions, typing and changes of the world arrive; another's direct message does not."""
    changes = people.changes(MEMBER_ID)
    async with changes:
        await people.say("secret", as_=FRIEND_ID, channel="dm")
        sent = (await rest("POST", MESSAGES, {"content": "one"})).body["id"]
        await rest("PATCH", f"{MESSAGES}/{sent}", {"content": "two"})
        await rest("DELETE", f"{MESSAGES}/{sent}")
        await rest("POST", f"/channels/{GENERAL_ID}/typing")
        await people.post("users", id=MEMBER_ID, locale="fr")
        created = await changes.next("message_create")
        edited = await changes.next("message_update")
        deleted = await changes.next("message_delete")
        typing = await changes.next("typing")
        world = await changes.next("world")

    assert created["message"]["content"] == "one"
    assert edited["message"]["content"] == "two"
    assert deleted == {"id": sent, "channel": str(GENERAL_ID)}
    assert typing["channel"] == str(GENERAL_ID)
    assert world["users"][0]["locale"] == "fr"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:1"}, 200),
        ({"Host": "evil.example"}, 403),
        ({"Host": "evil.example:80"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, 200),
    ],
)
async def test_only_this_machines_own_pages_may_call(
    sandbox: Sandbox, headers: dict[str, str], status: int
) -> None:
    """Foreign names (DNS rebinding) and foreign origins are refused."""
    form = {"as": str(MEMBER_ID), "channel": str(GENERAL_ID), "content": "x"}
    async with aiohttp.ClientSession(sandbox.url, headers=headers) as session:
        async with session.post("/control/messages", json=form) as response:
            assert response.status == status
        async with session.get("/control/world") as response:
            assert response.status == status


async def test_the_own_origin_is_let_through(sandbox: Sandbox) -> None:
    """A browser sends the page's origin with every POST."""
    headers = {"Origin": sandbox.url}
    form = {"as": str(MEMBER_ID), "channel": str(GENERAL_ID), "content": "x"}
    async with (
        aiohttp.ClientSession(sandbox.url, headers=headers) as session,
        session.post("/control/messages", json=form) as response,
    ):
        assert response.status == 200


async def test_the_page_is_served_under_a_strict_policy(sandbox: Sandbox) -> None:
    """The page and its files, and nothing beside its folder."""
    async with aiohttp.ClientSession(sandbox.url) as session:
        async with session.get("/") as page:
            policy = page.headers["Content-Security-Policy"]
            found = [page.status]
        for path in ("/chat/main.js", "/chat/..%2Fserver.py", "/chat/nothing.js", "/chat/server.py"):
            async with session.get(path) as response:
                found.append(response.status)

    assert found == [200, 200, 404, 404, 404]
    assert policy.startswith("default-src 'none'; script-src 'self';")


@pytest.mark.parametrize("raw", [b"{", b"[]", b"[" * 100_000, b"\xff"])
async def test_a_body_that_is_no_object_is_refused(sandbox: Sandbox, raw: bytes) -> None:
    """Broken bodies are 400, never 500."""
    async with aiohttp.ClientSession(sandbox.url) as session:
        for name in ("messages", "press", "slash", "modal", "users", "faults", "world"):
            async with session.post(f"/control/{name}", data=raw) as response:
                assert response.status == 400


async def test_a_port_in_use_is_named(sandbox: Sandbox) -> None:
    """The error says which port."""
    port = int(sandbox.url.rpartition(":")[2])

    with pytest.raises(OSError, match=f"port {port} is in use") as refused:
        async with serve(port=port):
            pass
    assert refused.value.errno == errno.EADDRINUSE


async def test_the_world_runs_alone() -> None:
    """`python -m sandbox` says where it listens and ends cleanly when told."""
    arguments = (sys.executable, "-m", "sandbox", "--port", "0")
    process = await asyncio.create_subprocess_exec(*arguments, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    url = line.split()[0].removeprefix("sandbox=")
    async with People(url) as people:
        world = await people.get("world")
    process.terminate()

    assert line.split()[1].startswith("webhook_secret=whsec_")
    assert world["guild"]["id"] == str(GUILD_ID)
    assert await process.wait() == 0
