"""Answers to interactions over bare REST: in time, once, of a fitting kind, seen by the right people."""

from typing import Any

import pytest

from sandbox.happenings import ANSWER_WITHIN_MS, InteractionFailed, News
from sandbox.places import FRIEND_ID, GENERAL_ID, MEMBER_ID
from sandbox.server import Sandbox
from tests.sandbox.bare_rest import BareRest, Json, codes, command_used
from tests.sandbox.conftest import MovableClock
from tests.sandbox.people import People

BUTTON: Json = {"type": 1, "components": [{"type": 2, "style": 1, "label": "A", "custom_id": "a"}]}
EPHEMERAL = 64
LOADING = 128


def answer(kind: int, **data: Any) -> Json:
    """Return the body of a callback."""
    return {"type": kind, "data": data} if data else {"type": kind}


async def test_the_first_answer_names_its_message(rest: BareRest, sandbox: Sandbox) -> None:
    """`with_response` returns the interaction and the message; without it there is nothing to read."""
    callback, webhook = command_used(sandbox.world, GENERAL_ID)
    told = await rest("POST", f"{callback}?with_response=1", answer(4, content="hi"), token="")
    original = await rest("GET", f"{webhook}/messages/@original", token="")
    silent = await rest("POST", command_used(sandbox.world, GENERAL_ID)[0], answer(4, content="hi"), token="")

    assert told.body["interaction"]["response_message_id"] == original.body["id"]
    assert told.body["resource"]["message"]["content"] == "hi"
    assert original.body["interaction_metadata"]["user"]["id"] == str(MEMBER_ID)
    assert original.body["type"] == 20
    assert silent.status == 204


async def test_a_second_answer_is_refused(rest: BareRest, sandbox: Sandbox) -> None:
    """40060, and the first answer stands."""
    callback, _ = command_used(sandbox.world, GENERAL_ID)
    await rest("POST", callback, answer(4, content="one"))
    second = await rest("POST", callback, answer(4, content="two"))

    assert (second.status, second.code) == (400, 40060)
    assert [message.content for message in sandbox.world.messages.values()] == ["one"]


async def test_a_late_answer_is_refused(
    rest: BareRest, sandbox: Sandbox, movable_clock: MovableClock
) -> None:
    """After three seconds the interaction is unknown."""
    sandbox.world.answer_within_ms = ANSWER_WITHIN_MS
    callback, _ = command_used(sandbox.world, GENERAL_ID)
    movable_clock.ahead_seconds = 3.1
    late = await rest("POST", callback, answer(4, content="x"))

    assert (late.status, late.code) == (404, 10062)


async def test_the_token_dies_after_fifteen_minutes(
    rest: BareRest, sandbox: Sandbox, movable_clock: MovableClock
) -> None:
    """Follow-ups and edits then get 50027; before the first answer the webhook is unknown."""
    callback, webhook = command_used(sandbox.world, GENERAL_ID)
    early = await rest("POST", webhook, {"content": "x"})
    await rest("POST", callback, answer(4, content="x"))
    movable_clock.ahead_seconds = 15 * 60 + 1
    late = await rest("POST", webhook, {"content": "x"})
    edit = await rest("PATCH", f"{webhook}/messages/@original", {"content": "y"})

    assert (early.status, early.code) == (404, 10015)
    assert (late.status, late.code) == (edit.status, edit.code) == (401, 50027)


async def test_nobody_waits_for_ever(sandbox: Sandbox, people: People) -> None:
    """After three seconds without an answer its user is told that the interaction failed."""
    failed: list[News] = []
    sandbox.world.answer_within_ms = ANSWER_WITHIN_MS
    sandbox.world.subscribe(failed.append)
    changes = people.changes(MEMBER_ID)
    async with changes:
        command_used(sandbox.world, GENERAL_ID)
        told = await changes.next("interaction_failed")

    assert isinstance(failed[-1], InteractionFailed)
    assert told == {"interaction": str(failed[-1].interaction.id), "message": None}


