"""The guard: taken at the start, given back on failure, refused in words, warned once."""

import asyncio
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cogs.metered import metered
from quota_core.accounts import AccountRef
from sandbox.places import FRIEND_ID, MEMBER_ID
from sandbox.server import Sandbox
from tests.cogs.stack import Core, Running, opened_core, running_bot
from tests.cogs.talk import MENTION, Talk, labels_of, text_of, title_of
from webhooks.stripe_checkout import StripeCheckout


async def test_one_question_costs_one_request(talk: Talk, core: Core, running: Running) -> None:
    """In all three forms."""
    assert running.bot
    first = await talk.answer_to("!ask why?")
    await talk.answer_to(f"{MENTION} ask how?")
    await talk.slash("ask", question="when?")

    assert "why?" in text_of(first)
    assert "1 request used · left: 49" in text_of(first)
    assert await core.used() == 3


async def test_the_refusal_says_what_can_be_done(talk: Talk, core: Core, running: Running) -> None:
    """Used, reset as relative and clock time, wait, upgrade, buy; with buttons."""
    assert running.bot
    await core.spend(50)

    refused = await talk.answer_to("!ask why?")
    private = await talk.slash("ask", question="why?")

    text = text_of(refused)
    assert "Not enough quota" in text
    assert "50 / 50 used" in text
    assert ":R>" in text
    assert ":t>" in text
    assert "Upgrade to **Pro**" in text
    assert "/buy_quota" in text
    assert labels_of(refused) == ["See the options", "Upgrade to Pro"]
    assert private["ephemeral"]
    assert await core.used() == 50


async def test_the_refusal_is_french_in_french(talk: Talk, core: Core, running: Running) -> None:
    """Buttons too."""
    assert running.bot
    await talk.speaks("fr")
    await core.spend(50)

    refused = await talk.slash("ask", question="pourquoi ?")

    assert "50 / 50" in text_of(refused)
    assert "Not enough" not in text_of(refused)
    assert labels_of(refused)[1] != "Upgrade to Pro"


async def test_crossing_a_threshold_warns_once(talk: Talk, core: Core, running: Running) -> None:
    """At 95 %, behind the answer of the command that crossed it, and never again that day."""
    assert running.bot
    await core.spend(47)

    answer = await talk.answer_to("!ask one")
    warning = await talk.next_message(answer["id"])
    after = await talk.answer_to("!ask two")
    await talk.answer_to("!quota")
    seen = await talk.seen(after=after["id"])

    assert "96%" in text_of(warning)
    assert "48 / 50" in text_of(warning)
    assert labels_of(warning) == ["See the options", "Upgrade to Pro"]
    assert [title_of(one) for one in seen if one["embeds"]] == ["📊 Your quota"]


async def test_the_warning_of_a_slash_command_is_private(talk: Talk, core: Core, running: Running) -> None:
    """It follows the answer, for its user alone."""
    assert running.bot
    await core.spend(47)

    answer = await talk.slash("ask", question="one")
    warning = await talk.next_message(answer["id"])

    assert warning["ephemeral"]
    assert "96%" in text_of(warning)
    assert await talk.seen(viewer=FRIEND_ID) == []


async def test_the_last_units_are_spent_to_the_last(talk: Talk, core: Core, running: Running) -> None:
    """Of many questions at the boundary, exactly those that fit are answered."""
    assert running.bot
    await core.spend(45)
    start = await talk.latest_id()

    await asyncio.gather(*(talk.say(f"!ask question {number}") for number in range(9)))
    answers = await talk.several(after=start, count=9 + 9 + 1)

    refused = [one for one in answers if one["embeds"] and "Not enough quota" in title_of(one)]
    assert len(refused) == 4
    assert await core.used() == 50


