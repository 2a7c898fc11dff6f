"""Before the first paid units of a window, a command asks; the answer is remembered."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from quota_core.accounts import AccountRef
from quota_core.operators import Actor
from sandbox.places import ADMIN_ID, FRIEND_ID, GUILD_ID, MEMBER_ID, OPERATOR_ID
from sandbox.server import Sandbox
from tests.cogs.stack import Core, Running, opened_core, running_bot
from tests.cogs.talk import Talk, labels_of, text_of, title_of
from webhooks.stripe_checkout import StripeCheckout

MEMBER = AccountRef("user", str(MEMBER_ID))
GUILD = AccountRef("guild", str(GUILD_ID))


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


HELD_COG = """
from discord.ext import commands
from cogs.metered import metered


class Held(commands.Cog):
    @commands.hybrid_command()
    @metered(cost=lambda ctx, result: result, hold=10)
    async def think(self, ctx):
        await ctx.send("thought")
        return 4


async def setup(bot):
    await bot.add_cog(Held())
"""


async def test_a_cost_that_is_known_afterwards_is_asked_about_too(
    sandbox: Sandbox, talk: Talk, checkout: StripeCheckout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is held while nobody agrees; then only what was used is taken."""
    assert sandbox.url
    (tmp_path / "held_cog.py").write_text(HELD_COG)
    monkeypatch.syspath_prepend(tmp_path)
    async with (
        opened_core(
            tmp_path / "quota.db", checkout=checkout, ask_before_paid=True, extensions=("held_cog",)
        ) as core,
        running_bot(core.parts),
    ):
        await core.spend(45)
        await core.parts.grants.add(MEMBER, 100, actor=Actor(user_id=OPERATOR_ID), reason="gift", key="g")
        question = await talk.slash("think")
        before = await left(core)
        await talk.press_label(question, "Use paid units")
        answer = await talk.slash("think")
        after = await left(core)

    assert title_of(question) == "💳 Use paid units?"
    assert "5 requests" in text_of(question)
    assert (before, after) == (100, 100)
    assert "thought" in text_of(answer)


@pytest.mark.usefixtures("running")
async def test_what_the_server_pays_is_not_asked_about(talk: Talk, core: Core) -> None:
    """It is not the member's; whose own paid units come first is asked about those."""
    operator = Actor(user_id=OPERATOR_ID)
    await core.parts.grants.add(GUILD, 100, actor=operator, reason="", key="s")
    await talk.answer_to("!server_quota on", as_=ADMIN_ID)
    asked = await talk.slash("ask", question="mine?")
    await talk.answer_to("!server_quota server_first", as_=ADMIN_ID)
    answer = await talk.slash("ask", question="ours?")

    assert title_of(asked) == "💳 Use paid units?"
    assert "ours?" in text_of(answer)
    assert await left(core) == 100
