"""Paying, history, operators' cards, notices and help."""

from __future__ import annotations

import pytest

from quota_core.catalog import Catalog
from quota_core.grants import Change
from quota_core.history import HistoryPage
from quota_core.plan_changes import PlanChange
from quota_core.standings import StatusChange
from quota_core.stats import Revenue, Stats
from tests.wording.facts import NOW_MS, RESET_MS, drawn, history_line, notice, opened
from wording.admin_card import change_card, plan_card, stats_card, status_card
from wording.card import Tone
from wording.help_card import (
    ARGUMENTS,
    COMMANDS,
    GROUP,
    MAX_DESCRIPTION,
    command_text,
    help_card,
    option_text,
    usage_text,
)
from wording.history_card import history_card
from wording.notice_card import notice_card
from wording.safe import mention
from wording.shop_card import pay_card, shop_card
from wording.words import Words


def test_the_payment_says_what_for_whom_and_until_when(catalog: Catalog, english: Words) -> None:
    """The buyer checks the account before paying."""
    assert (
        drawn(pay_card(opened(), catalog, english, "ada_*love*"))
        == """\
# 💎 Plus: 1,000 requests (info)
Press the button below to pay on Stripe's page. Nothing is charged before you confirm there.
| 💰 Amount
**€14.99**
| 📊 You get
**1,000 requests**
Never expires ✓
| 👤 Account credited
**ada\\_\\*love\\***
- ⏰ Link valid until
<t:1800012240:t> (<t:1800012240:R>)
~ Only you can see this. Keep the link to yourself. Order ord_1"""
    )


def test_an_open_page_is_said_to_be_the_same(catalog: Catalog, english: Words) -> None:
    """A second press does not look like a second order."""
    assert "same link" in pay_card(opened(reused=True), catalog, english, "ada").description


def test_the_price_paid_is_the_orders(catalog: Catalog, english: Words) -> None:
    """Even when the package changed or left the catalog meanwhile."""
    card = pay_card(opened(package="gone", price_minor=100, units=5), catalog, english, "ada")

    assert card.title == "💎 gone: 5 requests"
    assert card.fields[0].value == "**€1.00**"


def test_a_shop_that_cannot_sell_says_why(catalog: Catalog, english: Words) -> None:
    """Prices stay, so that an operator sees what will be on sale; only operators are told what to do."""
    texts = [drawn(shop_card(catalog, english, can_sell=False, operator=one)) for one in (False, True)]

    assert all("Nothing can be bought at the moment" in text and "€14.99" in text for text in texts)
    assert ["STRIPE_API_KEY" in text for text in texts] == [False, True]
    assert "Pick a package" not in texts[0]


def test_an_empty_shop_is_not_a_blank_card(catalog: Catalog, english: Words) -> None:
    """A catalog may sell nothing."""
    card = shop_card(catalog.model_copy(update={"packages": {}}), english, can_sell=True)

    assert card.description == "Nothing is on sale here."


def test_packages_that_expire_say_so(catalog: Catalog, english: Words) -> None:
    """And then the card no longer promises that everything lasts."""
    package = catalog.packages["quota_100"].model_copy(update={"expires": "period"})
    mixed = Catalog.model_validate({**dict(catalog), "packages": {**catalog.packages, "quota_100": package}})
    text = drawn(shop_card(mixed, english, can_sell=True))

    assert text.count("usable until its period ends") == 1
    assert "What you buy never expires" not in text


def test_history_shows_amount_price_status_balance_and_time(catalog: Catalog, english: Words) -> None:
    """Everything about a change but who asked for it."""
    nobody_paid = {"status": "done", "price_minor": None, "currency": None, "package": None}
    page = HistoryPage(
        number=0,
        pages=3,
        lines=(
            history_line(),
            history_line(status="pending", after=None),
            history_line(kind="grant", units=5, **nobody_paid),
            history_line(kind="plan", units=0, plan="ultra", **nobody_paid),
            history_line(kind="remove", units=1, after=0, **nobody_paid),
        ),
    )

    assert (
        drawn(history_card(page, catalog, english))
        == """\
# 🧾 Your history (info)
- 💎 +1,000 requests · Plus
**€14.99** · paid · <t:1800000000:f>
Balance after: 6,000 requests
- ⏳ 1,000 requests · Plus
**€14.99** · payment on its way · <t:1800000000:f>
- 🎁 +5 requests · given by an operator
<t:1800000000:f>
Balance after: 6,000 requests
- 🏷️ Plan changed to Ultra
<t:1800000000:f>
Balance after: 6,000 requests
- \u2796 \u22121 request · taken back by an operator
<t:1800000000:f>
Balance after: 0 requests
~ Page 1 of 3"""
    )


