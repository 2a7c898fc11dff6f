"""
What operators do: `!admin_quota add|remove|plan|block|unblock|stats`.

Who may is checked four times over, because discord.py leaves holes: a check on a group does not guard its
sub-commands, and slash permissions say nothing about the prefix form. The cog checks both forms, every leaf checks,
the buttons check, and the core checks again in the same call that changes anything.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal

import discord
from discord import app_commands
from discord.ext import commands

from cogs import custom_ids
from cogs.actors import account_of, actor_of
from cogs.arguments import (
    Amount,
    OperatorsOnlyError,
    Person,
    UnknownSubcommandError,
    plan_time_in,
    split_until,
    until_in,
)
from cogs.cover import cover_card
from cogs.errors import Mishaps
from cogs.refund_button import LookButton, RefundButton, refund_button
from cogs.replies import press, source_id, tell, tell_privately
from cogs.slash_texts import command_english, option_english
from cogs.speech import Speech
from cogs.stats_button import StatsButton
from cogs.topic import Topic
from quota_core.catalog import Catalog
from quota_core.grants import Change, Grants
from quota_core.operators import Operators
from quota_core.refunding import Refunding
from quota_core.stats import Statistics
from wording.admin_card import change_card, plan_card, stats_card, status_card
from wording.card import Card
from wording.help_card import help_card
from wording.refund_card import refundable_card
from wording.safe import Safe, mention


async def _by_an_operator(context: commands.Context[Any]) -> bool:
    """Check one leaf, in both forms."""
    assert isinstance(context.cog, Admin)
    context.cog.require(context)
    return True


operators_only = commands.check(_by_an_operator)


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
        until=option_english("admin_quota add", "until"),
    )
    @operators_only
    async def add(
        self,
        context: commands.Context[Any],
        user: Annotated[discord.User, Person],
        amount: Annotated[int, Amount],
        *,
        reason: str = "",
        until: str | None = None,
    ) -> None:
        """Give a user units that never expire, or that end after a day."""
        end, reason = split_until(reason, until)
        # Counted from the message itself, so that a copy of it asks for the same day.
        asked_ms = int(discord.utils.snowflake_time(source_id(context)).timestamp() * 1000)
        expires_ms = None if end is None else until_in(end, now_ms=asked_ms, zone=self.catalog.zone)
        change = await self._grants.add(
            account_of(user),
            amount,
            actor=actor_of(context),
            reason=reason,
            key=source_id(context),
            expires_ms=expires_ms,
        )
        card = await self._changed(
            context, "add", change, user, asked=amount, reason=reason, expires_ms=expires_ms
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
        card = await self._changed(context, "remove", change, user, asked=amount, reason=reason)
        await tell(context, card)

    async def _changed(
        self,
        context: commands.Context[Any],
        kind: Literal["add", "remove"],
        change: Change,
        user: discord.User,
        **facts: Any,
    ) -> Card:
        words = await self.speech.words(context)
        metric, who = self.catalog.primary_metric, mention(user.id)
        return change_card(kind, change, self.catalog, words, who=who, metric=metric, **facts)

    @admin_quota.command(name="plan", description=command_english("admin_quota plan"))  # type: ignore[arg-type]  # the same
    @app_commands.describe(
        user=option_english("admin_quota plan", "user"),
        plan=option_english("admin_quota plan", "plan"),
        when=option_english("admin_quota plan", "when"),
    )
    @operators_only
    async def plan(
        self,
        context: commands.Context[Any],
        user: Annotated[discord.User, Person],
        plan: str,
        *,
        when: str = "",
    ) -> None:
        """Put a user on a plan, at once or at the end of the period, for good or until a day."""
        waits, until_ms = plan_time_in(when, now_ms=self._clock(), zone=self.catalog.zone)
        change = await self._grants.set_plan(
            account_of(user),
            plan.lower(),
            until_ms=until_ms,
            at="period_end" if waits else "now",
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

    @plan.autocomplete("when")
    async def offer_times(
        self, interaction: discord.Interaction[Any], typed: str
    ) -> list[app_commands.Choice[str]]:
        """Offer how the time of a plan is written."""
        if not self._operators.allow(actor_of(interaction)):
            return []
        words = await self.speech.words(interaction)
        in_a_month = datetime.fromtimestamp(self._clock() / 1000, self.catalog.zone) + timedelta(days=30)
        until = words("plan.when_until", day=Safe(in_a_month.date().isoformat()))
        offered = (words("plan.when_period_end"), "30d", until)
        return [app_commands.Choice(name=one, value=one) for one in offered if typed.lower() in one.lower()]

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
