"""
The guard: `@metered("requests", cost=1)` makes any command cost something.

    class Echo(commands.Cog):
        @commands.hybrid_command()
        @metered("requests", cost=1)
        async def echo(self, ctx, *, text: str):
            await ctx.send(text)

It goes below the command's own decorator, on prefix, hybrid and slash commands of any cog, with nothing to pass in:
the bot's `Guard` cog is looked up when the command runs. The units are taken at the start of the body and
not in a check, since checks also run when somebody merely asks for help.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

import discord
from discord.ext import commands

from cogs.actors import account_of, actor_of
from cogs.consent import DeclinedError, PaidUnits
from cogs.errors import Mishaps
from cogs.replies import Who, interaction_of, source_id, tell, user_of
from cogs.speech import Speech
from cogs.topic import Topic
from cogs.ways_out import ways_out
from quota_core.alerts import Alerts
from quota_core.answers import Spend
from quota_core.balances import Balances
from quota_core.catalog import Catalog
from quota_core.consumes import Consume
from quota_core.errors import QuotaError
from quota_core.holds import DEFAULT_TTL_SECONDS
from quota_core.meter import UNMETERED, Meter, checked
from quota_core.pool_caps import Draw
from quota_core.pools import Pools
from quota_core.quota import Quota
from wording.alert_card import low_quota_card

log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")
_CALLS = "quota_metered_calls"  # in Interaction.extras


Actual = Callable[[Any, Any], int]
"""Tells what a use of a command cost, from its context (or interaction) and what its body returned."""


class Price(NamedTuple):
    """What a command costs: `units`, or with `actual` up to so many, which are held for `ttl_seconds`."""

    units: int
    actual: Actual | None = None
    ttl_seconds: int = DEFAULT_TTL_SECONDS


@dataclass(slots=True)
class Calls:
    """The metered calls within one use of a command: how many there were, and what they spent."""

    count: int = 0
    spends: list[Spend] = field(default_factory=list)


class Guard(Topic):
    """Takes units for a command, and gives them back when its body fails."""

    def __init__(
        self,
        speech: Speech,
        mishaps: Mishaps,
        catalog: Catalog,
        quota: Quota,
        balances: Balances,
        *,
        alerts: Alerts,
        pools: Pools,
        can_sell: bool,
        paid_units: PaidUnits | None = None,
        meter: Meter = UNMETERED,
    ) -> None:
        super().__init__(speech, mishaps)
        self._catalog = catalog
        self._meter = meter
        self._quota = quota
        self._balances = balances
        self._alerts = alerts
        self._paid_units = paid_units
        self._pools = pools
        self._can_sell = can_sell
        self._calls: WeakKeyDictionary[commands.Context[Any], Calls] = WeakKeyDictionary()

    async def run(
        self, who: Who, body: Callable[[], Awaitable[R]], metric: str | None, price: Price
    ) -> R | None:
        """
        Run `body` for its price in units of `metric` (the primary one when None); None when it was not run.

        It is not run when the units are refused, which the user is told, and when Discord delivers the same
        message a second time: the first delivery was charged and answered.
        """
        calls = self.calls_of(who)
        # A second delivery makes the same keys again; a second metered call within one command does not.
        key = source_id(who) if calls.count == 0 else f"{source_id(who)}:{calls.count}"
        calls.count += 1
        try:
            spend = await checked(self._meter, "discord", self._take(who, price, key, metric))
        except DeclinedError:
            return None
        except QuotaError as error:
            await self.mishaps.report(who, error)
            return None
        if spend.replayed:
            log.info("%s was delivered again; it is neither charged nor run twice", key)
            return None
        calls.spends.append(spend)
        try:
            result = await body()
        except BaseException:
            # Shielded: a shutdown cancels the body, and must not cancel what it is owed.
            await asyncio.shield(self._give_back(who, key, price))
            raise
        if price.actual is not None:
            await asyncio.shield(self._settle(who, key, price, result))
        await self._warn(who, spend)
        return result

    def calls_of(self, who: Who) -> Calls:
        """Return the metered calls of this use of a command so far."""
        interaction = interaction_of(who)
        if interaction is not None:
            calls: Calls = interaction.extras.setdefault(_CALLS, Calls())
            return calls
        assert isinstance(who, commands.Context)
        return self._calls.setdefault(who, Calls())

    async def _take(self, who: Who, price: Price, key: int | str, metric: str | None) -> Spend:
        """Take or hold the price, in a server from its pool too, if it has one for its members."""
        account, draw = account_of(user_of(who)), await self._draw(who)
        payers = () if draw is None else (draw.pool,)
        operation = self._quota.operation(account, price.units, key=key, metric=metric, payers=payers)
        operation = operation._replace(draw=draw)
        take = partial(self._taken, price)
        return await (
            take(operation) if self._paid_units is None else self._paid_units.take(who, operation, take)
        )

    async def _taken(self, price: Price, operation: Consume) -> Spend:
        if price.actual is not None:
            return (await self._quota.holds.hold(operation, price.ttl_seconds)).spend
        [outcome] = await self._quota.consume_many([operation])
        if isinstance(outcome, QuotaError):
            raise outcome
        return outcome

    async def _draw(self, who: Who) -> Draw | None:
        """Return how this use may draw from the server it is in; only its own members may."""
        guild_id, user = actor_of(who).guild_id, user_of(who)
        if guild_id is None or not isinstance(user, discord.Member):
            return None
        return (await self._pools.of(guild_id)).draw(guild_id, [role.id for role in user.roles])

    async def _give_back(self, who: Who, key: int | str, price: Price) -> None:
        account = account_of(user_of(who))
        try:
            if price.actual is None:
                await self._quota.give_back(account, key=key)
            else:
                await self._quota.release(account, key=key)
        except QuotaError:
            log.exception("could not give back what %s cost", key)

    async def _settle(self, who: Who, key: int | str, price: Price, result: object) -> None:
        """Settle a hold; a cost that cannot be told, or is more than was held, is all that was held."""
        units = price.units
        try:
            assert price.actual is not None
            units = price.actual(who, result)
        except Exception:
            log.exception("what %s cost could not be told; it is charged what was held", key)
        if not 0 <= units <= price.units:
            log.error("%s cost %d units, and %d were held", key, units, price.units)
            units = max(0, min(units, price.units))
        try:
            await self._quota.settle(account_of(user_of(who)), key=key, units=units)
        except QuotaError:
            log.exception("could not settle what %s cost", key)

    async def _warn(self, who: Who, spend: Spend) -> None:
        """Tell of the highest threshold that this spend crossed; the ledger reports each once per window."""
        if not spend.crossings:
            return
        crossing = max(spend.crossings, key=lambda crossed: crossed.percent)
        try:
            words = await self.speech.words(who)
            plan = (await self._balances.of(account_of(user_of(who)))).plan
            card = low_quota_card(crossing, spend, plan, self._catalog, words, can_sell=self._can_sell)
            buttons = ways_out(
                self._catalog,
                plan,
                spend.metric,
                words,
                owner_id=user_of(who).id,
                can_sell=self._can_sell,
            )
            await tell(who, card, buttons)
            # Read here, so that no direct message follows. Until this is noted, it waits (`alerts.GRACE_MS`).
            await self._alerts.seen(account_of(user_of(who)), spend.entry_ids)
        except Exception:
            # The command did its work; a warning that gets lost is no reason to say it failed.
            log.exception("could not tell user %d of little quota", user_of(who).id)


def metered(
    metric: str | None = None,
    *,
    cost: int | Actual = 1,
    hold: int | None = None,
    ttl_seconds: int = DEFAULT_TTL_SECONDS,
) -> Callable[
    [Callable[Concatenate[Any, P], Awaitable[R]]], Callable[Concatenate[Any, P], Awaitable[R | None]]
]:
    """
    Make a command cost `cost` units of `metric` (the catalog's primary one unless given).

    Where `cost` is a function, it is called with the context (or interaction) and what the body returned, and
    returns the units: until then `hold` units are held, at most for `ttl_seconds`.

    Raises:
        ValueError: `cost` or `hold` is less than 1, or a function comes without `hold`.

    """
    if callable(cost):
        if hold is None or hold < 1:
            raise ValueError("a cost that is known afterwards needs hold=, the most it can be")
        price = Price(hold, cost, ttl_seconds)
    elif cost < 1 or hold is not None:
        raise ValueError(f"cost must be at least 1, got {cost}; hold= goes with a function")
    else:
        price = Price(cost)

    def decorate(
        body: Callable[Concatenate[Any, P], Awaitable[R]],
    ) -> Callable[Concatenate[Any, P], Awaitable[R | None]]:
        # Looked up now: slash commands look in the globals of the function they are given, which is this file's.
        body.__annotations__ = inspect.get_annotations(body, eval_str=True)

        @functools.wraps(body)
        async def run(first: Any, /, *arguments: P.args, **named: P.kwargs) -> R | None:
            who = _who((first, *arguments))
            return await _guard_of(who).run(who, lambda: body(first, *arguments, **named), metric, price)

        return run

    return decorate


def spends_of(who: Who) -> tuple[Spend, ...]:
    """Return what the metered calls of this use of a command have spent so far."""
    return tuple(_guard_of(who).calls_of(who).spends)


def _guard_of(who: Who) -> Guard:
    bot: Any = who.bot if isinstance(who, commands.Context) else who.client
    guard = bot.get_cog(Guard.__cog_name__)
    assert isinstance(guard, Guard), "the cog Guard is not loaded"
    return guard


def _who(arguments: tuple[Any, ...]) -> Who:
    """Return the context or interaction, which comes first, or right after `self`."""
    for argument in arguments[:2]:
        if isinstance(argument, (commands.Context, discord.Interaction)):
            return argument
    raise TypeError("@metered goes on a command: nothing here is a Context or an Interaction")