OTHER_COG = """
import asyncio
import discord
from discord import app_commands
from discord.ext import commands
from cogs.metered import metered, spends_of


class Other(commands.Cog):
    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.go = asyncio.Event()
        self.runs = 0

    @commands.command()
    @metered("requests", cost=5)
    async def prefix_only(self, ctx, *, text: str = ""):
        self.runs += 1
        await ctx.send(f"done {text}")

    @app_commands.command(description="Slash only")
    @metered(cost=2)
    async def slash_only(self, interaction: discord.Interaction, text: str):
        await interaction.response.send_message(f"done {text}")

    @commands.hybrid_command()
    @metered(cost=3)
    async def fails(self, ctx):
        raise RuntimeError("secret detail")

    @commands.hybrid_command()
    @metered(cost=3)
    async def hangs(self, ctx):
        self.entered.set()
        await self.go.wait()
        await ctx.send("done at last")

    @commands.hybrid_command()
    @metered(cost=1)
    async def outer(self, ctx):
        await ctx.invoke(self.inner)
        await ctx.send(f"spent {[spend.units for spend in spends_of(ctx)]}")

    @commands.hybrid_command()
    @metered(cost=4)
    async def inner(self, ctx):
        pass

    @app_commands.command(description="Defers in public")
    @metered(cost=48)
    async def public(self, interaction: discord.Interaction):
        await interaction.response.defer()

    @commands.hybrid_command()
    async def reveal(self, ctx):
        await ctx.defer()
        await ctx.invoke(ctx.bot.get_command("quota_history"))

    @commands.hybrid_command()
    @metered(cost=lambda ctx, result: result // (1 if result else 0), hold=10)
    async def priced(self, ctx, number: int):
        if number == 13:
            raise RuntimeError("secret detail")
        await ctx.send(f"held {[spend.units for spend in spends_of(ctx)]}")
        return number

    @commands.command()
    @commands.cooldown(1, 60)
    async def rarely(self, ctx):
        await ctx.send("this once")

    @commands.command()
    @commands.guild_only()
    async def here(self, ctx, number: int = 0):
        await ctx.send("here")


async def setup(bot):
    await bot.add_cog(Other())
"""


@pytest.fixture
async def others(
    sandbox: Sandbox, checkout: StripeCheckout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Core, Running]]:
    """Return a bot with somebody else's cog, loaded as EXTRA_COGS are, and one that cannot be loaded."""
    assert sandbox.url
    (tmp_path / "other_cog.py").write_text(textwrap.dedent(OTHER_COG))
    monkeypatch.syspath_prepend(tmp_path)
    extensions = ("no_such_cog", "other_cog")
    async with (
        opened_core(tmp_path / "quota.db", checkout=checkout, extensions=extensions) as core,
        running_bot(core.parts) as running,
    ):
        yield core, running


Others = tuple[Core, Running]


async def test_other_cogs_are_metered_without_being_passed_anything(talk: Talk, others: Others) -> None:
    """Prefix-only and slash-only commands too."""
    core, _ = others

    answer = await talk.answer_to("!prefix_only well")
    slash = await talk.slash("slash_only", text="well")

    assert text_of(answer) == text_of(slash) == "done well"
    assert await core.used() == 7


async def test_help_names_the_commands_of_other_cogs(talk: Talk, others: Others) -> None:
    """Slash-only ones with their description."""
    assert others

    answer = await talk.answer_to("!help")

    assert "!prefix_only" in text_of(answer)
    assert "Slash only" in text_of(answer)


@pytest.mark.parametrize("form", ["prefix", "slash"])
async def test_a_body_that_raises_is_given_back(talk: Talk, others: Others, form: str) -> None:
    """And the user reads an error id, not the error."""
    core, _ = others

    answer = await (talk.answer_to("!fails") if form == "prefix" else talk.slash("fails"))

    assert "Error " in text_of(answer)
    assert "secret detail" not in text_of(answer)
    assert await core.used() == 0


@pytest.mark.parametrize(
    ("number", "used"),
    [(4, 4), (10, 10), (99, 10), (0, 10), (-3, 0), (13, 0)],
    ids=["less", "all", "more than held", "cannot be told", "below nothing", "fails"],
)
async def test_a_cost_that_is_known_afterwards_is_held_before(
    talk: Talk, others: Others, number: int, used: int
) -> None:
    """What was not used goes back; a cost that nobody can tell is all that was held."""
    core, running = others

    answer = await talk.answer_to(f"!priced {number}")
    await running.bot.under_way.finish(10)
    part = (await core.parts.balances.of(AccountRef("user", str(MEMBER_ID)))).of("requests")

    assert ("held [10]" in text_of(answer)) == (number != 13)
    assert await core.used() == used
    assert part is not None
    assert part.held == 0


