"""The four scenarios that the program was asked for, told by the running program in both languages."""

from __future__ import annotations

import pytest

from sandbox.places import OPERATOR_ID
from tests.cogs.talk import labels_of, text_of
from tests.e2e.town import Town, confirmed_orders, heading_of, offer_in, shape_of

LOCALES = ("en-US", "fr")
LOW = {
    "en-US": """\
📊 Quota almost used up!
You have used **95%** of your daily quota.
• Used: 950 / 1,000 requests
• Resets: <t:…:R>

**What you can do:**
1. ⏰ Wait for the reset (<t:…:t>)
2. 💎 Upgrade to **Ultra** (5,000 requests a day)
3. 📊 Buy more (never expires): `/buy_quota`""",
    "fr": """\
📊 Quota presque épuisé !
Vous avez utilisé **95 %** de votre quota quotidien.
• Utilisé : 950 / 1 000 requêtes
• Réinitialisation : <t:…:R>

**Ce que vous pouvez faire :**
1. ⏰ Attendre la réinitialisation (<t:…:t>)
2. 💎 Passer à **Ultra** (5 000 requêtes par jour)
3. 📊 Acheter du quota (n'expire jamais) : `/buy_quota`""",
}
LOW_LABELS = {"en-US": ["See the options", "Upgrade to Ultra"], "fr": ["Voir les options", "Passer à Ultra"]}
SHOP = {
    "en-US": """\
💎 Buy more quota
Add requests to your account.
**What you buy never expires!**
🔥 Most popular: Plus
**1,000 requests** · €14.99
€0.0150 each
*What most people take*
Starter
**100 requests** · €2.99
€0.0299 each
*To try it out*
Regular
**500 requests** · €9.99
€0.0200 each
*For a busy week*
Business
**5,000 requests** · €49.99
€0.0100 each
**save 33%**
*For a team*
Enterprise
**10,000 requests** · €89.99
€0.0090 each
**save 40%**
*For a company*
Mega
**50,000 requests** · €349.99
€0.0070 each
**save 53%**
*The lowest price for each request*
Pick a package below. You see the price again before you pay.""",
    "fr": """\
💎 Acheter du quota supplémentaire
Ajoutez des requêtes à votre compte.
**Le quota acheté n'expire jamais !**
🔥 Le plus populaire : Plus
**1 000 requêtes** · 14,99 €
0,0150 € l'unité
*Le choix le plus courant*
Starter
**100 requêtes** · 2,99 €
0,0299 € l'unité
*Pour essayer*
Regular
**500 requêtes** · 9,99 €
0,0200 € l'unité
*Pour une semaine chargée*
Business
**5 000 requêtes** · 49,99 €
0,0100 € l'unité
**33 % d'économie**
*Pour une équipe*
Enterprise
**10 000 requêtes** · 89,99 €
0,0090 € l'unité
**40 % d'économie**
*Pour une entreprise*
Mega
**50 000 requêtes** · 349,99 €
0,0070 € l'unité
**53 % d'économie**
*Le prix le plus bas par requête*
Choisissez un pack ci-dessous. Le prix vous est rappelé avant de payer.""",
}
SHOP_LABELS = {
    "en-US": [
        *("1,000 · €14.99", "100 · €2.99", "500 · €9.99"),
        *("5,000 · €49.99", "10,000 · €89.99", "50,000 · €349.99"),
    ],
    "fr": [
        *("1 000 · 14,99 €", "100 · 2,99 €", "500 · 9,99 €"),
        *("5 000 · 49,99 €", "10 000 · 89,99 €", "50 000 · 349,99 €"),
    ],
}
CONFIRMATION = {
    "en-US": """\
✅ Quota added!
**+1,000 requests** are on your account.

💡 What you bought never expires. Use it whenever you need it!
📊 New balance
• Purchased: 5,000 → **6,000**
• Available: **6,380 requests**
💰 Paid
€14.99 · Plus""",
    "fr": """\
✅ Quota ajouté !
**+1 000 requêtes** sur votre compte.

💡 Ce quota n'expire jamais. Utilisez-le quand vous en avez besoin !
📊 Nouveau solde
• Acheté : 5 000 → **6 000**
• Disponible : **6 380 requêtes**
💰 Payé
14,99 € · Plus""",
}
DASHBOARD = {
    "en-US": """\
📊 Your quota
📅 Daily
`████████░░` 800 / 1,000
Resets <t:…:R>
💎 Purchased
`███░░░░░░░` 1,200 / 5,000 used
Never expires ✓
📈 Total available
**4,000 requests**
🏷️ Plan
Pro
💰 Need more? /buy_quota""",
    "fr": """\
📊 Votre quota
📅 Quotidien
`████████░░` 800 / 1 000
Réinitialisation <t:…:R>
💎 Acheté
`███░░░░░░░` Utilisé : 1 200 / 5 000
N'expire jamais ✓
📈 Total disponible
**4 000 requêtes**
🏷️ Formule
Pro
💰 Besoin de plus ? /buy_quota""",
}