@pytest.mark.parametrize("kind", [1, 6, 7, 8, 10, "4", None])
async def test_a_kind_that_does_not_fit_is_refused(rest: BareRest, sandbox: Sandbox, kind: Any) -> None:
    """A command is answered by a message, now or later, or a modal."""
    callback, _ = command_used(sandbox.world, GENERAL_ID)
    refused = await rest("POST", callback, {"type": kind, "data": {"content": "x"}})

    assert codes(refused, "type")
    assert (await rest("POST", callback, answer(4, content="x"))).status == 204


async def test_problems_of_an_answer_are_under_data(rest: BareRest, sandbox: Sandbox) -> None:
    """The tree starts where the form is; a refused answer may be given again."""
    callback, _ = command_used(sandbox.world, GENERAL_ID)
    refused = await rest("POST", callback, answer(4, content="x" * 2001))
    empty = await rest("POST", callback, answer(4, content=""))

    assert codes(refused, "data", "content") == ["BASE_TYPE_MAX_LENGTH"]
    assert empty.code == 50006
    assert (await rest("POST", callback, answer(4, content="x"))).status == 204


@pytest.mark.parametrize("by_edit", [True, False])
async def test_a_deferred_answer_keeps_who_sees_it(
    rest: BareRest, sandbox: Sandbox, people: People, *, by_edit: bool
) -> None:
    """A public deferral stays public whatever the filling asks for, and a private one private."""
    for flags in (0, EPHEMERAL):
        callback, webhook = command_used(sandbox.world, GENERAL_ID)
        deferred = await rest("POST", f"{callback}?with_response=1", answer(5, flags=flags))
        filling = {"content": "done", "flags": EPHEMERAL - flags}
        if by_edit:
            filled = await rest("PATCH", f"{webhook}/messages/@original", filling)
        else:
            filled = await rest("POST", f"{webhook}?wait=1", filling)

        assert deferred.body["resource"]["message"]["flags"] == flags | LOADING
        assert filled.body["id"] == deferred.body["resource"]["message"]["id"]
        assert filled.body["flags"] == flags
        assert filled.body["edited_timestamp"] is None
    assert len(await people.seen(viewer=FRIEND_ID)) == 1
    assert len(await people.seen(viewer=MEMBER_ID)) == 2


async def test_follow_ups_are_messages_of_their_own(rest: BareRest, sandbox: Sandbox) -> None:
    """They can be read, changed and deleted by the token; the original is deleted apart."""
    callback, webhook = command_used(sandbox.world, GENERAL_ID)
    await rest("POST", callback, answer(4, content="one"))
    second = await rest("POST", f"{webhook}?wait=true", {"content": "two", "flags": EPHEMERAL})
    path = f"{webhook}/messages/{second.body['id']}"
    changed = await rest("PATCH", path, {"content": "three"})
    await rest("DELETE", f"{webhook}/messages/@original")
    gone = await rest("GET", f"{webhook}/messages/@original")
    deleted = await rest("DELETE", path)

    assert changed.body["content"] == "three"
    assert changed.body["flags"] == EPHEMERAL
    assert gone.code == 10008
    assert deleted.status == 204
    assert sandbox.world.messages == {}


async def test_another_interaction_does_not_reach_the_message(rest: BareRest, sandbox: Sandbox) -> None:
    """A token opens its own messages only."""
    first_callback, _ = command_used(sandbox.world, GENERAL_ID)
    told = await rest("POST", f"{first_callback}?with_response=1", answer(4, content="one"))
    callback, webhook = command_used(sandbox.world, GENERAL_ID)
    await rest("POST", callback, answer(4, content="two"))
    message_id = told.body["interaction"]["response_message_id"]

    assert (await rest("GET", f"{webhook}/messages/{message_id}")).code == 10008


async def test_a_private_message_is_not_there_for_the_bot_token(rest: BareRest, sandbox: Sandbox) -> None:
    """Only the interaction's token reaches it."""
    callback, _ = command_used(sandbox.world, GENERAL_ID)
    told = await rest("POST", f"{callback}?with_response=1", answer(4, content="psst", flags=EPHEMERAL))
    path = f"/channels/{GENERAL_ID}/messages/{told.body['interaction']['response_message_id']}"

    assert (await rest("GET", path)).code == 10008
    assert (await rest("PATCH", path, {"content": "x"})).code == 10008
    assert (await rest("DELETE", path)).code == 10008