def test_an_empty_history_says_what_to_do(catalog: Catalog, english: Words, french: Words) -> None:
    """With the command that fills it."""
    for words in (english, french):
        card = history_card(HistoryPage(number=0, pages=1, lines=()), catalog, words)
        assert "/buy_quota" in card.description


def test_history_keeps_what_left_the_catalog(catalog: Catalog, english: Words) -> None:
    """Old ids are shown as they are, and a kind of a later version is not an error."""
    lines = (history_line(package="old", metric="gone"), history_line(kind="later", package=None))
    card = history_card(HistoryPage(number=0, pages=1, lines=lines), catalog, english)

    assert card.fields[0].name == "💎 +1,000 gone · old"
    assert card.fields[1].name == "• 1,000 requests"


def test_a_grant_shows_before_and_after(catalog: Catalog, english: Words) -> None:
    """A mention of ours is drawn, a reason is foreign text."""
    change = Change(units=500, before=100, after=600)
    card = change_card(
        "add", change, catalog, english, who=mention(5), metric="requests", asked=500, reason="`sorry` @here"
    )

    assert (
        drawn(card)
        == """\
# ✅ Quota added (good)
**+500 requests** for <@5>
- 📊 Purchased and given
100 → **600 requests**
- 📝 Reason
\\`sorry\\` @\u200bhere"""
    )


@pytest.mark.parametrize(
    ("moved", "title", "explanations"),
    [
        (500, "✅ Quota removed", 0),
        (200, "⚠️ Less removed than asked", 1),
        (0, "⚠️ Nothing to remove", 1),
    ],
)
def test_a_removal_says_when_there_was_less(
    moved: int, title: str, explanations: int, catalog: Catalog, english: Words
) -> None:
    """It never goes below zero, and says what it did take."""
    change = Change(units=moved, before=moved, after=0)
    card = change_card("remove", change, catalog, english, who="ada", metric="requests", asked=500)

    assert card.title == title
    assert f"**\u2212{moved} requests** for ada" in card.description
    assert card.description.count("You asked for 500 requests") == explanations


def test_a_plan_change_says_until_when_and_what_it_gives(catalog: Catalog, english: Words) -> None:
    """And what comes afterwards."""
    change = PlanChange(before="free", after="pro", until_ms=RESET_MS)
    card = plan_card(change, catalog, english, who=mention(5), now_ms=NOW_MS)
    for_good = plan_card(
        PlanChange(before="pro", after="pro", until_ms=None), catalog, english, who="ada", now_ms=NOW_MS
    )

    assert (
        drawn(card)
        == """\
# ✅ Plan changed (good)
<@5>: Free → **Pro**
- ⏰ Until
<t:1800012240:f> (<t:1800012240:R>), then back to Free
- 📅 What it gives
• 1,000 requests a day"""
    )
    assert for_good.title == "✅ Plan confirmed"
    assert for_good.fields[0].name == "⏰ For good"


def _stats(**more: object) -> Stats:
    values: dict[str, object] = {
        "accounts": 1200,
        "active_7_days": 30,
        "active_30_days": 90,
        "granted": 5,
        "sold": 1000,
        "used": 777,
        "revenue": (Revenue(currency="EUR", orders=3, gross_minor=4497),),
        "viewers": 30,
        "buyers": 2,
        "best_package": "quota_1000",
        "best_package_orders": 3,
        "held": 0,
        "owed": 2,
    }
    return Stats(**{**values, **more})  # type: ignore[arg-type]  # the values above are of the right types


