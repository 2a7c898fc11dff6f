"""Messages, people and commands over bare REST: what Discord refuses, and how it says so."""

from dataclasses import replace

import aiohttp
import pytest

from sandbox.places import (
    ADMIN_ID,
    APPLICATION_ID,
    BOT_COMMANDS_ID,
    EVERYONE_ROLE_ID,
    FRIEND_ID,
    GENERAL_ID,
    GUILD_ID,
    MEMBER_ID,
    Overwrite,
    Permission,
)
from sandbox.server import Sandbox, serve
from tests.sandbox.bare_rest import BareRest, Json, bare_rest, codes
from tests.sandbox.conftest import MovableClock
from tests.sandbox.people import People

MESSAGES = f"/channels/{GENERAL_ID}/messages"
COMMANDS = f"/applications/{APPLICATION_ID}/commands"
PING: Json = {"name": "ping", "description": "Answer"}


@pytest.mark.parametrize("token", ["", "Bot ", "Bearer x", "x"])
async def test_a_token_is_needed(rest: BareRest, token: str) -> None:
    """Anything but `Bot <token>` is a 401 without a code."""
    answered = await rest("GET", "/users/@me", token=token)

    assert answered.status == 401
    assert answered.body == {"message": "401: Unauthorized", "code": 0}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing/here", 404, 0),
        ("GET", "/users/1", 404, 10013),
        ("GET", "/guilds/1", 404, 10004),
        ("GET", f"/guilds/{GUILD_ID}/members/1", 404, 10007),
        ("GET", f"/guilds/{GUILD_ID}/members", 403, 50001),
        ("GET", "/channels/1", 404, 10003),
        ("GET", f"{MESSAGES}/1", 404, 10008),
        ("DELETE", f"{MESSAGES}/1", 404, 10008),
        ("GET", "/channels/abc", 400, 50035),
        ("GET", f"{COMMANDS}/1", 404, 10063),
        ("GET", "/applications/1/commands", 403, 20012),
        ("GET", f"/applications/{APPLICATION_ID}/guilds/1/commands", 403, 50001),
        ("GET", f"/webhooks/{APPLICATION_ID}/nope/messages/@original", 404, 10015),
        ("POST", "/interactions/1/nope/callback", 404, 10062),
    ],
)
async def test_what_is_not_there(rest: BareRest, method: str, path: str, status: int, code: int) -> None:
    """Each thing has its own status and code."""
    answered = await rest(method, path)

    assert (answered.status, answered.code) == (status, code)


async def test_answers_carry_the_headers_of_a_bucket() -> None:
    """Every answer says what is left, and JSON is exactly `application/json`."""
    async with serve(window_seconds=600) as sandbox, bare_rest(sandbox) as rest:
        first = await rest("GET", "/users/@me")
        second = await rest("GET", "/users/@me")

    assert first.headers["Content-Type"] == "application/json"
    assert first.headers["X-RateLimit-Limit"] == "1000"
    assert second.headers["X-RateLimit-Remaining"] == "998"
    assert 300 < float(second.headers["X-RateLimit-Reset-After"]) <= 600
    assert first.headers["X-RateLimit-Bucket"] == second.headers["X-RateLimit-Bucket"]


async def test_a_full_bucket_answers_429_until_its_window_ends() -> None:
    """The third request of two is refused; another channel has its own bucket; waiting helps."""
    async with (
        serve(requests_per_window=2, window_seconds=3) as sandbox,
        bare_rest(sandbox) as rest,
        People(sandbox.url) as people,
    ):
        for _ in range(2):
            assert (await rest("POST", MESSAGES, {"content": "x"})).status == 200
        refused = await rest("POST", MESSAGES, {"content": "x"})
        other = await rest("POST", f"/channels/{BOT_COMMANDS_ID}/messages", {"content": "x"})
        status = refused.status
        while status == 429:
            status = (await rest("POST", MESSAGES, {"content": "x"})).status
        sent = await people.seen()

    assert refused.status == 429
    assert refused.headers["Via"]
    assert 0 < refused.body["retry_after"] <= 3
    assert refused.body["global"] is False
    assert other.status == 200
    assert len(sent) == 3


