"""Dashboard and shop of every shipped catalog: what its plans give, in both languages."""

from __future__ import annotations

import pytest

from quota_core.answers import Crossing
from quota_core.balances import MetricBalance, WindowBalance
from quota_core.catalog import Catalog
from quota_core.catalog_file import load
from tests.wording.facts import NOW_MS, RESET_MS, balance, drawn, metric, spend
from wording.alert_card import low_quota_card
from wording.quota_card import quota_card
from wording.shop_card import shop_card
from wording.words import Words

NAMES = ("credits", "design-studio", "hosting", "quota-manager", "sessions")


def parts_of(catalog: Catalog, plan: str, used: int, overage: int = 0) -> list[MetricBalance]:
    """Return what an account on the plan has, with `used` units used of everything."""
    parts = []
    for name in catalog.metrics:
        windows = [
            WindowBalance(
                kind=one.period,
                limit=one.limit_units,
                used=used,
                overage=overage,
                resets_ms=None if one.period == "level" else RESET_MS,
            )
            for one in catalog.plans[plan].allowances_of(name)
        ]
        parts.append(metric(*windows, metric=name))
    return parts


def dashboard(name: str, plan: str, words: Words, used: int, overage: int = 0) -> str:
    """Return the dashboard of an account on a plan of a catalog."""
    catalog = load(name)
    has = balance(*parts_of(catalog, plan, used, overage), plan=plan)
    return drawn(quota_card(has, catalog, words, whose=None, now_ms=NOW_MS))


@pytest.mark.parametrize("name", NAMES)
def test_every_plan_and_shop_can_be_drawn(name: str, english: Words, french: Words) -> None:
    """Within Discord's limits, and in neither language with words of the other."""
    catalog = load(name)
    for plan in catalog.plans:
        texts = [dashboard(name, plan, words, used=1) for words in (english, french)]
        assert "disponible" in texts[1]
        assert "Total available" not in texts[1]
        assert len(texts[0]) < 6000
    shops = [drawn(shop_card(catalog, words, can_sell=True)) for words in (english, french)]

    assert shops[0] != shops[1]
    assert max(len(shop) for shop in shops) < 6000


def test_two_windows_and_what_services_cost(english: Words) -> None:
    """A month and a day at once; what the plan lacks is not listed."""
    text = dashboard("credits", "starter", english, used=60)

    assert "- 📅 Monthly\n`██░░░░░░░░` 60 / 500" in text
    assert "- 📅 Daily\n`██████░░░░` 60 / 100" in text
    assert "**40 credits**" in text
    assert "RAG search · 1 credit\nLegal assistant · 3 credits\nVehicle search · 2 credits" in text
    assert "Tax" not in text
    assert "Purchased" not in text  # nothing of it is on sale


def test_sessions_are_told_in_minutes_and_projects_as_a_level(english: Words, french: Words) -> None:
    """What a unit means beside it; a level has no reset."""
    text = dashboard("sessions", "starter", english, used=2)
    shop = drawn(shop_card(load("sessions"), french, can_sell=True))

    assert "Monthly `█░░░░░░░░░` 2 / 5,000 (≈ 4 minutes)" in text
    assert "**4,998 sessions (≈ 9,996 minutes)**" in text
    assert "Current level `███████░░░` 2 / 3\n📈 Total available **1 project**" in text
    assert "✓ Support by e-mail within 48 h" in text
    assert "- Starter · 29,00 $US par mois\n5 000 sessions par mois (≈ 10 000 minutes)\n3 projets" in shop


def test_what_lies_beyond_a_limit_has_a_price(english: Words) -> None:
    """Before it is reached the rate and its cap, afterwards what has come together."""
    before = dashboard("design-studio", "business", english, used=100)
    after = dashboard("design-studio", "business", english, used=212, overage=12)

    assert "100 / 200\nBeyond it: €1.00 each, up to 200" in before
    assert "Beyond it: €0.0010 each, up to 100,000" in before
    assert "212 / 200 · 12 3D renders beyond the limit · **€12.00**" in after


def test_where_nothing_is_on_sale_the_plans_are_shown(english: Words) -> None:
    """With their prices, limits, services and features, and whom to ask."""
    text = drawn(shop_card(load("credits"), english, can_sell=True))

    assert "ask an operator" in text
    assert "- Free · free of charge\n100 credits a month · 20 credits a day\nRAG search · 1 credit" in text
    assert "- 🔥 Most popular: Pro · DZD 5,000.00 a month" in text
    assert "- Enterprise · DZD 50,000.00 a month\n100,000 credits a month\n" in text
    assert "✓ Support around the clock" in text


def test_a_level_that_nears_its_limit_warns_without_a_reset(english: Words, french: Words) -> None:
    """There is nothing to wait for."""
    level = Crossing(kind="level", percent=80, used=810, limit=1000, resets_ms=None)
    card = drawn(low_quota_card(level, spend(metric="storage"), "free", load("hosting"), english))
    french_card = drawn(low_quota_card(level, spend(metric="storage"), "free", load("hosting"), french))

    assert "You have used **81%** of your limit." in card
    assert "Used: 810 / 1,000 MB of storage" in card
    assert "reset" not in card.lower()
    assert "Upgrade to **Pro** (10,000 MB of storage)" in card
    assert "**81 %** de votre limite" in french_card


@pytest.mark.parametrize(
    ("used", "title", "french_title"),
    [
        (5, "📊 50% of your quota is used", "📊 50 % de votre quota est utilisé"),
        (8, "📊 Quota almost used up!", "📊 Quota presque épuisé !"),
        (10, "📊 Quota used up!", "📊 Quota épuisé !"),
    ],
)
def test_an_alert_says_how_far_it_is(
    used: int, title: str, french_title: str, english: Words, french: Words
) -> None:
    """Half is not almost all; and where a month must turn, the way to wait names the day, not a clock alone."""
    month = Crossing(kind="month", percent=50, used=used, limit=10, resets_ms=RESET_MS)
    studio = load("design-studio")
    cards = [
        low_quota_card(month, spend(metric="renders_3d"), "starter", studio, words)
        for words in (english, french)
    ]
    of_a_day = low_quota_card(
        Crossing(kind="day", percent=95, used=48, limit=50, resets_ms=RESET_MS),
        spend(),
        "free",
        load("quota-manager"),
        english,
    )

    assert [card.title.replace("\N{NO-BREAK SPACE}", " ") for card in cards] == [title, french_title]
    assert f"Wait for the reset (<t:{RESET_MS // 1000}:f>)" in cards[0].description
    assert f"Wait for the reset (<t:{RESET_MS // 1000}:t>)" in of_a_day.description
