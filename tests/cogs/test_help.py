"""Help in both languages, and everything that is refused before a command begins."""

from typing import Any

import pytest

from sandbox.places import FRIEND_ID, GENERAL_ID, OPERATOR_ID
from sandbox.server import Sandbox
from tests.cogs.stack import Running
from tests.cogs.talk import MENTION, Talk, text_of, title_of
from tests.sandbox.people import UNHURRIED_MS

pytestmark = pytest.mark.usefixtures("running")


@pytest.mark.parametrize("form", ["!help", f"{MENTION} help"])
async def test_help_lists_what_everybody_can_do(talk: Talk, form: str) -> None:
    """Operators' commands are for operators."""
    everybody = await talk.answer_to(form)
    operators = await talk.answer_to(form, as_=OPERATOR_ID)

    for name in ("!quota", "!buy_quota", "!quota_history", "!ask", "!help"):
        assert name in text_of(everybody)
    assert "admin_quota" not in text_of(everybody)
    assert "!admin_quota add" in text_of(operators)


async def test_slash_help_is_private_and_speaks_french(talk: Talk) -> None:
    """With slashes before the names."""
    await talk.speaks("fr")

    answer = await talk.slash("help")

    assert answer["ephemeral"]
    assert "/buy_quota" in text_of(answer)
    assert "Show your quota" not in text_of(answer)


async def test_help_about_one_command(talk: Talk) -> None:
    """And about one that does not exist."""
    one = await talk.answer_to("!help admin_quota remove", as_=OPERATOR_ID)
    hidden = await talk.answer_to("!help admin_quota remove")
    none = await talk.answer_to("!help @everyone")

    assert "!admin_quota remove <@user> <amount> [reason]" in text_of(one)
    assert "!admin_quota remove <" not in text_of(hidden)
    assert "@everyone" not in text_of(none)


async def test_unknown_commands_are_left_to_other_bots(talk: Talk) -> None:
    """Nothing is answered in a server; in direct messages help is."""
    unknown = await talk.say("!nothing")
    known = await talk.answer_to("!help")
    direct = await talk.answer_to("!nothing", channel="dm")

    assert next(one["content"] for one in await talk.seen(after=unknown)) == "!help"
    assert title_of(known) == title_of(direct) == "📖 Help"


async def test_a_missing_argument_is_explained(talk: Talk) -> None:
    """With the usage of the command."""
    answer = await talk.answer_to("!ask")

    assert title_of(answer) == "✏️ Something is missing"
    assert "!ask <question>" in text_of(answer)


async def test_slash_texts_are_french_for_french_clients(sandbox: Sandbox) -> None:
    """Every description of ours, options too; names stay."""
    commands = {one["name"]: one for one in sandbox.world.commands.values()}

    everyones = {
        "quota",
        "buy_quota",
        "quota_history",
        "privacy",
        "notifications",
        "server_quota",
        "help",
        "ask",
    }
    assert set(commands) == everyones | {"admin_quota"}
    for command in commands.values():
        assert command["description_localizations"]["fr"] != command["description"]
    for leaf in commands["admin_quota"]["options"]:
        assert leaf["description_localizations"]["fr"] != leaf["description"]
        for option in leaf.get("options", ()):
            assert option["description_localizations"]["fr"] != option["description"]
    amount = commands["admin_quota"]["options"][0]["options"][1]
    assert (amount["min_value"], amount["max_value"]) == (1, 1_000_000_000)


async def test_bots_and_webhooks_are_not_answered(running: Running, sandbox: Sandbox, talk: Talk) -> None:
    """Two bots that answer each other never stop."""
    channel = running.bot.get_partial_messageable(GENERAL_ID)
    await channel.send("!quota")

    answer = await talk.answer_to("!help", as_=FRIEND_ID)

    assert title_of(answer) == "📖 Help"
    assert sum(bool(one.embeds) for one in sandbox.world.messages.values()) == 1


@pytest.mark.parametrize("fault", ["cut", "lost"])
async def test_an_answer_survives_a_lost_connection(talk: Talk, fault: str) -> None:
    """Whether the first try arrived or not, there is one answer."""
    await talk.fault("discord", fault, times=1, path="messages$", method="POST")

    answer = await talk.answer_to("!quota")
    await talk.answer_to("!help")

    titles = [title_of(one) for one in await talk.seen() if one["embeds"]]
    assert title_of(answer) == "📊 Your quota"
    assert titles == ["📊 Your quota", "📖 Help"]


@pytest.mark.parametrize("fault", ["cut", "lost"])
async def test_a_private_answer_survives_a_lost_connection(talk: Talk, fault: str) -> None:
    """A second "already acknowledged" means that the first try arrived."""
    await talk.fault("discord", fault, times=1, path="callback$", method="POST")

    answer = await talk.slash("quota")

    assert title_of(answer) == "📊 Your quota"
    assert len(await talk.seen()) == 1


async def test_an_answer_that_comes_too_late_breaks_nothing(talk: Talk, sandbox: Sandbox) -> None:
    """Discord forgets an interaction after three seconds; the next one is answered."""
    late = {"code": 10062, "message": "Unknown interaction"}
    sandbox.world.answer_within_ms = 1000
    await talk.fault("discord", "status", times=1, path="callback$", status=404, body=late)
    async with talk.changes(FRIEND_ID) as changes:
        await talk.post("slash", as_=FRIEND_ID, channel=GENERAL_ID, command="quota", options={})
        await changes.next("interaction_failed")
    sandbox.world.answer_within_ms = UNHURRIED_MS

    answer = await talk.slash("quota")

    assert title_of(answer) == "📊 Your quota"


async def test_an_error_of_ours_has_an_id_that_the_log_has_too(
    talk: Talk, running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    """In a button as in a command; never silent."""
    card = await talk.answer_to("!quota")
    topic: Any = running.bot.get_cog("Balance")
    topic._balances = None  # breaks it on purpose

    by_button = await talk.press_label(card, "Refresh")
    by_command = await talk.answer_to("!quota")

    for answer in (by_button, by_command):
        footer = answer["embeds"][0]["footer"]["text"]
        assert footer.removeprefix("Error ") in caplog.text