def test_figures_in_english(catalog: Catalog, english: Words) -> None:
    """Conversion with its two numbers, money with its currency."""
    assert (
        drawn(stats_card(_stats(), catalog, english))
        == """\
# 📈 Statistics (info)
| 👥 Accounts
**1,200** in all
30 active in 7 days
90 active in 30 days
| 📊 Requests
777 used
1,000 sold
5 given
- 💰 Revenue
**€44.97** · paid orders: 3 · average basket: €14.99
| 🛒 From shop to payment
**6.7%** (2 of 30)
| 🏆 Best seller
Plus · orders: 3
| 📬 Messages not read yet
2"""
    )


def test_revenue_is_net_of_what_was_given_back(catalog: Catalog, english: Words, french: Words) -> None:
    """With both numbers it comes from."""
    stats = _stats(revenue=(Revenue(currency="EUR", orders=3, gross_minor=4497, refunded_minor=1499),))
    texts = [drawn(stats_card(stats, catalog, words)) for words in (english, french)]

    assert "**€29.98** (€44.97 sold, €14.99 given back) · paid orders: 3" in texts[0]
    assert "(44,97 € vendus, 14,99 € rendus)" in texts[1].replace("\N{NO-BREAK SPACE}", " ")


def test_figures_before_the_first_sale(catalog: Catalog, french: Words) -> None:
    """No share of nothing, no seller of nothing."""
    empty = _stats(accounts=0, revenue=(), viewers=0, buyers=0, best_package=None, best_package_orders=0)
    text = drawn(stats_card(empty, catalog, french))

    assert "Rien de vendu pour l'instant" in text
    assert "Personne n'a encore ouvert la boutique" in text
    assert "Aucun pour l'instant" in text


def test_payments_on_hold_stand_out(catalog: Catalog, english: Words) -> None:
    """They wait for the operator who looks at this card."""
    card = stats_card(_stats(held=2), catalog, english)

    assert card.tone is Tone.WARNING
    assert "**2**" in card.fields[-1].value


def test_a_gift_names_the_account_that_got_it(catalog: Catalog, english: Words) -> None:
    """A user by mention, anything else by its name made harmless."""
    cards = [
        notice_card(notice(facts={"account": account}), catalog, english, receipt_url=None)
        for account in ("user:5", "guild:7", "project:*x*")
    ]

    assert [card.description.split("account ")[1].split(". ")[0] for card in cards] == [
        "<@5>",
        "guild:7",
        "project:\\*x\\*",
    ]


def test_an_unlimited_account_has_no_total(catalog: Catalog, french: Words) -> None:
    """The notice says so instead of a number."""
    card = notice_card(notice(facts={"total": None}), catalog, french, receipt_url=None)

    assert "Disponible : **Illimité**" in drawn(card)


@pytest.mark.parametrize("kind", ["payment_pending", "payment_failed"])
def test_notices_of_payments_name_order_price_and_units(
    kind: str, catalog: Catalog, english: Words, french: Words
) -> None:
    """Whether the money is on its way or will never come."""
    for words, price in ((english, "€14.99"), (french, "14,99 €")):
        card = notice_card(notice(kind), catalog, words, receipt_url=None)
        assert price in drawn(card)
        assert words.units(1000, catalog, "requests") in card.description
        assert card.footer.endswith("ord_1")


def test_a_held_payment_tells_the_operator_everything(catalog: Catalog, english: Words) -> None:
    """What differs, and where to look it up."""
    facts = {
        "difference": "amount is 1 instead of 1499",
        "event": "evt_1",
        "reference": "cs_1",
        "order": None,
    }
    text = drawn(notice_card(notice("payment_held", facts), catalog, english, receipt_url=None))

    assert "nothing was credited" in text
    assert "amount is 1 instead of 1499" in text
    assert "- Order\nnone" in text


def test_a_notice_of_a_later_version_still_says_something(catalog: Catalog, english: Words) -> None:
    """It points to the history."""
    card = notice_card(notice("later"), catalog, english, receipt_url=None)

    assert "/quota_history" in card.description


