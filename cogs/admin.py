"""
What operators do: `!admin_quota add|remove|plan|block|unblock|stats`.

Who may is checked four times over, because discord.py leaves holes: a check on a group does not guard its
sub-commands, and slash permissions say nothing about the prefix form. The cog checks both forms, every leaf checks,
the buttons check, and the core checks again in the same call that changes anything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar

import discord
from discord import app_commands
from discord.ext import commands

from cogs import custom_ids
from cogs.actors import account_of, actor_of
from cogs.arguments import Amount, OperatorsOnlyError, Person, UnknownSubcommandError, until_in
from cogs.buttons import OwnedButton
from cogs.cover import cover_card
from cogs.errors import Mishaps
from cogs.refund_button import LookButton, RefundButton, refund_button
from cogs.replies import press, source_id, tell, tell_privately
from cogs.slash_texts import command_english, option_english
from cogs.speech import Speech
from cogs.topic import Topic
from quota_core.catalog import Catalog
from quota_core.grants import Grants
from quota_core.operators import Operators
from quota_core.refunding import Refunding
from quota_core.stats import Statistics
from wording.admin_card import change_card, plan_card, stats_card, status_card
from wording.help_card import help_card
from wording.refund_card import refundable_card
from wording.safe import mention


async def _by_an_operator(context: commands.Context[Any]) -> bool:
    """Check one leaf, in both forms."""
    assert isinstance(context.cog, Admin)
    context.cog.require(context)
    return True


operators_only = commands.check(_by_an_operator)


class StatsButton(OwnedButton, template=custom_ids.STATS):
    """Shows the figures privately."""

    topic = "Admin"
    own = "admin_quota stats"

    async def press(self, interaction: discord.Interaction[Any], topic: Admin) -> None:
        """Count, for operators only."""
        topic.require(interaction)
        words = await topic.speech.words(interaction)
        await tell(interaction, stats_card(await topic.statistics.now(), topic.catalog, words))


class Admin(Topic):
    """Give, take, put on a plan, count."""

    buttons: ClassVar[tuple[type[discord.ui.DynamicItem[Any]], ...]] = (StatsButton, LookButton, RefundButton)

    def __init__(
        self,
        speech: Speech,
        mishaps: Mishaps,
        catalog: Catalog,
        *,
        grants: Grants,
        statistics: Statistics,
        operators: Operators,
        refunding: Refunding,
        prefix: str,
        clock: Callable[[], int],
    ) -> None:
        super().__init__(speech, mishaps)
        self.catalog = catalog
        self.statistics = statistics
        self._grants = grants
        self._operators = operators
        self.refunding = refunding
        self._prefix = prefix
        self._clock = clock

    def require(self, who: commands.Context[Any] | discord.Interaction[Any]) -> None:
        """Raise OperatorsOnlyError unless an operator asks."""
        if not self._operators.allow(actor_of(who)):
            raise OperatorsOnlyError

    async def cog_check(self, context: commands.Context[Any]) -> bool:
        """Check every command of this cog in prefix and hybrid form."""
        self.require(context)
        return True

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        """Check every command of this cog in slash form."""
        return self._operators.allow(actor_of(interaction))

    @commands.hybrid_group(name="admin_quota", description=command_english("admin_quota"))  # type: ignore[arg-type]  # discord.py's own types do not see methods of cogs
    @operators_only
    async def admin_quota(self, context: commands.Context[Any], asked: str | None = None) -> None:
        """Show the usage of the sub-commands; `asked` is none of them."""
        if asked is not None:
            choices = sorted(self.admin_quota.all_commands)
            raise UnknownSubcommandError(asked, tuple(choices))
        words = await self.speech.words(context)
        await tell(context, help_card("admin_quota", words, prefix=self._prefix, operator=True))

    @admin_quota.command(name="add", description=command_english("admin_quota add"))  # type: ignore[arg-type]  # the same
    @app_commands.describe(
        user=option_english("admin_quota add", "user"),
        amount=option_english("admin_quota add", "amount"),
        reason=option_english("admin_quota add", "reason"),
    )
    @operators_only
    async def add(
        self,
        context: commands.Context[Any],
        user: Annotated[discord.User, Person],
        amount: Annotated[int, Amount],
        *,
        reason: str = "",
    ) -> None:
        """Give a user units that never expire."""
        change = await self._grants.add(
            account_of(user), amount, actor=actor_of(context), reason=reason, key=source_id(context)
        )
        words = await self.speech.words(context)
        card = change_card(
            "add",
            change,
            self.catalog,
            words,
            who=mention(user.id),
            metric=self.catalog.primary_metric,
            asked=amount,
            reason=reason,
        )
        await tell(context, card)

    @admin_quota.command(name="remove", description=command_english("admin_quota remove"))  # type: ignore[arg-type]  # the same
    @app_commands.describe(
        user=option_english("admin_quota remove", "user"),
        amount=option_english("admin_quota remove", "amount"),
        reason=option_english("admin_quota remove", "reason"),
    )
    @operators_only
    async def remove(
        self,
        context: commands.Context[Any],
        user: Annotated[discord.User, Person],
        amount: Annotated[int, Amount],
        *,
        reason: str = "",
    ) -> None:
        """Take purchased or given units back, never below zero."""
        change = await self._grants.remove(
            account_of(user), amount, actor=actor_of(context), reason=reason, key=source_id(context)
        )
        words = await self.speech.words(context)
        card = change_card(
            "remove",
            change,
            self.catalog,
            words,
            who=mention(user.id),
            metric=self.catalog.primary_metric,
            asked=amount,
            reason=reason,
        )
        await tell(context, card)

    @admin_quota.command(name="plan", description=command_english("admin_quota plan"), ignore_extra=False)  # type: ignore[arg-type]  # the same
    @app_commands.describe(
        user=option_english("admin_quota plan", "user"),
        plan=option_english("admin_quota plan", "plan"),
        until=option_english("admin_quota plan", "until"),
    )
    @operators_only
    async def plan(
        self,
        context: commands.Context[Any],
        user: Annotated[discord.User, Person],
        plan: str,
        until: str | None = None,
    ) -> None:
        """Put a user on a plan, for good or until a day."""
        until_ms = None if until is None else until_in(until, now_ms=self._clock(), zone=self.catalog.zone)
        change = await self._grants.set_plan(
            account_of(user),
            plan.lower(),
            until_ms=until_ms,
            actor=actor_of(context),
            reason="",
            key=source_id(context),
        )
        words = await self.speech.words(context)
        await tell(
            context, plan_card(change, self.catalog, words, who=mention(user.id), now_ms=self._clock())
        )

    @admin_quota.command(name="block", description=command_english("admin_quota block"))  # type: ignore[arg-type]  # the same
    @app_commands.describe(
        user=option_english("admin_quota block", "user"), reason=option_english("admin_quota block", "reason")
    )
    @operators_only
    async def block(
        self, context: commands.Context[Any], user: Annotated[discord.User, Person], *, reason: str = ""
    ) -> None:
        """Let a user spend nothing until an operator lifts it."""
        change = await self._grants.block(
            account_of(user), actor=actor_of(context), reason=reason, key=source_id(context)
        )
        words = await self.speech.words(context)
        await tell(context, status_card(change, words, who=mention(user.id), reason=reason))

    @admin_quota.command(name="unblock", description=command_english("admin_quota unblock"))  # type: ignore[arg-type]  # the same
    @app_commands.describe(
        user=option_english("admin_quota unblock", "user"),
        reason=option_english("admin_quota unblock", "reason"),
    )
    @operators_only
    async def unblock(
        self, context: commands.Context[Any], user: Annotated[discord.User, Person], *, reason: str = ""
    ) -> None:
        """Lift a block by hand."""
        change = await self._grants.unblock(
            account_of(user), actor=actor_of(context), reason=reason, key=source_id(context)
        )
        words = await self.speech.words(context)
        await tell(context, status_card(change, words, who=mention(user.id), reason=reason))

    @plan.autocomplete("plan")
    async def offer_plans(
        self, interaction: discord.Interaction[Any], typed: str
    ) -> list[app_commands.Choice[str]]:
        """Offer the catalog's plans; what is sent is checked all the same."""
        if not self._operators.allow(actor_of(interaction)):
            return []
        return [
            app_commands.Choice(name=plan_id, value=plan_id)
            for plan_id in self.catalog.plans_by_rank
            if typed.lower() in plan_id
        ][:25]

    @admin_quota.command(name="refund", description=command_english("admin_quota refund"), ignore_extra=False)  # type: ignore[arg-type]  # the same
    @app_commands.describe(order=option_english("admin_quota refund", "order"))
    @operators_only
    async def refund(self, context: commands.Context[Any], order: str) -> None:
        """Show what a refund of an order would do, with the button that does it; money is never shown in public."""
        found = await self.refunding.look(order.strip(), actor=actor_of(context))
        words = await self.speech.words(context)
        await tell_privately(
            context,
            refundable_card(found, self.catalog, words),
            [refund_button(found, context.author.id, words)],
            cover=cover_card(words("refund.ask"), words),
            opener=press(words("button.show_privately"), custom_ids.look(found.order_id, context.author.id)),
        )

    @admin_quota.command(name="stats", description=command_english("admin_quota stats"))  # type: ignore[arg-type]  # the same
    @operators_only
    async def stats(self, context: commands.Context[Any]) -> None:
        """Show the figures; they hold money, so never in public."""
        words = await self.speech.words(context)
        await tell_privately(
            context,
            stats_card(await self.statistics.now(), self.catalog, words),
            cover=cover_card(words("stats.title"), words),
            opener=press(words("button.show_privately"), custom_ids.stats(context.author.id)),
        )
