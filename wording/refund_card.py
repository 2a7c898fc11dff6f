"""What an operator sees before and after a refund."""

from __future__ import annotations

from quota_core.after_sale import Reversal
from quota_core.catalog import Catalog
from quota_core.refunding import Refundable
from wording.card import Card, Field, Tone
from wording.names import package_name
from wording.safe import Safe, mention, safe_name
from wording.words import Words


def refundable_card(order: Refundable, catalog: Catalog, words: Words) -> Card:
    """Return what a refund of this order gives back, and what it takes."""
    account = order.account
    who = mention(int(account.external_id)) if account.kind == "user" else safe_name(str(account))
    line = words(
        "refund.ask_line",
        amount=words.money(order.left_minor, order.currency),
        units=words.units(order.units, catalog, order.metric),
    )
    fields = [
        Field(words("refund.account"), who, inline=True),
        Field(words("refund.package"), package_name(order.package, catalog, words), inline=True),
        Field(words("refund.paid"), words.money(order.paid_minor, order.currency), inline=True),
    ]
    if order.returned_minor:
        returned = words.money(order.returned_minor, order.currency)
        fields.append(Field(words("refund.returned"), returned, inline=True))
    footer = words("notice.reference", order=Safe(order.order_id))
    return Card(words("refund.ask"), line, tuple(fields), footer, Tone.WARNING)


def refunded_card(made: Reversal, order_id: str, words: Words) -> Card:
    """Return that a refund was made."""
    line = words(
        "refund.done_line",
        amount=words.money(made.amount_minor, made.currency.upper()),
        reference=safe_name(made.reference),
    )
    footer = words("notice.reference", order=Safe(order_id))
    return Card(words("refund.done"), line, footer=footer, tone=Tone.GOOD)
