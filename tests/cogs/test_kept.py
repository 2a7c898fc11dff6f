"""Messages that could not be sent, shown privately at the next command."""

import pytest

from sandbox.places import FRIEND_ID, GENERAL_ID, MEMBER_ID
from tests.cogs.buying import bought
from tests.cogs.stack import Core, Running
from tests.cogs.talk import Talk, labels_of, text_of, title_of


@pytest.fixture
async def kept(talk: Talk, core: Core, running: Running) -> None:
    """Leave the member a confirmation that Discord did not let through."""
    assert running.bot
    await talk.post("users", id=str(MEMBER_ID), dms_open=False)
    await bought(core)
    assert await core.notices.outcome() == "kept"


pytestmark = pytest.mark.usefixtures("kept")


async def test_a_slash_command_is_followed_by_it(talk: Talk, core: Core) -> None:
    """At once, for its user alone, and once."""
    answer = await talk.slash("quota")
    notice = await talk.next_message(answer["id"])
    assert await core.notices.outcome() == "shown"

    again = await talk.slash("quota")
    await talk.slash("help")

    assert title_of(notice) == "✅ Quota added!"
    assert notice["ephemeral"]
    titles = [title_of(one) for one in await talk.seen(after=again["id"])]
    assert titles == ["📖 Help"]


async def test_a_message_is_followed_by_a_button(talk: Talk, core: Core) -> None:
    """The channel reads that there is a message, not what it says."""
    answer = await talk.answer_to("!quota")
    offer = await talk.next_message(answer["id"])
    notice = await talk.press_label(offer, "Read my message")

    assert title_of(offer) == "📬 You have a message."
    assert "1,000" not in text_of(offer)
    assert notice["ephemeral"]
    assert title_of(notice) == "✅ Quota added!"
    assert await core.notices.outcome() == "shown"


async def test_a_stranger_cannot_open_it(talk: Talk) -> None:
    """It stays kept for its owner."""
    answer = await talk.answer_to("!quota")
    offer = await talk.next_message(answer["id"])

    told = await talk.press_label(offer, "Read my message", as_=FRIEND_ID)
    notice = await talk.press_label(offer, "Read my message")

    assert "This is not yours" in title_of(told)
    assert title_of(notice) == "✅ Quota added!"


async def test_an_opened_message_leads_to_the_history(talk: Talk) -> None:
    """A second press finds nothing more."""
    answer = await talk.answer_to("!quota")
    offer = await talk.next_message(answer["id"])
    await talk.press_label(offer, "Read my message")

    again = await talk.press_label(offer, "Read my message")

    assert "/quota_history" in text_of(again)


async def test_opened_direct_messages_still_show_it_at_the_next_command(talk: Talk, core: Core) -> None:
    """What was kept is not sent a second time."""
    await talk.post("users", id=str(MEMBER_ID), dms_open=True)

    answer = await talk.answer_to("!quota", channel="dm")
    notice = await talk.next_message(answer["id"], channel="dm")

    assert title_of(notice) == "✅ Quota added!"
    assert await core.notices.outcome() == "shown"
    assert len(core.notices.attempts) == 1


async def test_a_refused_command_shows_it_too(talk: Talk, core: Core) -> None:
    """Being out of quota is when a purchase matters most."""
    await core.spend(1050)

    refused = await talk.slash("ask", question="why?")
    notice = await talk.next_message(refused["id"])

    assert labels_of(refused)
    assert title_of(notice) == "✅ Quota added!"


async def test_nobody_else_is_told(talk: Talk) -> None:
    """A friend's command shows nothing of it."""
    start = await talk.latest_id(viewer=FRIEND_ID)

    await talk.slash("quota", as_=FRIEND_ID)
    await talk.slash("help", as_=FRIEND_ID)

    seen = await talk.seen(viewer=FRIEND_ID, channel=GENERAL_ID, after=start)
    assert [title_of(one) for one in seen] == ["📊 Your quota", "📖 Help"]


async def test_what_is_kept_later_is_shown_to_who_had_nothing_before(talk: Talk, core: Core) -> None:
    """Knowing that nothing waits for somebody lasts until something does."""
    await talk.slash("quota")
    assert await core.notices.outcome() == "shown"
    settled = await talk.slash("quota")
    await talk.slash("help")
    await bought(core)
    assert await core.notices.outcome() == "kept"

    answer = await talk.slash("quota")
    notice = await talk.next_message(answer["id"])

    assert title_of(notice) == "✅ Quota added!"
    assert notice["id"] != settled["id"]
