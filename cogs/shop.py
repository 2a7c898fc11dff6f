"""Buying: `!buy_quota`, a button for each package, and the link to pay, which goes to its buyer alone."""

from __future__ import annotations

import logging
from typing import Any, ClassVar

import discord
from discord.ext import commands

from cogs import custom_ids
from cogs.actors import account_of, actor_of
from cogs.buttons import OwnedButton
from cogs.errors import Mishaps
from cogs.replies import MAX_BUTTONS, MAX_LINK_LENGTH, Button, defer_privately, link, press, tell
from cogs.slash_texts import command_english
from cogs.speech import Speech
from cogs.topic import Topic
from quota_core.accounts import AccountRef
from quota_core.catalog import Catalog
from quota_core.crash_points import crash_point
from quota_core.errors import QuotaError
from quota_core.operators import Operators
from quota_core.pools import require_manager
from quota_core.purchases import Purchases
from wording.card import Card
from wording.names import plan_limit, plan_name
from wording.shop_card import package_label, pay_card, shop_card
from wording.words import Words

log = logging.getLogger(__name__)


class BuyButton(OwnedButton, template=custom_ids.BUY):
    """Opens the payment page of one package."""

    topic = "Shop"
    own = "buy_quota"

    async def press(self, interaction: discord.Interaction[Any], topic: Shop) -> None:
        """Answer with the link, for the buyer alone. A second press finds the same open page."""
        # Discord gives three seconds; opening a page can take longer.
        await defer_privately(interaction)
        await topic.offer_payment(interaction, self.match["package"])


class ServerBuyButton(OwnedButton, template=custom_ids.SERVER_BUY):
    """Opens the payment page of one package for a server, to those who manage it."""

    topic = "Shop"
    own = "server_quota"

    async def press(self, interaction: discord.Interaction[Any], topic: Shop) -> None:
        """Answer with the link, for the buyer alone; whether they manage the server is asked again."""
        require_manager(actor_of(interaction), int(self.match["guild"]))
        assert interaction.guild is not None, "who manages a server is in it"
        await defer_privately(interaction)
        await topic.offer_payment(interaction, self.match["package"], guild=interaction.guild)


class ShopButton(OwnedButton, template=custom_ids.SHOP):
    """Shows the packages to the one who pressed."""

    topic = "Shop"
    own = "buy_quota"

    async def press(self, interaction: discord.Interaction[Any], topic: Shop) -> None:
        """Open the shop privately."""
        await topic.open(interaction, interaction.user, screen="button")


class UpgradeButton(OwnedButton, template=custom_ids.UPGRADE):
    """Says how to get onto a plan that has no page of its own."""

    topic = "Shop"
    own = "quota"

    async def press(self, interaction: discord.Interaction[Any], topic: Shop) -> None:
        """Answer with whom to ask."""
        words = await topic.speech.words(interaction)
        catalog = topic.catalog
        plan_id = catalog.known_plan(self.match["plan"])
        plan = plan_name(plan_id, catalog, words)
        limit = plan_limit(plan_id, catalog.primary_metric, catalog, words)
        title = words("button.upgrade", plan=plan)
        await tell(interaction, Card(title, words("hint.upgrade_how", plan=plan, limit=limit)))


class Shop(Topic):
    """Sell packages."""

    buttons: ClassVar[tuple[type[discord.ui.DynamicItem[Any]], ...]] = (
        BuyButton,
        ServerBuyButton,
        ShopButton,
        UpgradeButton,
    )

    def __init__(
        self,
        speech: Speech,
        mishaps: Mishaps,
        catalog: Catalog,
        purchases: Purchases,
        operators: Operators,
        *,
        public_url: str,
    ) -> None:
        super().__init__(speech, mishaps)
        self.catalog = catalog
        self._purchases = purchases
        self._operators = operators
        self._public_url = public_url

    @commands.hybrid_command(name="buy_quota", description=command_english("buy_quota"))  # type: ignore[arg-type]  # discord.py's own types do not see methods of cogs
    async def buy_quota(self, context: commands.Context[Any]) -> None:
        """Show the packages on sale, with a button for each."""
        await self.open(context, context.author, screen="buy_quota")

    async def open(
        self,
        who: commands.Context[Any] | discord.Interaction[Any],
        user: discord.User | discord.Member,
        *,
        screen: str,
    ) -> None:
        """Show the shop, and record that it was opened."""
        words = await self.speech.words(who)
        is_operator = self._operators.allow(actor_of(who))
        card, buttons = self._screen(user.id, words, is_operator=is_operator)
        try:
            await self._purchases.viewed(account_of(user), screen)
        except QuotaError:
            # A figure is missing; nobody has to do without the shop for that.
            log.exception("an opening of the shop was not recorded")
        await tell(who, card, buttons)

    def _screen(self, owner_id: int, words: Words, *, is_operator: bool) -> tuple[Card, list[Button]]:
        can_sell = self._purchases.can_sell
        card = shop_card(self.catalog, words, can_sell=can_sell, operator=is_operator)
        buttons = [
            press(
                package_label(self.catalog, package_id, words),
                custom_ids.buy(package_id, owner_id),
                discord.ButtonStyle.primary
                if self.catalog.packages[package_id].popular
                else discord.ButtonStyle.secondary,
            )
            for package_id in self.catalog.shop_order[:MAX_BUTTONS]
        ]
        return card, buttons if can_sell else []

    async def offer_payment(
        self, interaction: discord.Interaction[Any], package_id: str, *, guild: discord.Guild | None = None
    ) -> None:
        """
        Answer with the payment page of a package, for whoever asked, or for a server that they manage.

        Raises:
            UnknownPackageError: it left the catalog since the button was drawn.
            CheckoutUnavailableError: nothing was charged; press again.

        """
        words = await self.speech.words(interaction)
        buyer, name = account_of(interaction.user), interaction.user.name
        receiver = buyer
        if guild is not None:
            receiver, name = AccountRef("guild", str(guild.id)), guild.name
        opened = await self._purchases.begin(
            receiver, package_id, buyer=buyer, locale=str(interaction.locale), account_label=name
        )
        # Discord takes 512 characters in a link button; Stripe's addresses can be longer.
        # https://docs.discord.com/developers/components/reference#button
        url = opened.url if len(opened.url) <= MAX_LINK_LENGTH else f"{self._public_url}/pay/{opened.token}"
        price = words.money(opened.price_minor, opened.currency)
        await tell(
            interaction,
            pay_card(opened, self.catalog, words, name),
            [link(words("button.pay", price=price), url)],
        )
        crash_point("checkout.33.link_shown")
