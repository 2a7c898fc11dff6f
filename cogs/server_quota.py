"""
A server's own quota: `!server_quota` shows it to members, and lets those who manage the server share it out.

Who may is checked here and again in the core. Nobody creates units by it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar

import discord
from discord import app_commands
from discord.ext import commands

from cogs import custom_ids
from cogs.actors import actor_of
from cogs.arguments import (
    BadUserError,
    Person,
    RoleOrPerson,
    UnknownSubcommandError,
    amount_in,
)
from cogs.errors import Mishaps
from cogs.replies import MAX_BUTTONS, Button, press, tell
from cogs.sharing import OfferButton, ShareButton, Sharing
from cogs.slash_texts import command_english, option_english
from cogs.speech import Speech
from cogs.topic import Topic
from quota_core.accounts import AccountRef
from quota_core.balances import Balances
from quota_core.catalog import Catalog
from quota_core.errors import AmountError, NotAllowedError, PreferenceError
from quota_core.operators import Actor
from quota_core.pools import EVERYONE, Pools, require_manager
from quota_core.server_alerts import ServerAlerts
from quota_core.transfers import Transfers
from wording.pool_card import pool_card
from wording.shop_card import package_label
from wording.words import Words

_ALERTS = ("alerts_here", "alerts_off")
SETTINGS = ("on", "off", "members_first", "server_first", "day", "week", "month", "share", *_ALERTS)
MAX_DIGITS = 15
# Not `discord.Role | None`: what is no role would be taken for none, and a cap meant for few would hold for all.
NO_ROLE: Any = None


class ServerQuota(Topic):
    """Show and share out what a server owns."""

    buttons: ClassVar[tuple[type[discord.ui.DynamicItem[Any]], ...]] = (OfferButton, ShareButton)

    def __init__(
        self,
        speech: Speech,
        mishaps: Mishaps,
        catalog: Catalog,
        balances: Balances,
        pools: Pools,
        *,
        transfers: Transfers,
        alerts: ServerAlerts,
        can_sell: bool,
        clock: Callable[[], int],
    ) -> None:
        super().__init__(speech, mishaps)
        self._catalog = catalog
        self._balances = balances
        self._pools = pools
        self.sharing = Sharing(speech, catalog, transfers)
        self._alerts = alerts
        self._can_sell = can_sell
        self._clock = clock

    @commands.hybrid_command(  # type: ignore[arg-type]  # discord.py's own types do not see methods of cogs
        name="server_quota", description=command_english("server_quota"), ignore_extra=False
    )
    @commands.guild_only()
    @app_commands.describe(
        setting=option_english("server_quota", "setting"),
        units=option_english("server_quota", "units"),
        role=option_english("server_quota", "role"),
        metric=option_english("server_quota", "metric"),
        member=option_english("server_quota", "member"),
    )
    @app_commands.choices(setting=[app_commands.Choice(name=one, value=one) for one in SETTINGS])
    async def server_quota(  # noqa: PLR0917 - in the order in which they are typed
        self,
        context: commands.Context[Any],
        setting: str | None = None,
        units: str | None = None,
        role: Annotated[discord.Role, RoleOrPerson] = NO_ROLE,
        metric: str | None = None,
        member: Annotated[discord.User | None, Person] = None,
    ) -> None:
        """Show the server's quota, or change one setting of it."""
        if setting is not None and setting not in SETTINGS:
            raise UnknownSubcommandError(setting, SETTINGS)
        if setting == "share":
            await self._offer(context, units, role, metric, member)
            return
        _require_nothing_more(role, metric, member)
        actor = actor_of(context)
        guild_id = actor.guild_id
        if guild_id is None:
            # The bot is no member there, so Discord's word about that server says nothing to us.
            raise NotAllowedError("not in a server of this bot")
        if setting in ("on", "off"):
            await self._pools.set_up(guild_id, actor, enabled=setting == "on")
        elif setting in ("members_first", "server_first"):
            await self._pools.set_up(guild_id, actor, pays_first=setting == "server_first")
        elif setting in _ALERTS:
            await self._move_alerts(context, guild_id, actor, here=setting == "alerts_here")
        elif setting is not None:
            if units is None and context.command is not None:
                # Half a command must not lift a cap: that takes the word.
                raise commands.MissingRequiredArgument(context.command.clean_params["units"])
            await self._pools.set_cap(
                guild_id,
                actor,
                role=EVERYONE if role is None or role.id == guild_id else role.id,
                period=setting,
                units=_units(units),
            )
        pool = await self._pools.of(guild_id)
        balance = await self._balances.of(AccountRef("guild", str(guild_id)))
        words = await self.speech.words(context)
        manages = actor.administrator or actor.manages_guild
        card = pool_card(
            pool,
            balance,
            self._catalog,
            words,
            now_ms=self._clock(),
            manages=manages,
            changed=setting is not None,
            alerts=await self._alerts.of(guild_id) if manages else (),
        )
        await tell(context, card, self._row(guild_id, context.author.id, words) if manages else ())

    @server_quota.autocomplete("metric")
    async def offer_metrics(
        self, _interaction: discord.Interaction[Any], typed: str
    ) -> list[app_commands.Choice[str]]:
        """Offer what is counted; what is sent is checked all the same."""
        return [
            app_commands.Choice(name=name, value=name)
            for name in self._catalog.metrics
            if typed.lower() in name and not self._catalog.is_gauge(name)
        ][:MAX_BUTTONS]

    async def _offer(
        self,
        context: commands.Context[Any],
        units: str | None,
        role: Any,
        metric: str | None,
        member: discord.User | None,
    ) -> None:
        """Show what sharing would do; typed, the member stands where a role stands otherwise."""
        assert context.command is not None
        if units is None:
            raise commands.MissingRequiredArgument(context.command.clean_params["units"])
        receiver = role if member is None else member
        if receiver is None:
            raise commands.MissingRequiredArgument(context.command.clean_params["member"])
        if isinstance(receiver, discord.Role) or (member is not None and role is not None):
            raise BadUserError(str(role))
        name = self._catalog.primary_metric if metric is None else metric.lower()
        await self.sharing.offer(context, name, amount_in(units), receiver.id)

    async def _move_alerts(
        self, context: commands.Context[Any], guild_id: int, actor: Actor, *, here: bool
    ) -> None:
        assert context.guild is not None
        channels = {one.id for one in (*context.guild.channels, *context.guild.threads)}
        if not here:
            await self._alerts.tell_nowhere(guild_id, actor, channels=channels)
            return
        require_manager(actor, guild_id)
        held = context.bot_permissions
        may_write = held.send_messages_in_threads if _is_thread(context) else held.send_messages
        if not (held.view_channel and may_write and held.embed_links):
            raise PreferenceError("silent", str(context.channel.id))
        locale = str((await self.speech.words(context)).language)
        await self._alerts.tell_in(guild_id, actor, context.channel.id, channels=channels, locale=locale)

    def _row(self, guild_id: int, owner_id: int, words: Words) -> list[Button]:
        """Return what those who manage the server can buy for it, and the way to its history."""
        history = press(words("button.history"), custom_ids.server_page(0, owner_id))
        packages = [
            press(
                package_label(self._catalog, package_id, words),
                custom_ids.server_buy(package_id, guild_id, owner_id),
            )
            for package_id in self._catalog.shop_order[: MAX_BUTTONS - 1]
            if self._can_sell
        ]
        return [*packages, history]


def _require_nothing_more(role: Any, metric: str | None, member: discord.User | None) -> None:
    """Refuse what only sharing takes, so that nobody believes that a cap was set for one member or metric."""
    if member is not None or metric is not None or not isinstance(role, discord.Role | None):
        raise commands.TooManyArguments


def _is_thread(context: commands.Context[Any]) -> bool:
    return isinstance(context.channel, discord.Thread)


def _units(text: str | None) -> int | None:
    """Return a cap as it was typed; the word none lifts it."""
    if text is None or text.lower() in ("none", "aucun"):
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS):
        raise AmountError(-1, minimum=0, maximum=10**MAX_DIGITS - 1)
    return int(text)