def test_a_status_says_what_happens_now(english: Words, french: Words) -> None:
    """And that nothing changed when nothing did."""
    blocked = status_card(
        StatusChange(was_blocked=False, blocked=True), english, who=mention(1), reason="spam"
    )
    same = status_card(StatusChange(was_blocked=False, blocked=False), french, who=mention(1))

    assert "<@1> can spend nothing until" in drawn(blocked)
    assert "spam" in drawn(blocked)
    assert "C'était déjà le cas" in drawn(same)


def test_help_lists_what_the_reader_may_use(english: Words) -> None:
    """Operators' commands are for operators."""
    texts = [drawn(help_card(None, english, prefix="!", operator=one)) for one in (False, True)]

    assert all(f"!{name}" in texts[0] for name in COMMANDS)
    assert "admin_quota" not in texts[0]
    assert "`!admin_quota plan <@user> <plan> [when]`" in texts[1]


def test_help_about_one_command(english: Words, french: Words) -> None:
    """Found with or without a prefix, in any case."""
    assert help_card("/BUY_quota", english, prefix="!", operator=False).title == "📖 !buy_quota"
    assert "`!ask <question>`" in drawn(help_card("ask", french, prefix="!", operator=False))
    assert "`!admin_quota add|remove|plan|block|unblock|refund|stats`" in drawn(
        help_card(GROUP, english, prefix="!", operator=True)
    )


def test_help_about_a_command_that_is_not_there(english: Words) -> None:
    """A stranger learns nothing about operators' commands, and foreign text stays harmless."""
    for asked in ("admin_quota", "**bold**"):
        card = help_card(asked, english, prefix="!", operator=False)
        assert card.description.startswith("There is no command “")
        assert "**" not in card.description.split("”")[0].replace("\\*", "")
        assert "!admin_quota" not in drawn(card)


def test_help_knows_commands_of_other_cogs(english: Words) -> None:
    """They stand in the list, and can be asked for."""
    others = (("draw", "Draw a picture"),)

    assert "`!draw` · Draw a picture" in drawn(
        help_card(None, english, prefix="!", operator=False, others=others)
    )
    assert (
        help_card("draw", english, prefix="!", operator=False, others=others).description == "Draw a picture"
    )


@pytest.mark.parametrize("name", [*ARGUMENTS, GROUP])
def test_slash_descriptions_fit(name: str, english: Words, french: Words) -> None:
    """Every command and every option is described in 100 characters."""
    for words in (english, french):
        texts = [command_text(name, words)]
        texts += [option_text(name, argument.rstrip("?"), words) for argument in ARGUMENTS.get(name, ())]
        assert all(1 <= len(text) <= MAX_DESCRIPTION for text in texts)


def test_usage_follows_the_prefix(french: Words) -> None:
    """And names the arguments in the reader's language."""
    assert usage_text("admin_quota remove", french, prefix="?") == (
        "?admin_quota remove <@utilisateur> <nombre> [raison]"
    )
    assert usage_text("quota", french) == "!quota"


REVERSED = {
    ("take_back", "refund"): ("↩️ Purchase refunded", "↩️ Achat remboursé"),
    ("take_back", "dispute"): ("↩️ Payment taken back", "↩️ Paiement repris"),
    ("restore", "dispute"): ("✅ Your quota is back", "✅ Votre quota est revenu"),
    ("freeze", "dispute"): ("🧊 Quota on hold", "🧊 Quota en attente"),
    ("unfreeze", "dispute"): ("✅ Quota no longer on hold", "✅ Quota de nouveau utilisable"),
}


@pytest.mark.parametrize("what", REVERSED)
def test_a_reversal_says_what_it_did_and_what_is_owed(
    what: tuple[str, str], catalog: Catalog, english: Words, french: Words
) -> None:
    """Good news does not speak of debt."""
    change, cause = what
    facts = {"change": change, "cause": cause, "units": 600, "returned_minor": 1499, "debt": 400}
    for words, title in zip((english, french), REVERSED[what], strict=True):
        card = notice_card(notice("reversal", facts), catalog, words)
        assert card.title == title
        assert words.units(600, catalog, "requests") in card.description
        assert (words.units(400, catalog, "requests") in card.description) == (card.tone is Tone.WARNING)
        assert card.footer.endswith("ord_1")