async def test_a_press_updates_the_message_it_was_on(
    rest: BareRest, sandbox: Sandbox, people: People
) -> None:
    """Type 7 edits at once, type 6 lets `@original` mean the pressed message, also a private one."""
    callback, _ = command_used(sandbox.world, GENERAL_ID)
    private = answer(4, content="choose", components=[BUTTON], flags=EPHEMERAL)
    shown = (await rest("POST", f"{callback}?with_response=1", private)).body["resource"]["message"]

    async def pressed() -> tuple[str, str]:
        made = sandbox.world.interactions[int(await people.press(shown, "a"))]
        return (
            f"/interactions/{made.id}/{made.token}/callback",
            f"/webhooks/{shown['author']['id']}/{made.token}",
        )

    callback, _ = await pressed()
    now = await rest("POST", f"{callback}?with_response=1", answer(7, content="seven", components=[BUTTON]))
    callback, webhook = await pressed()
    await rest("POST", callback, answer(6))
    later = await rest("PATCH", f"{webhook}/messages/@original", {"content": "six", "components": []})
    extra = await rest("POST", f"{webhook}?wait=1", {"content": "more"})

    assert now.body["resource"]["message"]["content"] == "seven"
    assert later.body["id"] == now.body["resource"]["message"]["id"] == shown["id"]
    assert later.body["content"] == "six"
    assert later.body["flags"] == EPHEMERAL
    assert extra.body["id"] != shown["id"]
    assert extra.body["message_reference"]["message_id"] == shown["id"]


@pytest.mark.parametrize(
    ("modal", "path"),
    [
        ({"custom_id": "m", "components": [BUTTON]}, ["title"]),
        ({"title": "x" * 46, "custom_id": "m", "components": [BUTTON]}, ["title"]),
        ({"title": "x", "components": [BUTTON]}, ["custom_id"]),
        ({"title": "x", "custom_id": "m", "components": []}, ["components"]),
        (
            {"title": "x", "custom_id": "m", "components": [BUTTON]},
            ["components", "0", "components", "0", "type"],
        ),
        (
            {
                "title": "x",
                "custom_id": "m",
                "components": [{"type": 18, "label": "L", "component": {"type": 4, "custom_id": "t"}}],
            },
            ["components", "0", "component", "style"],
        ),
    ],
)
async def test_a_modal_with_a_wrong_field(
    rest: BareRest, sandbox: Sandbox, modal: Json, path: list[str]
) -> None:
    """Titles, ids and inputs are held to their bounds."""
    callback, _ = command_used(sandbox.world, GENERAL_ID)
    refused = await rest("POST", callback, {"type": 9, "data": modal})

    assert codes(refused, "data", *path)


async def test_a_modal_cannot_answer_a_modal(rest: BareRest, sandbox: Sandbox, people: People) -> None:
    """A form is answered by a message."""
    field = {"type": 4, "custom_id": "t", "style": 1, "label": "T", "min_length": 2}
    row = {"type": 1, "components": [field]}
    modal = {"type": 9, "data": {"title": "x", "custom_id": "m", "components": [row]}}
    callback, _ = command_used(sandbox.world, GENERAL_ID)
    await rest("POST", callback, modal)
    opened = callback.split("/")[2]
    short = await people.refused("modal", as_=MEMBER_ID, interaction=opened, values={"t": "a"})
    stranger = await people.refused("modal", as_=FRIEND_ID, interaction=opened, values={"t": "abc"})
    other = await people.refused("modal", as_=MEMBER_ID, interaction=opened, values={"u": "abc"})
    sent = await people.post("modal", as_=MEMBER_ID, interaction=opened, values={"t": "abc"})
    made = sandbox.world.interactions[int(sent["interaction"])]
    refused = await rest("POST", f"/interactions/{made.id}/{made.token}/callback", modal)

    assert (short[0], stranger[0], other[0]) == (400, 404, 400)
    assert made.data["components"][0]["components"][0]["value"] == "abc"
    assert codes(refused, "type") == ["BASE_TYPE_CHOICES"]