async def give(town: Town, who: int, *, plan: str = "", units: int = 0) -> None:
    """Let the operator put somebody on a plan and give them units."""
    if plan:
        answer = await town.answer_to(f"!admin_quota plan <@{who}> {plan}", as_=OPERATOR_ID)
        assert heading_of(answer).startswith("✅"), text_of(answer)
    if units:
        answer = await town.answer_to(f"!admin_quota add <@{who}> {units} scenario", as_=OPERATOR_ID)
        assert heading_of(answer) == "✅ Quota added", text_of(answer)


async def spend(town: Town, who: int, units: int) -> None:
    """Use some units by a metered command."""
    answer = await town.answer_to(f"!spend {units}", as_=who)
    assert answer["content"] == f"spent {units}", text_of(answer)


@pytest.mark.parametrize("locale", LOCALES)
async def test_scenario_one_little_quota_is_left(town: Town, locale: str) -> None:
    """950 of 1,000 on Pro: the notice rides on the command that crossed the threshold, and comes once."""
    who = await town.newcomer(locale)
    await give(town, who, plan="pro")
    await spend(town, who, 949)

    crossing = await town.say("!spend 1", as_=who)
    answer, notice = await town.answers(crossing, count=2, as_=who)
    beyond = await town.say("!spend 1", as_=who)
    await town.answers(beyond, as_=who)
    await town.answer_to("!quota", as_=who)
    rest = await town.answers(beyond, as_=who)
    options = await town.press_label(notice, LOW_LABELS[locale][0], as_=who)

    assert answer["content"] == "spent 1"
    assert shape_of(notice) == LOW[locale]
    assert labels_of(notice) == LOW_LABELS[locale]
    assert [one["content"] for one in rest] == ["spent 1"]
    assert options["ephemeral"]
    assert shape_of(options) == SHOP[locale]


@pytest.mark.parametrize("form", ["prefix", "slash"])
@pytest.mark.parametrize("locale", LOCALES)
async def test_scenario_two_the_shop(town: Town, locale: str, form: str) -> None:
    """The popular package first, savings computed, a button each."""
    who = await town.newcomer(locale)

    shop = await town.open_shop(form, as_=who)

    assert shape_of(shop) == SHOP[locale]
    assert labels_of(shop) == SHOP_LABELS[locale]


@pytest.mark.parametrize("locale", LOCALES)
async def test_scenario_three_the_confirmation(town: Town, locale: str) -> None:
    """5,000 bought, 380 of the day left, 1,000 more: 6,380 in all, in the buyer's language."""
    who = await town.newcomer(locale)
    await give(town, who, plan="pro", units=5000)
    await spend(town, who, 620)

    offer = offer_in(await town.press_package(await town.open_shop(as_=who), as_=who))
    await town.pay(offer.checkout)
    message = await town.next_dm("0", who)

    lines = shape_of(message).splitlines()
    assert "\n".join(lines[:-3]) == CONFIRMATION[locale]
    assert lines[-3] == {"en-US": "🧾 Receipt", "fr": "🧾 Reçu"}[locale]
    assert confirmed_orders(message) == [offer.order]


@pytest.mark.parametrize("form", ["prefix", "slash"])
@pytest.mark.parametrize("locale", LOCALES)
async def test_scenario_four_the_dashboard(town: Town, locale: str, form: str) -> None:
    """800 of 1,000 and 1,200 of 5,000 used: 4,000 left, drawn as two bars."""
    who = await town.newcomer(locale)
    await give(town, who, units=5000)
    await spend(town, who, 1250)  # 50 of the free plan's day, the rest of what was given
    await give(town, who, plan="pro")
    await spend(town, who, 750)

    card = await (town.slash("quota", as_=who) if form == "slash" else town.answer_to("!quota", as_=who))

    assert shape_of(card) == DASHBOARD[locale]
    assert card["ephemeral"] is (form == "slash")
