"""`python -m benchmarks.discord_cost`: the CPU of one `!quota`, and of a message that is none of our business."""

from __future__ import annotations

import sys
import time
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path

import discord
from discord.ext import commands

from benchmarks import product, questions
from benchmarks.discord_offline import Offline, Wire, messages
from benchmarks.places import folder_inside
from benchmarks.product import OPERATOR_ID, Product
from benchmarks.program import Run, start
from benchmarks.results import Result, compared
from benchmarks.rounds import Measure, compare, take_turns
from benchmarks.workload import Workload, set_aside
from cogs.assembly import Parts, make_bot
from cogs.command_sync import MarksInMemory
from quota_core.account_statement import Statements
from quota_core.balances import Balances
from quota_core.erasure import Erasures
from quota_core.grants import Grants
from quota_core.history import History
from quota_core.messages import Messages
from quota_core.notices import Notices
from quota_core.operators import Operators
from quota_core.people import People
from quota_core.personal_data import PersonalData
from quota_core.pools import Pools
from quota_core.purchases import Purchases
from quota_core.refunding import Refunding
from quota_core.reversals import Reversals
from quota_core.signing import SigningKey
from quota_core.stats import Statistics
from quota_core.tombstones import TombstoneFile
from quota_core.transfers import Transfers

ACCOUNTS = 1_000
UNIT = "µs"
FIRST_LOOKS = 1_000_000  # numbers of messages that no round uses


async def measure(run: Run) -> list[Result]:
    """Answer both questions, in one process and with the same messages for both bots."""
    workload, number = Workload(min(ACCOUNTS, run.sizes.accounts)), count()

    def written(content: str) -> list[list[str]]:
        each = run.sizes.commands
        return [
            messages(content, workload.account_ids(each), first=each * next(number))
            for _ in range(run.sizes.rounds + 1)
        ]

    # Who asks for the first time since the start is looked up in the file, which happens once for each account:
    # the round that warms up asks for all of them, as it is for a bot that has run for a while.
    first = messages("!quota", workload.ids, first=FIRST_LOOKS)
    called, spoken = written("!quota"), written("this is an ordinary message, which no bot answers")
    called[0] = first
    set_aside(called, spoken)
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(folder_inside(run.folder))
        ledger = await stack.enter_async_context(product.fresh(folder, workload))
        plain, ours = Offline(constant_bot(), Wire()), Offline(product_bot(ledger), Wire())
        for bot in (plain, ours):
            await bot.log_in()
            stack.push_async_callback(bot.log_out)
        contestants = {
            "constant": answering(plain, called),
            "quota": answering(ours, called),
            "plain": ignoring(plain, spoken),
            "ours": ignoring(ours, spoken),
        }
        reached = await take_turns(contestants, rounds=run.sizes.rounds)
        assert "Buy" in ours.wire.bodies[0], ours.wire.bodies
    return [
        compared(questions.DISCORD_COMMAND, compare(reached["quota"], reached["constant"]), UNIT, 1),
        compared(questions.DISCORD_IGNORED, compare(reached["ours"], reached["plain"]), UNIT, 1),
    ]


def answering(bot: Offline, rounds: list[list[str]]) -> Measure:
    """Return what measures the microseconds of CPU of one command."""

    async def measured(number: int) -> float:
        return 1e6 * await bot.answer_all(rounds[number])

    return measured


def ignoring(bot: Offline, rounds: list[list[str]]) -> Measure:
    """Return what measures the microseconds of CPU of one message that is not for the bot."""

    async def measured(number: int) -> float:
        return 1e6 * await bot.ignore_all(rounds[number])

    return measured


class Constant(commands.Cog):
    """One command that sends the same embed with three buttons again and again."""

    def __init__(self) -> None:
        self._embed = discord.Embed(title="Your quota", description="47 left", colour=0x57F287)
        self._embed.add_field(name="Today", value="3 of 50")
        self._view: discord.ui.View | None = None

    async def cog_load(self) -> None:
        """Make the buttons once, which needs a running loop."""
        self._view = discord.ui.View(timeout=None)
        for place in range(3):
            self._view.add_item(discord.ui.Button(label=f"Button {place}", custom_id=f"b{place}"))

    @commands.command(name="quota")
    async def quota(self, context: commands.Context[commands.Bot]) -> None:
        """Answer, always with the same."""
        assert self._view is not None
        await context.send(embed=self._embed, view=self._view)


class ConstantBot(commands.Bot):
    """discord.py's own bot, with the product's options, and one command."""

    async def setup_hook(self) -> None:
        """Load the command."""
        await self.add_cog(Constant())


def constant_bot() -> commands.Bot:
    """Return the baseline."""
    return ConstantBot(
        commands.when_mentioned_or("!"),
        help_command=None,
        intents=discord.Intents(guilds=True, guild_messages=True, dm_messages=True, message_content=True),
        allowed_mentions=discord.AllowedMentions.none(),
        max_messages=None,
        strip_after_prefix=True,
        case_insensitive=True,
    )


def product_bot(opened: Product) -> commands.Bot:
    """Return the product's bot on a ledger."""
    database, book, clock = opened.ledger.database, opened.ledger.book, opened.ledger.clock
    operators = Operators(user_ids=frozenset({OPERATOR_ID}))
    notices = Notices(database, clock=clock)
    statements = Statements(database, SigningKey.new(), clock=clock)
    parts = Parts(
        catalog=book.catalog,
        quota=opened.quota,
        balances=Balances(database, book, clock=clock),
        grants=Grants(database, book, operators, max_grant_units=1, clock=clock),
        refunding=Refunding(
            database,
            None,
            Reversals(database, book, notices, operators=(), default_locale="en-US", clock=clock),
            operators,
        ),
        history=History(database, book),
        statements=statements,
        erasures=Erasures(database, book, TombstoneFile(Path(), b""), clock=clock),
        personal_data=PersonalData(database, statements, clock=clock),
        statistics=Statistics(database, book, clock=clock),
        notices=notices,
        messages=Messages(
            database,
            book,
            notices,
            operators=(),
            channels=(),
            default_locale="en-US",
            clock=clock,
        ),
        people=People(database, book, clock=clock),
        purchases=Purchases(database, book, None, clock=clock),
        transfers=Transfers(database, book, notices, max_units=1, clock=clock),
        pools=Pools(database, book, clock=clock),
        operators=operators,
        marks=MarksInMemory(),
        default_locale="en-US",
        public_url="https://quota.example",
        clock=clock,
        monotonic=time.monotonic,
    )
    return make_bot(parts, message_content=True)


if __name__ == "__main__":
    sys.exit(start(measure))