@pytest.mark.parametrize("wrong", [{"cost": len}, {"cost": len, "hold": 0}, {"cost": 2, "hold": 3}])
def test_a_cost_that_is_known_afterwards_needs_its_maximum(wrong: dict[str, Any]) -> None:
    """When the module is loaded, and not when somebody uses it."""
    with pytest.raises(ValueError, match="hold="):
        metered(**wrong)


async def test_a_body_that_is_cancelled_is_given_back(talk: Talk, others: Others) -> None:
    """A shutdown owes nobody anything."""
    core, running = others
    await talk.say("!hangs")
    cog: Any = running.bot.get_cog("Other")
    await cog.entered.wait()
    before = await core.used()

    for task in asyncio.all_tasks():
        if "on_message" in task.get_name():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    assert before == 3
    assert await core.used() == 0


async def test_closing_waits_for_what_is_under_way(
    talk: Talk, others: Others, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command that was begun may finish, within bounds; nothing new is begun."""
    monkeypatch.setattr("cogs.client.CLOSE_SECONDS", 60)
    core, running = others
    said = await talk.say("!hangs")
    cog: Any = running.bot.get_cog("Other")
    await cog.entered.wait()

    running.task.cancel()
    await talk.say("!ask one more")
    cog.go.set()
    await asyncio.gather(running.task, return_exceptions=True)

    assert text_of(await talk.next_message(said)) == "!ask one more"
    assert [text_of(one) for one in await talk.seen(after=said)][-1] == "done at last"
    assert await core.used() == 3


async def test_a_second_metered_call_has_its_own_key(talk: Talk, others: Others) -> None:
    """A command that invokes another pays for both."""
    core, _ = others

    answer = await talk.answer_to("!outer")
    await talk.slash("outer")

    assert text_of(answer) == "spent [1, 4]"
    assert await core.used() == 10


async def test_a_message_delivered_twice_is_charged_and_run_once(talk: Talk, others: Others) -> None:
    """The gateway may replay what it sent before."""
    core, running = others
    await talk.answer_to("!prefix_only")
    sent = await talk.seen()
    channel = running.bot.get_partial_messageable(int(sent[0]["channel"]))
    again = await channel.fetch_message(int(sent[0]["id"]))

    await running.bot.on_message(again)

    cog: Any = running.bot.get_cog("Other")
    assert cog.runs == 1
    assert await core.used() == 5


async def test_nothing_private_follows_a_public_deferral(talk: Talk, others: Others) -> None:
    """What another cog deferred in public stays public, so a button stands where the history would."""
    assert others

    cover = await talk.slash("reveal")
    history = await talk.press_label(cover, "Show it to me only")

    assert not cover["ephemeral"]
    assert "This is private" in text_of(cover)
    assert history["ephemeral"]
    assert "Nothing here yet" in text_of(history)


async def test_a_warning_after_a_public_deferral_is_public(talk: Talk, others: Others) -> None:
    """It counts units and knows no money."""
    assert others

    warning = await talk.slash("public")

    assert "96%" in text_of(warning)
    assert "€" not in text_of(warning)


async def test_errors_of_other_cogs_are_told_in_our_words(talk: Talk, others: Others) -> None:
    """Cooldowns, places and arguments, with a usage that fits."""
    assert others
    await talk.answer_to("!rarely")

    cooldown = await talk.answer_to("!rarely")
    place = await talk.answer_to("!here", channel="dm")
    argument = await talk.answer_to("!here nine")

    assert title_of(cooldown) == "⏰ A little slower, please"
    assert title_of(place) == "🏠 Only in a server"
    assert title_of(argument) == "✏️ I did not understand that"
    assert "!here [number=0]" in text_of(argument)


def test_a_cost_below_one_is_refused_at_once() -> None:
    """Whoever writes it learns it when the cog is loaded."""
    with pytest.raises(ValueError, match="at least 1"):
        metered(cost=0)


async def test_a_halted_ledger_is_told_and_not_run(talk: Talk, core: Core, running: Running) -> None:
    """Nothing is used while an operator has to look."""
    assert running.bot
    core.database.halt("a test")

    refused = await talk.answer_to("!ask why?")

    assert "Nothing was used" in text_of(refused)