@pytest.mark.parametrize(
    ("form", "path", "problem"),
    [
        ({"content": "x" * 2001}, ["content"], "BASE_TYPE_MAX_LENGTH"),
        ({"content": 5}, ["content"], "STRING_TYPE_CONVERT"),
        ({"content": "x", "nonce": "n" * 26}, ["nonce"], "BASE_TYPE_MAX_LENGTH"),
        ({"content": "x", "nonce": {}}, ["nonce"], "STRING_TYPE_CONVERT"),
        ({"content": "x", "flags": "4"}, ["flags"], "NUMBER_TYPE_COERCE"),
        ({"embeds": {}}, ["embeds"], "LIST_TYPE_CONVERT"),
        ({"embeds": [{"title": "x"}] * 11}, ["embeds"], "BASE_TYPE_MAX_LENGTH"),
        ({"content": "x", "poll": {"question": {}}}, ["poll"], "SANDBOX_UNSUPPORTED"),
        ({"content": "x", "allowed_mentions": {"parse": ["all"]}}, ["allowed_mentions", "parse", "0"], ""),
        (
            {"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}},
            ["allowed_mentions", "users"],
            "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
        ),
        (
            {"content": "x", "message_reference": {"message_id": "1"}},
            ["message_reference"],
            "MESSAGE_REFERENCE_UNKNOWN_MESSAGE",
        ),
    ],
)
async def test_a_message_with_a_wrong_field(
    rest: BareRest, form: Json, path: list[str], problem: str
) -> None:
    """The field is named in the tree of problems."""
    answered = await rest("POST", MESSAGES, form)

    assert answered.status == 400
    assert codes(answered, *path)[0].startswith(problem)


@pytest.mark.parametrize("form", [{}, {"content": "  \n"}, {"embeds": [{}]}, {"content": None}])
async def test_an_empty_message_is_refused(rest: BareRest, form: Json) -> None:
    """White space and embeds that show nothing are nothing."""
    assert (await rest("POST", MESSAGES, form)).code == 50006


async def test_broken_json_is_refused(sandbox: Sandbox) -> None:
    """A body that is not JSON is 50109."""
    async with aiohttp.ClientSession(headers={"Authorization": "Bot t"}) as session:
        for raw in (b"{", b"7", b"[" * 100_000):
            async with session.post(f"{sandbox.api_url}{MESSAGES}", data=raw) as response:
                body = await response.json()

                assert (response.status, body["code"]) == (400, 50109)


async def test_a_nonce_counts_once_for_some_minutes(rest: BareRest, sandbox: Sandbox) -> None:
    """Enforced, the same nonce returns the first message; not enforced, it sends again."""
    form = {"content": "x", "nonce": "order-1", "enforce_nonce": True}
    first = await rest("POST", MESSAGES, form)
    second = await rest("POST", MESSAGES, form)
    loose = await rest("POST", MESSAGES, {"content": "x", "nonce": "order-1"})

    assert first.body["id"] == second.body["id"]
    assert first.body["nonce"] == "order-1"
    assert loose.body["id"] != first.body["id"]
    assert len(sandbox.world.messages) == 2


async def test_a_nonce_is_forgotten(rest: BareRest, movable_clock: MovableClock) -> None:
    """After the window the same nonce sends again."""
    form = {"content": "x", "nonce": 7, "enforce_nonce": True}
    first = await rest("POST", MESSAGES, form)
    movable_clock.ahead_seconds = 301
    second = await rest("POST", MESSAGES, form)

    assert first.body["id"] != second.body["id"]


async def test_mentions_are_what_is_allowed(rest: BareRest) -> None:
    """Without the field all mentions count; with it only those it lets through."""
    content = f"<@{MEMBER_ID}> <@{FRIEND_ID}> <@&{EVERYONE_ROLE_ID}> @everyone"
    free = await rest("POST", MESSAGES, {"content": content})
    none = await rest("POST", MESSAGES, {"content": content, "allowed_mentions": {"parse": []}})
    one = await rest("POST", MESSAGES, {"content": content, "allowed_mentions": {"users": [str(FRIEND_ID)]}})

    assert [user["id"] for user in free.body["mentions"]] == [str(MEMBER_ID), str(FRIEND_ID)]
    assert free.body["mention_everyone"] is False
    assert none.body["mentions"] == []
    assert [user["id"] for user in one.body["mentions"]] == [str(FRIEND_ID)]


async def test_only_own_messages_are_edited(rest: BareRest, people: People) -> None:
    """Another's message is 50005; the bot may delete it in the guild, never in a direct message."""
    in_guild = await people.say("mine")
    direct = await people.say("mine", channel="dm")
    dm = (await rest("POST", "/users/@me/channels", {"recipient_id": str(MEMBER_ID)})).body["id"]
    edited = await rest("PATCH", f"{MESSAGES}/{in_guild}", {"content": "yours"})
    deleted = await rest("DELETE", f"{MESSAGES}/{in_guild}")
    kept = await rest("DELETE", f"/channels/{dm}/messages/{direct}")

    assert (edited.status, edited.code) == (403, 50005)
    assert deleted.status == 204
    assert (kept.status, kept.code) == (403, 50003)


async def test_permissions_of_a_channel_bind_the_bot(rest: BareRest, sandbox: Sandbox) -> None:
    """Without the view it is 50001, without a single permission 50013; administrators pass."""
    channel = sandbox.world.channels[GENERAL_ID]
    silent = replace(channel, overwrites={EVERYONE_ROLE_ID: Overwrite(deny=Permission.SEND_MESSAGES)})
    sandbox.world.channels[GENERAL_ID] = silent
    by_role = await rest("POST", MESSAGES, {"content": "x"})
    mute = {APPLICATION_ID: Overwrite(deny=Permission.SEND_MESSAGES)}
    sandbox.world.channels[GENERAL_ID] = replace(channel, overwrites=mute)
    by_member = await rest("POST", MESSAGES, {"content": "x"})
    hidden = {EVERYONE_ROLE_ID: Overwrite(deny=Permission.VIEW_CHANNEL)}
    sandbox.world.channels[GENERAL_ID] = replace(channel, overwrites=hidden)
    unseen = await rest("GET", f"/channels/{GENERAL_ID}")

    assert (by_role.code, by_member.code, unseen.code) == (50013, 50013, 50001)
    assert sandbox.world.sees(ADMIN_ID, GENERAL_ID)
    assert not sandbox.world.sees(MEMBER_ID, GENERAL_ID)


async def test_messages_are_listed_newest_first(rest: BareRest) -> None:
    """`before`, `after`, `around` and `limit` mean what Discord says."""
    ids = [(await rest("POST", MESSAGES, {"content": str(n)})).body["id"] for n in range(5)]

    async def listed(query: str) -> list[str]:
        return [one["content"] for one in (await rest("GET", f"{MESSAGES}?{query}")).body]

    assert await listed("limit=2") == ["4", "3"]
    assert await listed(f"before={ids[2]}") == ["1", "0"]
    assert await listed(f"after={ids[1]}&limit=2") == ["3", "2"]
    assert await listed(f"around={ids[2]}&limit=3") == ["3", "2", "1"]
    assert codes(await rest("GET", f"{MESSAGES}?limit=101"), "limit") == ["NUMBER_TYPE_MAX"]


async def test_ids_are_strings_and_increase(rest: BareRest) -> None:
    """Ids made in one millisecond still differ, and sort by age."""
    ids = [(await rest("POST", MESSAGES, {"content": "x"})).body["id"] for _ in range(20)]

    assert all(isinstance(one, str) for one in ids)
    assert sorted(set(ids), key=int) == ids


async def test_commands_are_kept_replaced_and_removed(rest: BareRest) -> None:
    """POST makes or replaces by name, PUT replaces all and keeps ids, PATCH and DELETE go by id."""
    made = await rest("POST", COMMANDS, PING)
    replaced = await rest("POST", COMMANDS, PING | {"description": "Other"})
    put = await rest("PUT", COMMANDS, [PING, PING | {"name": "pong"}])
    edited = await rest("PATCH", f"{COMMANDS}/{made.body['id']}", {"description": "Third"})
    deleted = await rest("DELETE", f"{COMMANDS}/{put.body[1]['id']}")
    left = await rest("GET", COMMANDS)

    assert (made.status, replaced.status, deleted.status) == (201, 200, 204)
    assert made.body["id"] == replaced.body["id"] == put.body[0]["id"] == edited.body["id"]
    assert [(one["name"], one["description"]) for one in left.body] == [("ping", "Third")]


async def test_guild_commands_are_apart(rest: BareRest) -> None:
    """The guild's commands carry its id and do not show among the global ones."""
    guild_commands = f"/applications/{APPLICATION_ID}/guilds/{GUILD_ID}/commands"
    put = await rest("PUT", guild_commands, [PING])

    assert put.body[0]["guild_id"] == str(GUILD_ID)
    assert (await rest("GET", COMMANDS)).body == []


@pytest.mark.parametrize(
    ("changes", "path", "problem"),
    [
        ({"name": "Ping"}, ["name"], "APPLICATION_COMMAND_INVALID_NAME"),
        ({"name": "a b"}, ["name"], "STRING_TYPE_REGEX"),
        ({"name": "x" * 33}, ["name"], "BASE_TYPE_BAD_LENGTH"),
        ({"description": ""}, ["description"], "BASE_TYPE_BAD_LENGTH"),
        ({"description": "x" * 101}, ["description"], "BASE_TYPE_BAD_LENGTH"),
        ({"name_localizations": {"xx": "a"}}, ["name_localizations", "xx"], "BASE_TYPE_CHOICES"),
        ({"name_localizations": {"fr": "A"}}, ["name_localizations", "fr"], "APPLICATION_COMMAND_INVALID"),
        ({"options": [PING | {"type": 3}] * 26}, ["options"], "BASE_TYPE_MAX_LENGTH"),
        ({"options": [PING | {"type": 99}]}, ["options", "0", "type"], "BASE_TYPE_CHOICES"),
        ({"options": [PING | {"type": 3}] * 2}, ["options", "1", "name"], "APPLICATION_COMMAND_OPTIONS_NAME"),
        ({"options": [PING | {"type": 1}, PING | {"type": 3, "name": "b"}]}, ["options"], ""),
        (
            {"options": [PING | {"type": 3}, PING | {"type": 3, "name": "b", "required": True}]},
            ["options", "1"],
            "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
        ),
        (
            {"options": [PING | {"type": 6, "choices": [{"name": "a", "value": "a"}]}]},
            ["options", "0", "choices"],
            "",
        ),
        ({"contexts": [7]}, ["contexts", "0"], "NUMBER_TYPE_MAX"),
        ({"default_member_permissions": "x"}, ["default_member_permissions"], "NUMBER_TYPE_COERCE"),
    ],
)
async def test_a_command_with_a_wrong_field(
    rest: BareRest, changes: Json, path: list[str], problem: str
) -> None:
    """The field is named in the tree of problems, in a bulk call under the command's index."""
    single = await rest("POST", COMMANDS, PING | changes)
    bulk = await rest("PUT", COMMANDS, [PING | {"name": "fine"}, PING | changes])

    assert codes(single, *path)[0].startswith(problem)
    assert codes(bulk, "1", *path)[0].startswith(problem)
    assert (await rest("GET", COMMANDS)).body == []


async def test_bulk_commands_are_at_most_a_hundred_and_unique(rest: BareRest) -> None:
    """Too many, or two of one name, are refused whole."""
    many = await rest("PUT", COMMANDS, [PING | {"name": f"c{n}"} for n in range(101)])
    twice = await rest("PUT", COMMANDS, [PING, PING])

    assert codes(many) == ["BASE_TYPE_MAX_LENGTH"]
    assert codes(twice, "1") == ["APPLICATION_COMMANDS_DUPLICATE_NAME"]
