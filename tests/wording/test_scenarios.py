"""The four screens that a person meets first, in both languages; every number is computed."""

from __future__ import annotations

from quota_core.catalog import Catalog
from tests.wording.facts import NOW_MS, balance, crossing, drawn, lines, metric, notice, spend, window
from wording.alert_card import low_quota_card
from wording.notice_card import notice_card
from wording.quota_card import quota_card
from wording.shop_card import package_label, shop_card
from wording.words import Words


def test_low_quota_in_english(catalog: Catalog, english: Words) -> None:
    """Scenario 1: 950 of 1,000 used, on Pro."""
    card = low_quota_card(crossing(), spend(), "pro", catalog, english)

    assert (
        drawn(card)
        == """\
# 📊 Quota almost used up! (warning)
You have used **95%** of your daily quota.
• Used: 950 / 1,000 requests
• Resets: <t:1800012240:R>

**What you can do:**
1. ⏰ Wait for the reset (<t:1800012240:t>)
2. 💎 Upgrade to **Ultra** (5,000 requests a day)
3. 📊 Buy more (never expires): `/buy_quota`"""
    )


def test_low_quota_in_french(catalog: Catalog, french: Words) -> None:
    """Scenario 1, en français."""
    card = low_quota_card(crossing(), spend(), "pro", catalog, french)

    assert (
        drawn(card)
        == """\
# 📊 Quota presque épuisé ! (warning)
Vous avez utilisé **95 %** de votre quota quotidien.
• Utilisé : 950 / 1 000 requêtes
• Réinitialisation : <t:1800012240:R>

**Ce que vous pouvez faire :**
1. ⏰ Attendre la réinitialisation (<t:1800012240:t>)
2. 💎 Passer à **Ultra** (5 000 requêtes par jour)
3. 📊 Acheter du quota (n'expire jamais) : `/buy_quota`"""
    )


def test_the_shop_in_english(catalog: Catalog, english: Words) -> None:
    """Scenario 2: the popular package first; savings only where there are any."""
    card = shop_card(catalog, english, can_sell=True)

    assert (
        drawn(card)
        == """\
# 💎 Buy more quota (info)
Add requests to your account.
**What you buy never expires!**
- 🔥 Most popular: Plus
**1,000 requests** · €14.99
€0.0150 each
*What most people take*
| Starter
**100 requests** · €2.99
€0.0299 each
*To try it out*
| Regular
**500 requests** · €9.99
€0.0200 each
*For a busy week*
| Business
**5,000 requests** · €49.99
€0.0100 each
**save 33%**
*For a team*
| Enterprise
**10,000 requests** · €89.99
€0.0090 each
**save 40%**
*For a company*
| Mega
**50,000 requests** · €349.99
€0.0070 each
**save 53%**
*The lowest price for each request*
~ Pick a package below. You see the price again before you pay."""
    )


def test_the_shop_in_french(catalog: Catalog, french: Words) -> None:
    """Scenario 2, en français."""
    card = shop_card(catalog, french, can_sell=True)

    assert (
        drawn(card)
        == """\
# 💎 Acheter du quota supplémentaire (info)
Ajoutez des requêtes à votre compte.
**Le quota acheté n'expire jamais !**
- 🔥 Le plus populaire : Plus
**1 000 requêtes** · 14,99 €
0,0150 € l'unité
*Le choix le plus courant*
| Starter
**100 requêtes** · 2,99 €
0,0299 € l'unité
*Pour essayer*
| Regular
**500 requêtes** · 9,99 €
0,0200 € l'unité
*Pour une semaine chargée*
| Business
**5 000 requêtes** · 49,99 €
0,0100 € l'unité
**33 % d'économie**
*Pour une équipe*
| Enterprise
**10 000 requêtes** · 89,99 €
0,0090 € l'unité
**40 % d'économie**
*Pour une entreprise*
| Mega
**50 000 requêtes** · 349,99 €
0,0070 € l'unité
**53 % d'économie**
*Le prix le plus bas par requête*
~ Choisissez un pack ci-dessous. Le prix vous est rappelé avant de payer."""
    )


def test_buttons_of_the_shop(catalog: Catalog, english: Words, french: Words) -> None:
    """A button says what one gets and what it costs."""
    assert [package_label(catalog, one, english) for one in catalog.shop_order] == [
        "1,000 · €14.99",
        "100 · €2.99",
        "500 · €9.99",
        "5,000 · €49.99",
        "10,000 · €89.99",
        "50,000 · €349.99",
    ]
    assert package_label(catalog, "quota_1000", french) == "1\u202f000 · 14,99\u00a0€"


def test_the_confirmation_in_english(catalog: Catalog, english: Words) -> None:
    """Scenario 3: 1,000 more on 5,000, with 380 of the day left."""
    card = notice_card(notice(), catalog, english, receipt_url="https://pay.example/r/1")

    assert (
        drawn(card)
        == """\
# ✅ Quota added! (good)
**+1,000 requests** are on your account.

💡 What you bought never expires. Use it whenever you need it!
- 📊 New balance
• Purchased: 5,000 → **6,000**
• Available: **6,380 requests**
| 💰 Paid
€14.99 · Plus
| 🧾 Receipt
[Open the receipt](https://pay.example/r/1)
~ Order ord_1"""
    )


def test_the_confirmation_in_french(catalog: Catalog, french: Words) -> None:
    """Scenario 3, en français, without a receipt."""
    card = notice_card(notice(), catalog, french, receipt_url=None)

    assert (
        drawn(card)
        == """\
# ✅ Quota ajouté ! (good)
**+1 000 requêtes** sur votre compte.

💡 Ce quota n'expire jamais. Utilisez-le quand vous en avez besoin !
- 📊 Nouveau solde
• Acheté : 5 000 → **6 000**
• Disponible : **6 380 requêtes**
| 💰 Payé
14,99 € · Plus
~ Commande ord_1"""
    )


def test_the_dashboard_in_english(catalog: Catalog, english: Words) -> None:
    """Scenario 4: 200 of the day and 3,800 purchased ones are 4,000."""
    bought = metric(window(), purchased=5000, purchased_left=3800)
    card = quota_card(balance(bought), catalog, english, whose=None, now_ms=NOW_MS)

    assert drawn(card) == lines("""
        # 📊 Your quota (info)
        - 📅 Daily
        `████████░░` 800 / 1,000
        Resets <t:1800012240:R>
        - 💎 Purchased
        `███░░░░░░░` 1,200 / 5,000 used
        Never expires ✓
        | 📈 Total available
        **4,000 requests**
        | 🏷️ Plan
        Pro
        ~ 💰 Need more? /buy_quota
    """)


def test_the_dashboard_in_french(catalog: Catalog, french: Words) -> None:
    """Scenario 4, en français."""
    bought = metric(window(), purchased=5000, purchased_left=3800)
    card = quota_card(balance(bought), catalog, french, whose=None, now_ms=NOW_MS)

    assert drawn(card) == lines("""
        # 📊 Votre quota (info)
        - 📅 Quotidien
        `████████░░` 800 / 1 000
        Réinitialisation <t:1800012240:R>
        - 💎 Acheté
        `███░░░░░░░` Utilisé : 1 200 / 5 000
        N'expire jamais ✓
        | 📈 Total disponible
        **4 000 requêtes**
        | 🏷️ Formule
        Pro
        ~ 💰 Besoin de plus ? /buy_quota
    """)
