"""Before the first paid units of a window, a command asks; the answer is remembered."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from quota_core.accounts import AccountRef
from quota_core.operators import Actor
from sandbox.places import FRIEND_ID, MEMBER_ID, OPERATOR_ID
from tests.cogs.stack import Core, Running, opened_core, running_bot
from tests.cogs.talk import Talk, labels_of, text_of, title_of
from webhooks.stripe_checkout import StripeCheckout

MEMBER = AccountRef("user", str(MEMBER_ID))


@pytest.fixture
async def core(tmp_path: Path, checkout: StripeCheckout) -> AsyncIterator[Core]:
    """Return the core of a bot that asks; its member has used up today and bought a hundred."""
    async with opened_core(tmp_path / "quota.db", checkout=checkout, ask_before_paid=True) as opened:
        await opened.spend(50)
        grants = opened.parts.grants
        await grants.add(MEMBER, 100, actor=Actor(user_id=OPERATOR_ID), reason="gift", key="g")
        yield opened


async def left(core: Core) -> int:
    """Return what is left of what was bought."""
    part = (await core.parts.balances.of(MEMBER)).of("requests")
    assert part is not None
    return part.purchased_left


@pytest.mark.usefixtures("running")
async def test_a_message_waits_for_the_answer_and_goes_on(talk: Talk, core: Core) -> None:
    """The question is private; afterwards nobody is asked again that day."""
    cover = await talk.answer_to("!ask one")
    question = await talk.press_label(cover, "Show it to me only")
    before = await left(core)
    start = await talk.latest_id()
    await talk.press_id(question, f"v1:paid_use:requests:{MEMBER_ID}")
    told = await talk.several(after=start, count=2)
    again = await talk.answer_to("!ask two")

    assert "1 request" not in text_of(cover)
    assert question["ephemeral"]
    assert title_of(question) == "💳 Use paid units?"
    assert "1 request** (you have 100 requests)" in text_of(question)
    assert labels_of(question) == ["Use paid units", "See the options"]
    assert before == 100
    assert any("one" in text_of(one) for one in told)
    assert "two" in text_of(again)
    assert await left(core) == 98


@pytest.mark.usefixtures("running")
async def test_a_slash_command_is_sent_again(talk: Talk, core: Core) -> None:
    """Its answer is the question, for its user alone."""
    question = await talk.slash("ask", question="one")
    agreed = await talk.press_label(question, "Use paid units")
    answer = await talk.slash("ask", question="two")

    assert question["ephemeral"]
    assert title_of(agreed) == "✅ Agreed"
    assert "send your command again" in text_of(agreed)
    assert "two" in text_of(answer)
    assert await left(core) == 99
    assert await talk.seen(viewer=FRIEND_ID) == []


async def test_nothing_is_taken_while_nobody_agrees(talk: Talk, core: Core, running: Running) -> None:
    """Nor after a restart, where the button still notes the answer."""
    assert running.bot
    question = await talk.slash("ask", question="one")
    assert await left(core) == 100
    running.task.cancel()

    async with running_bot(core.parts):
        agreed = await talk.press_label(question, "Use paid units")
        answer = await talk.slash("ask", question="two")

    assert title_of(agreed) == "✅ Agreed"
    assert "two" in text_of(answer)
    assert await left(core) == 99
