"""Messages that are owed: a purchase, a payment on its way, one that failed, one that an operator must look at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from quota_core.catalog import Catalog
from quota_core.events import ALERT, CODE, DISABLED, RECEIVED, TEST
from quota_core.notices import Notice
from wording.alert_card import alert_card
from wording.card import Card, Field, Tone
from wording.names import account_spelled, package_name
from wording.reversal_card import dispute_card, reversal_card
from wording.safe import Safe, safe_name
from wording.share_card import received_card
from wording.words import Words

_DRAWN = {"reversal": reversal_card, "dispute_opened": dispute_card, RECEIVED: received_card}
MAX_URL = 900  # Stripe's receipt links are far shorter; a longer one would not fit a field


def notice_card(
    notice: Notice,
    catalog: Catalog,
    words: Words,
    *,
    receipt_url: str | None = None,
    can_sell: bool = True,
) -> Card:
    """
    Return a notice as its reader sees it; the footer of one about an order is the order's id.

    Args:
        notice: its kind and the numbers that were stored with it.
        catalog: for labels; what left it since is called by its id.
        words: in the language that the notice is owed in.
        receipt_url: where the payment's receipt is, None when there is none now.
        can_sell: whether more can be bought.

    """
    facts = notice.facts
    if notice.kind == "purchase":
        return _purchase(notice, catalog, words, receipt_url)
    if notice.kind in ("payment_pending", "payment_failed"):
        kind = notice.kind.removeprefix("payment_")
        line = words(
            f"notice.{kind}_line",
            price=words.money(facts["price_minor"], facts["currency"]),
            units=words.units(facts["units"], catalog, facts["metric"]),
        )
        footer = words("notice.reference", order=Safe(facts["order"]))
        tone = Tone.INFO if kind == "pending" else Tone.BAD
        return Card(words(f"notice.{kind}"), line, footer=footer, tone=tone)
    if notice.kind == "payment_held":
        return _held(facts, words)
    draw = _DRAWN.get(notice.kind)
    if draw is not None:
        return draw(facts, catalog, words)
    if notice.kind == ALERT:
        return alert_card(facts, catalog, words, can_sell=can_sell)
    return _about_sending(notice, words)


def _about_sending(notice: Notice, words: Words) -> Card:
    facts = notice.facts
    if notice.kind == DISABLED:
        line = words(
            "notice.disabled_line",
            channel=words(f"channel.{facts['channel']}"),
            target=safe_name(str(facts["target"])),
        )
        return Card(words("notice.disabled"), line, tone=Tone.WARNING)
    if notice.kind == CODE:
        return Card(words("notice.code"), words("notice.code_line", code=Safe(facts["code"])))
    if notice.kind == TEST:
        return Card(words("notice.test"), words("notice.test_line"), tone=Tone.GOOD)
    return Card(words("notice.unknown"), words("notice.unknown_line"))


def _purchase(notice: Notice, catalog: Catalog, words: Words, receipt_url: str | None) -> Card:
    facts = notice.facts
    units = words.units(facts["units"], catalog, facts["metric"])
    if facts["account"] == str(notice.account):
        lines: list[str] = [words("notice.purchase_line", units=units)]
    else:
        lines = [words("notice.purchase_line_for", units=units, account=account_spelled(facts["account"]))]
    package = catalog.packages.get(facts["package"])
    lasting = package is None or package.expires == "never"
    lines += ["", words("notice.never_expires" if lasting else "notice.period")]
    balance = words(
        "notice.balance_line",
        before=facts["before"],
        after=facts["after"],
        total=words("quota.total_unlimited")
        if facts["total"] is None
        else words.units(facts["total"], catalog, facts["metric"]),
    )
    price = words.money(facts["price_minor"], facts["currency"])
    paid = f"{price} · {package_name(facts['package'], catalog, words)}"
    fields = [
        Field(words("notice.balance"), balance),
        Field(words("notice.paid"), paid, inline=True),
    ]
    if receipt_url is not None and len(receipt_url) <= MAX_URL:
        receipt = words("notice.receipt_line", url=Safe(receipt_url.replace(")", "%29")))
        fields.append(Field(words("notice.receipt"), receipt, inline=True))
    return Card(
        words("notice.purchase"),
        "\n".join(lines),
        tuple(fields),
        words("notice.reference", order=Safe(facts["order"])),
        Tone.GOOD,
    )


def _held(facts: Mapping[str, Any], words: Words) -> Card:
    values = {name: facts.get(name) for name in ("difference", "reference", "event", "order")}
    fields = tuple(
        Field(
            words(f"notice.held_{name}"),
            words("notice.held_order_none") if value is None else safe_name(str(value), length=300),
        )
        for name, value in values.items()
    )
    return Card(words("notice.held"), words("notice.held_line"), fields, tone=Tone.BAD)
