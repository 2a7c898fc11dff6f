"""`quota` in its three forms and two languages, and the mention alone."""

import discord
import pytest

from cogs import custom_ids
from quota_core.accounts import AccountRef
from quota_core.operators import Actor
from sandbox.places import ADMIN_ID, FRIEND_ID, MEMBER_ID, OPERATOR_ID
from tests.cogs.stack import Core, Running
from tests.cogs.talk import MENTION, Talk, button, labels_of, text_of, title_of

pytestmark = pytest.mark.usefixtures("running")


async def test_a_message_is_answered_in_its_channel(talk: Talk, core: Core) -> None:
    """Everybody sees the card: a bar of the day, and three buttons for its owner."""
    await core.spend(40)

    answer = await talk.answer_to("!quota")

    assert not answer["ephemeral"]
    assert "`████████░░` 40 / 50" in text_of(answer)
    assert labels_of(answer) == ["Buy", "History", "Refresh"]


async def test_scenario_four_of_the_catalog(talk: Talk, core: Core) -> None:
    """800 of 1,000 used today, 1,200 of 5,000 bought used: 4,000 are left."""
    account, actor = AccountRef("user", str(MEMBER_ID)), Actor(user_id=OPERATOR_ID)
    await core.parts.grants.add(account, 5000, actor=actor, reason="", key="bought")
    await core.spend(1250, key="before")
    await core.parts.grants.set_plan(account, "pro", until_ms=None, actor=actor, reason="", key="plan")
    await core.spend(750, key="today")

    answer = await talk.answer_to("!quota")

    text = text_of(answer)
    assert "800 / 1,000" in text
    assert "1,200 / 5,000" in text
    assert "4,000 requests" in text
    assert "Never expires" in text


async def test_slash_form_is_private(talk: Talk) -> None:
    """Nobody else sees the answer to /quota."""
    answer = await talk.slash("quota")

    assert answer["ephemeral"]
    assert title_of(answer) == "📊 Your quota"
    assert await talk.seen(viewer=FRIEND_ID) == []


async def test_mention_form_runs_the_command(talk: Talk) -> None:
    """`@bot quota` is `!quota`."""
    answer = await talk.answer_to(f"{MENTION} quota")

    assert title_of(answer) == "📊 Your quota"


@pytest.mark.parametrize("content", [MENTION, f"{MENTION} are you there?", f"<@!{MENTION[2:]}"])
async def test_a_mention_without_a_command_is_greeted(talk: Talk, content: str) -> None:
    """The card comes with the three commands."""
    answer = await talk.answer_to(content)

    text = text_of(answer)
    assert "📊 Your quota" in text
    assert "/buy_quota" in text
    assert "/quota_history" in text


async def test_french_once_seen_is_remembered(talk: Talk) -> None:
    """A slash command tells the language; messages are answered in it from then on."""
    await talk.speaks("fr")

    private = await talk.slash("quota")
    public = await talk.answer_to("!quota")

    assert title_of(private) == title_of(public) == "📊 Votre quota"
    assert labels_of(public)[0] == "Acheter"


async def test_a_community_server_has_a_language_of_its_own(talk: Talk, running: Running) -> None:
    """It counts for those whose own is not known yet; elsewhere Discord always says en-US."""
    guild = running.bot.guilds[0]
    guild.preferred_locale = discord.Locale.french
    elsewhere = await talk.answer_to("!quota")
    guild.features.append("COMMUNITY")

    here = await talk.answer_to("!quota")
    await talk.slash("help")
    known = await talk.answer_to("!quota")

    assert title_of(elsewhere) == title_of(known) == "📊 Your quota"
    assert title_of(here) == "📊 Votre quota"


async def test_commands_are_found_in_any_case(talk: Talk) -> None:
    """Phones begin with a capital."""
    answer = await talk.answer_to("! Quota")

    assert title_of(answer) == "📊 Your quota"


