"""The button under an order that an operator looks at: it gives the money back."""

from __future__ import annotations

from typing import Any

import discord

from cogs import custom_ids
from cogs.actors import actor_of
from cogs.buttons import OwnedButton
from cogs.replies import Button, defer_privately, press, tell
from quota_core.refunding import Refundable
from wording.refund_card import refundable_card, refunded_card
from wording.words import Words


def refund_button(order: Refundable, owner_id: int, words: Words) -> Button:
    """Return the button that refunds an order; its label says how much."""
    amount = words.money(order.left_minor, order.currency)
    danger = discord.ButtonStyle.danger
    return press(words("button.refund", amount=amount), custom_ids.refund(order.order_id, owner_id), danger)


class LookButton(OwnedButton, template=custom_ids.LOOK):
    """Shows privately what a refund would do."""

    topic = "Admin"
    own = "admin_quota refund"

    async def press(self, interaction: discord.Interaction[Any], topic: Any) -> None:
        """Look the order up again, for operators only."""
        topic.require(interaction)
        found = await topic.refunding.look(self.match["order"], actor=actor_of(interaction))
        words = await topic.speech.words(interaction)
        card = refundable_card(found, topic.catalog, words)
        await tell(interaction, card, [refund_button(found, interaction.user.id, words)])


class RefundButton(OwnedButton, template=custom_ids.REFUND):
    """Refunds what is left of an order; who presses must be an operator now, whatever they were before."""

    topic = "Admin"
    own = "admin_quota refund"

    async def press(self, interaction: discord.Interaction[Any], topic: Any) -> None:
        """Refund it, through the payment provider."""
        topic.require(interaction)
        # The provider may take longer than Discord waits for a first answer.
        await defer_privately(interaction)
        made = await topic.refunding.refund(self.match["order"], actor=actor_of(interaction))
        words = await topic.speech.words(interaction)
        await tell(interaction, refunded_card(made, self.match["order"], words))
