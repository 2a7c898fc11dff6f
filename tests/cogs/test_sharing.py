"""Units of a server for one member: asked for, confirmed by who manages the server then, moved once, and told."""

from dataclasses import replace

import pytest

from cogs import custom_ids
from quota_core.accounts import AccountRef
from quota_core.operators import Actor
from quota_core.preferences import Preference
from sandbox.places import ADMIN_ID, APPLICATION_ID, FRIEND_ID, GENERAL_ID, GUILD_ID, MEMBER_ID, OPERATOR_ID
from sandbox.server import Sandbox
from tests.cogs.stack import Core, Running, running_bot
from tests.cogs.talk import Json, Talk, button, labels_of, text_of, title_of
from tests.sandbox.people import UNHURRIED_MS

GUILD, MEMBER = AccountRef("guild", str(GUILD_ID)), AccountRef("user", str(MEMBER_ID))
ASKED, DONE = "🎁 Give units of this server?", "✅ Units given"


@pytest.fixture(autouse=True)
async def server_has(core: Core) -> None:
    """Give the server a hundred units."""
    operator = Actor(user_id=OPERATOR_ID)
    await core.parts.grants.add(GUILD, 100, actor=operator, reason="", key="g")


async def left(core: Core) -> tuple[int, int]:
    """Return what the server and the member have left of what was bought or given."""
    found = []
    for account in (GUILD, MEMBER):
        part = (await core.parts.balances.of(account)).of("requests")
        found.append(0 if part is None else part.purchased_left)
    return found[0], found[1]


async def asked(talk: Talk, units: str = "30", *, as_: int = ADMIN_ID, member: int = MEMBER_ID) -> Json:
    """Return what a manager is shown before anything moves."""
    return await talk.slash("server_quota", as_=as_, setting="share", units=units, member=str(member))


async def confirmed(talk: Talk, card: Json) -> Json:
    """Press the button below it, and return the message as it was changed."""
    return await talk.press_and_watch(card, "Give them", as_=ADMIN_ID)


@pytest.mark.usefixtures("running")
async def test_a_manager_gives_a_member_units(talk: Talk, core: Core) -> None:
    """Nothing moves before the button is pressed; only the manager reads it, and nothing of what the member has."""
    card = await asked(talk)
    before = await left(core)
    done = await confirmed(talk, card)

    assert card["ephemeral"]
    assert title_of(card) == ASKED
    assert f"**30 requests** would be <@{MEMBER_ID}>'s own" in text_of(card)
    assert "70 requests" in text_of(card)
    assert before == (100, 0)
    assert title_of(done) == DONE
    assert labels_of(done) == []
    assert await left(core) == (70, 30)


@pytest.mark.usefixtures("running")
async def test_typed_it_is_asked_where_nobody_reads_along(talk: Talk, core: Core) -> None:
    """With the member where a role stands otherwise; the metric may follow."""
    cover = await talk.answer_to(f"!server_quota share 30 <@{MEMBER_ID}> requests", as_=ADMIN_ID)
    card = await talk.press_label(cover, "Show it to me only", as_=ADMIN_ID)
    strangers = await talk.press_label(cover, "Show it to me only", as_=MEMBER_ID)
    await confirmed(talk, card)

    assert "30" not in text_of(cover)
    assert card["ephemeral"]
    assert title_of(strangers) == "🙋 This is not yours"
    assert await left(core) == (70, 30)


@pytest.mark.usefixtures("running")
async def test_pressing_twice_gives_once(talk: Talk, core: Core, sandbox: Sandbox) -> None:
    """As who saw no answer does: Discord let the first one through too late."""
    card = await asked(talk)
    late = {"code": 10062, "message": "Unknown interaction"}
    await talk.fault("discord", "status", times=1, path="callback$", status=404, body=late)
    sandbox.world.answer_within_ms = 1000
    async with talk.changes(ADMIN_ID) as changes:
        await talk.press(card, button(card, "Give them"), as_=ADMIN_ID)
        await changes.next("interaction_failed")
    sandbox.world.answer_within_ms = UNHURRIED_MS
    first = await left(core)
    done = await confirmed(talk, card)

    assert first == (70, 30)
    assert title_of(done) == DONE
    assert await left(core) == (70, 30)


async def test_the_button_works_after_a_restart(talk: Talk, core: Core) -> None:
    """Its state is in its id."""
    async with running_bot(core.parts):
        card = await asked(talk)
    async with running_bot(core.parts):
        done = await confirmed(talk, card)

    assert title_of(done) == DONE
    assert await left(core) == (70, 30)


@pytest.mark.usefixtures("running")
async def test_who_manages_the_server_no_more_gives_nothing(talk: Talk, core: Core, sandbox: Sandbox) -> None:
    """The right is looked at when the button is pressed, whatever it was when the card was drawn."""
    card = await asked(talk)
    sandbox.world.users[ADMIN_ID] = replace(sandbox.world.users[ADMIN_ID], role_ids=())
    refused = await talk.press_label(card, "Give them", as_=ADMIN_ID)

    assert title_of(refused) == "⛔ Not allowed"
    assert await left(core) == (100, 0)


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize("who", [MEMBER_ID, FRIEND_ID, OPERATOR_ID])
async def test_nobody_else_is_even_asked(talk: Talk, core: Core, who: int) -> None:
    """In either form; nor do an operator's rights in the bot count in a server."""
    typed = await talk.answer_to(f"!server_quota share 5 <@{MEMBER_ID}>", as_=who)
    slash = await asked(talk, "5", as_=who)

    assert title_of(typed) == title_of(slash) == "⛔ Not allowed"
    assert await left(core) == (100, 0)