async def test_direct_messages_work_the_same(talk: Talk) -> None:
    """`!quota` in a direct message is answered there."""
    answer = await talk.answer_to("!quota", channel="dm")

    assert title_of(answer) == "📊 Your quota"


async def test_refresh_draws_the_card_again_in_place(talk: Talk, core: Core) -> None:
    """The same message shows what was used since."""
    answer = await talk.answer_to("!quota")
    await core.spend(7)

    changed = await talk.press_and_watch(answer, "Refresh")

    assert changed["id"] == answer["id"]
    assert "7 / 50" in text_of(changed)


async def test_refresh_draws_a_private_card_again(talk: Talk, core: Core) -> None:
    """The answer to /quota can be refreshed too, and stays private."""
    answer = await talk.slash("quota")
    await core.spend(9)

    changed = await talk.press_and_watch(answer, "Refresh")

    assert changed["ephemeral"]
    assert "9 / 50" in text_of(changed)


@pytest.mark.parametrize("label", ["Buy", "History", "Refresh"])
async def test_a_stranger_is_told_privately_how_to_get_their_own(talk: Talk, label: str) -> None:
    """Nothing happens to the card of its owner."""
    answer = await talk.answer_to("!quota")

    told = await talk.press_label(answer, label, as_=FRIEND_ID)

    assert told["ephemeral"]
    assert "This is not yours" in title_of(told)
    assert "/" in text_of(told)


async def test_operators_see_the_quota_of_others(talk: Talk, core: Core) -> None:
    """By mention and by id, in both forms; only the Refresh button is offered."""
    await core.spend(3)

    by_mention = await talk.answer_to(f"!quota <@{MEMBER_ID}>", as_=OPERATOR_ID)
    by_id = await talk.answer_to(f"!quota {MEMBER_ID}", as_=OPERATOR_ID)
    by_slash = await talk.slash("quota", as_=OPERATOR_ID, user=str(MEMBER_ID))

    for answer in (by_mention, by_id, by_slash):
        assert title_of(answer) == "📊 Quota of Léa Moreau"
        assert "3 / 50" in text_of(answer)
        assert labels_of(answer) == ["Refresh"]


@pytest.mark.parametrize("as_", [FRIEND_ID, ADMIN_ID])
async def test_nobody_else_sees_the_quota_of_others(talk: Talk, as_: int) -> None:
    """Not even an Administrator of a server that is no operator's."""
    refused = await talk.answer_to(f"!quota <@{MEMBER_ID}>", as_=as_)
    private = await talk.slash("quota", as_=as_, user=str(MEMBER_ID))

    assert title_of(refused) == title_of(private) == "⛔ Not allowed"


async def test_one_may_name_oneself(talk: Talk) -> None:
    """`!quota @me` is `!quota`."""
    answer = await talk.answer_to(f"!quota <@{MEMBER_ID}>")

    assert title_of(answer) == "📊 Your quota"


async def test_a_forged_refresh_does_not_look_at_others(talk: Talk) -> None:
    """Rights are looked up on each press, whatever the id says."""
    answer = await talk.answer_to(f"!quota <@{MEMBER_ID}>", as_=OPERATOR_ID)
    forged = custom_ids.quota(MEMBER_ID, FRIEND_ID)

    await talk.press(answer, forged, as_=FRIEND_ID, force=True)
    told = await talk.press_id(answer, button(answer, "Refresh"), as_=FRIEND_ID)

    assert "This is not yours" in title_of(told)


@pytest.mark.parametrize("name", ["Sam", "nobody", "123", "@everyone", "1101500000000000999"])
async def test_users_are_named_by_mention_or_id_only(talk: Talk, name: str) -> None:
    """A name that two people may share names nobody, and an id that nobody has is refused."""
    refused = await talk.answer_to(f"!quota {name}", as_=OPERATOR_ID)

    assert title_of(refused) == "🔎 Unknown user"
    assert "@everyone" not in text_of(refused)
