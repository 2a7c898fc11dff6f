"""What refunds and disputes did to a purchase, told to its buyer; and a new dispute, told to operators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from quota_core.catalog import Catalog
from wording.card import Card, Field, Tone
from wording.names import package_name
from wording.safe import Safe, safe_name
from wording.words import Words


def reversal_card(facts: Mapping[str, Any], catalog: Catalog, words: Words) -> Card:
    """Return what a refund or dispute changed; `facts` are those of the notice."""
    package = package_name(facts["package"], catalog, words)
    units = words.units(facts["units"], catalog, facts["metric"])
    amount = words.money(facts["returned_minor"], facts["currency"])
    match facts["change"], facts["cause"]:
        case "take_back", "refund":
            title = words("reversal.refunded")
            lines = [words("reversal.refunded_line", package=package, amount=amount, units=units)]
        case "take_back", _:
            title = words("reversal.charged_back")
            lines = [words("reversal.charged_back_line", package=package, amount=amount, units=units)]
        case "restore", _:
            title = words("reversal.restored")
            lines = [words("reversal.restored_line", package=package, units=units)]
        case "freeze", _:
            title = words("reversal.frozen")
            lines = [words("reversal.frozen_line", package=package, units=units)]
        case _:
            title = words("reversal.unfrozen")
            lines = [words("reversal.unfrozen_line", package=package, units=units)]
    good = facts["change"] in ("restore", "unfreeze")
    if facts["debt"] and not good:
        owed = words.units(facts["debt"], catalog, facts["metric"])
        lines.append(words("reversal.debt_line", debt=owed))
    footer = words("notice.reference", order=Safe(facts["order"]))
    return Card(title, "\n\n".join(lines), footer=footer, tone=Tone.GOOD if good else Tone.WARNING)


def dispute_card(facts: Mapping[str, Any], catalog: Catalog, words: Words) -> Card:
    """Return what an operator must know of a new chargeback."""
    line = words(
        "reversal.opened_line",
        price=words.money(facts["price_minor"], facts["currency"]),
        units=words.units(facts["units"], catalog, facts["metric"]),
    )
    fields = (
        Field(words("reversal.account"), safe_name(facts["account"])),
        Field(words("reversal.reference"), safe_name(facts["reference"])),
    )
    footer = words("notice.reference", order=Safe(facts["order"]))
    return Card(words("reversal.opened"), line, fields, footer, Tone.BAD)