async def test_a_forged_button_gives_nothing(talk: Talk, core: Core, running: Running) -> None:
    """One for oneself without the right, one for somebody who is not here, one for a bot."""
    forged = {
        custom_ids.share("requests", 5, MEMBER_ID, MEMBER_ID): (MEMBER_ID, "⛔ Not allowed"),
        custom_ids.offer("requests", 5, MEMBER_ID, MEMBER_ID): (MEMBER_ID, "⛔ Not allowed"),
        custom_ids.share("requests", 5, 77, ADMIN_ID): (ADMIN_ID, "⚠️ Nothing was shared"),
        custom_ids.share("requests", 5, APPLICATION_ID, ADMIN_ID): (ADMIN_ID, "⚠️ Nothing was shared"),
        custom_ids.share("moons", 5, MEMBER_ID, ADMIN_ID): (ADMIN_ID, "🔎 Unknown metric"),
    }
    titles = []
    for custom_id, (who, _) in forged.items():
        message = await talk.drawn_by(running.bot, custom_id)
        titles.append(title_of(await talk.press_label(message, "Old", as_=who)))

    assert titles == [title for _, title in forged.values()]
    assert await left(core) == (100, 0)


@pytest.mark.usefixtures("running")
async def test_what_cannot_be_given_is_explained(talk: Talk, core: Core) -> None:
    """More than there is, no amount, nobody, a role, and what only sharing takes beside another setting."""
    short = await asked(talk, "101")
    answers = [
        await talk.answer_to(f"!server_quota {typed}", as_=ADMIN_ID)
        for typed in (
            f"share -5 <@{MEMBER_ID}>",
            "share",
            "share 5",
            f"share 5 <@&{GUILD_ID}>",
            "share 5 nobody",
            f"share 5 <@{APPLICATION_ID}>",
            f"day 5 <@{MEMBER_ID}>",
        )
    ]

    assert "owns only **100 requests**" in text_of(short)
    assert [title_of(answer) for answer in answers] == [
        "✏️ Not an amount",
        "✏️ Something is missing",
        "✏️ Something is missing",
        "🔎 Unknown user",
        "✏️ I did not understand that",
        "⚠️ Nothing was shared",
        "✏️ Too much of a good thing",
    ]
    assert await left(core) == (100, 0)
    assert (await core.parts.pools.of(GUILD_ID)).caps == ()


@pytest.mark.usefixtures("running")
async def test_metrics_are_offered_while_one_types(talk: Talk) -> None:
    """Those that are counted."""
    asked_for = {"command": "server_quota", "options": {"metric": "req"}, "focused": "metric"}
    offered = await talk.post("autocomplete", as_=ADMIN_ID, channel=GENERAL_ID, **asked_for)

    assert [choice["value"] for choice in offered["choices"]] == ["requests"]


@pytest.mark.usefixtures("running")
async def test_a_member_who_asked_for_messages_is_told_directly(talk: Talk, core: Core) -> None:
    """What came, from where, and what there is now."""
    await core.parts.messages.preferences.keep(MEMBER, Preference(dm="on"))
    await confirmed(talk, await asked(talk))
    message = await talk.next_message("0", channel="dm")

    assert title_of(message) == "🎁 You were given quota!"
    assert "**+30 requests** on your account" in text_of(message)
    assert await core.notices.outcome() == "sent"


@pytest.mark.usefixtures("running")
async def test_other_members_read_it_at_their_next_command(talk: Talk, core: Core) -> None:
    """Who never asked for direct messages gets none."""
    await talk.slash("quota")  # nothing waits yet
    await confirmed(talk, await asked(talk))
    assert await core.notices.outcome() == "kept"
    answer = await talk.slash("quota")
    notice = await talk.next_message(answer["id"])

    assert title_of(notice) == "🎁 You were given quota!"
    assert notice["ephemeral"]
    assert await talk.seen(channel="dm") == []


@pytest.mark.usefixtures("running")
async def test_both_sides_find_it_in_their_history(talk: Talk, core: Core) -> None:
    """The member in their own; who manages the server below its card, and nobody else."""
    await confirmed(talk, await asked(talk))
    mine = await talk.slash("quota_history")
    card = await talk.answer_to("!server_quota", as_=ADMIN_ID)
    theirs = await talk.press_label(card, "History", as_=ADMIN_ID)
    strangers = await talk.press_label(card, "History")

    assert "🎁 +30 requests · given by a server" in text_of(mine)
    assert f"from guild:{GUILD_ID}" in text_of(mine)
    assert theirs["ephemeral"]
    assert "30 requests · given to a member" in text_of(theirs)
    assert f"to <@{MEMBER_ID}>" in text_of(theirs)
    assert title_of(strangers) == "🙋 This is not yours"
    assert await left(core) == (70, 30)


async def test_the_history_of_a_server_is_for_who_manages_it(
    talk: Talk, core: Core, running: Running
) -> None:
    """A button that a member made up shows nothing."""
    message = await talk.drawn_by(running.bot, custom_ids.server_page(0, MEMBER_ID))
    refused = await talk.press_label(message, "Old")

    assert title_of(refused) == "⛔ Not allowed"
    assert await left(core) == (100, 0)


async def test_every_word_is_french_in_french(talk: Talk, core: Core, running: Running) -> None:
    """The question, what became of it, and the history."""
    assert running.bot
    await talk.speaks("fr", user=ADMIN_ID)
    card = await asked(talk)
    done = await talk.press_and_watch(card, "Donner", as_=ADMIN_ID)

    assert "Donner des unités de ce serveur" in text_of(card)
    assert title_of(done) == "✅ Unités données"
    assert button(card, "Donner") == custom_ids.share("requests", 30, MEMBER_ID, ADMIN_ID)
    assert await left(core) == (70, 30)
