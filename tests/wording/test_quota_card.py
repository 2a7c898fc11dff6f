"""The dashboard for every kind of account, and the notice of a low quota at its edges."""

from __future__ import annotations

from quota_core.catalog import Catalog
from tests.wording.facts import NOW_MS, RESET_MS, balance, crossing, drawn, metric, spend, window
from wording.alert_card import low_quota_card
from wording.card import Tone
from wording.quota_card import Dashboards, mention_card, quota_card
from wording.words import Words


def test_someone_elses_quota_names_them_harmlessly(catalog: Catalog, english: Words) -> None:
    """A display name cannot draw anything in the title."""
    card = quota_card(balance(metric(window())), catalog, english, whose="*Eve* @everyone", now_ms=NOW_MS)

    assert card.title == "📊 Quota of \\*Eve\\* @\u200beveryone"
    assert card.footer == ""


def test_nothing_purchased_says_what_purchases_are_worth(catalog: Catalog, english: Words) -> None:
    """No empty bar of nothing."""
    card = quota_card(balance(metric(window())), catalog, english, whose=None, now_ms=NOW_MS)

    assert "None yet. What you buy never expires." in drawn(card)


def test_no_promise_is_made_where_packages_expire(catalog: Catalog, english: Words) -> None:
    """Neither on the dashboard nor among the ways out."""
    packages = {name: one.model_copy(update={"expires": "period"}) for name, one in catalog.packages.items()}
    ending = catalog.model_copy(update={"packages": packages})
    card = quota_card(balance(metric(window())), ending, english, whose=None, now_ms=NOW_MS)
    low = low_quota_card(crossing(), spend(), "pro", ending, english)

    assert "never" not in drawn(card) + drawn(low)


def test_unlimited_has_no_end_and_no_total(catalog: Catalog, english: Words) -> None:
    """The bar never fills, and no reset is shown."""
    part = metric(window(limit=None, used=12000))
    text = drawn(quota_card(balance(part), catalog, english, whose=None, now_ms=NOW_MS))

    assert "`░░░░░░░░░░` 12,000 used · unlimited" in text
    assert "**Unlimited**" in text
    assert "Resets" not in text


def test_two_windows_of_one_metric_are_both_drawn(catalog: Catalog, english: Words) -> None:
    """An hourly and a daily window bind at once; the smaller rest is what is available."""
    part = metric(window(limit=60, used=10, kind="hour"), window())
    text = drawn(quota_card(balance(part), catalog, english, whose=None, now_ms=NOW_MS))

    assert "- 📅 Hourly\n`██░░░░░░░░` 10 / 60" in text
    assert "- 📅 Daily\n`████████░░` 800 / 1,000" in text
    assert "**50 requests**" in text


def test_expiring_frozen_owed_and_overage_show_only_when_there_are_any(
    catalog: Catalog, english: Words
) -> None:
    """Rare things are said when they matter."""
    rare = metric(
        window(used=1200, overage=200),
        purchased=500,
        purchased_left=400,
        frozen=300,
        expiring_left=70,
        debt=5,
    )
    plain = drawn(quota_card(balance(metric(window())), catalog, english, whose=None, now_ms=NOW_MS))
    text = drawn(quota_card(balance(rare), catalog, english, whose=None, now_ms=NOW_MS))

    assert "`██████████` 1,200 / 1,000 · 200 requests beyond the limit" in text
    assert "70 requests left, until they expire" in text
    assert "300 requests, while a payment is being looked at" in text
    assert "5 requests: the next purchase pays this first" in text
    assert "**170 requests**" in text
    assert not any(word in plain for word in ("Expiring", "On hold", "Owed", "beyond"))


def test_several_metrics_have_a_field_each(catalog: Catalog, english: Words) -> None:
    """Each with its own bars and its own total; the plan once."""
    parts = (metric(window()), metric(metric="gone", purchased=10, purchased_left=4))
    card = quota_card(balance(*parts), catalog, english, whose=None, now_ms=NOW_MS)

    assert [field.name for field in card.fields] == ["📊 Requests", "📊 Gone", "🏷️ Plan"]
    assert "Daily `████████░░` 800 / 1,000" in card.fields[0].value
    assert "📈 Total available **200 requests**" in card.fields[0].value
    assert "`██████░░░░` 6 / 10 used" in card.fields[1].value


def test_many_metrics_all_keep_their_total(catalog: Catalog, english: Words) -> None:
    """Where not everything fits, the total is the last to go; what has no place is counted."""
    one = metric(*[window(kind=kind) for kind in ("hour", "day", "week", "month")] * 2, purchased=9, debt=5)
    card = quota_card(balance(*[one] * 40), catalog, english, whose=None, now_ms=NOW_MS)

    assert [field.value.count("Total available") for field in card.fields[:15]] == [1] * 15
    assert card.fields[15].value == "… and 25 more"
    assert card.fields[-1].name == "🏷️ Plan"


def test_a_plan_that_gives_nothing_says_so(catalog: Catalog, english: Words) -> None:
    """No card without a word."""
    card = quota_card(balance(), catalog, english, whose=None, now_ms=NOW_MS)

    assert card.description == "This plan includes none."


def test_a_plan_with_an_end_shows_it(catalog: Catalog, english: Words) -> None:
    """Until when, as date and time of the reader."""
    card = quota_card(
        balance(metric(window()), plan_until_ms=RESET_MS), catalog, english, whose=None, now_ms=NOW_MS
    )

    assert card.fields[-1].value == "Pro\nuntil <t:1800012240:f>"


def test_a_reset_in_the_past_is_not_shown(catalog: Catalog, english: Words) -> None:
    """A card drawn late promises nothing that has been."""
    card = quota_card(balance(metric(window())), catalog, english, whose=None, now_ms=RESET_MS)

    assert "Resets" not in drawn(card)


def test_a_blocked_account_is_told(catalog: Catalog, english: Words) -> None:
    """Before it wonders why nothing works."""
    card = quota_card(balance(metric(window()), blocked=True), catalog, english, whose=None, now_ms=NOW_MS)

    assert card.tone is Tone.BAD
    assert "blocked" in card.description


def test_a_mention_adds_the_three_commands(catalog: Catalog, english: Words, french: Words) -> None:
    """The dashboard, and what else there is."""
    for words in (english, french):
        card = mention_card(balance(metric(window())), catalog, words, now_ms=NOW_MS)
        commands = card.fields[-1].value
        assert all(f"`/{name}`" in commands for name in ("quota", "buy_quota", "quota_history"))


def test_the_largest_plan_has_two_ways_out(catalog: Catalog, english: Words) -> None:
    """There is nothing to upgrade to."""
    card = low_quota_card(crossing(9500, 10000), spend(), "founder", catalog, english)

    assert "1. ⏰ Wait" in card.description
    assert "2. 📊 Buy more" in card.description
    assert "Upgrade" not in card.description


def test_no_buying_where_nothing_is_sold(catalog: Catalog, english: Words) -> None:
    """Without payments there are two ways out."""
    card = low_quota_card(crossing(), spend(), "pro", catalog, english, can_sell=False)

    assert "2. 💎 Upgrade to **Ultra**" in card.description
    assert "Buy" not in card.description


def test_a_hundred_percent_means_that_nothing_is_left(catalog: Catalog, english: Words) -> None:
    """Shares are rounded down; at the limit the card says so, and what is there for afterwards."""
    almost = low_quota_card(crossing(999, 1000), spend(), "pro", catalog, english)
    empty = low_quota_card(crossing(1000, 1000), spend(purchased_left=3800), "pro", catalog, english)

    assert "**99%**" in almost.description
    assert almost.title == "📊 Quota almost used up!"
    assert "**100%**" in empty.description
    assert "• Purchased, for afterwards: 3,800 requests" in empty.description
    assert empty.title == "📊 Quota used up!"


def test_own_dashboards_are_those_that_are_drawn_anew(
    catalog: Catalog, english: Words, french: Words
) -> None:
    """Whatever was drawn before: in each language, for each balance, and after a window has ended."""
    dashboards = Dashboards(catalog)
    one, used_up = balance(metric(window())), balance(metric(window(used=1000)))
    others = [used_up, balance(metric(window()), blocked=True), balance(metric(window()), plan="pro")]
    for now_ms in (NOW_MS, RESET_MS, NOW_MS):
        for words in (english, french, english):
            for each in [one, *others, one]:
                anew = quota_card(each, catalog, words, whose=None, now_ms=now_ms)

                assert dashboards.card(each, words, now_ms=now_ms) == anew


def test_drawn_dashboards_are_kept_within_bounds(catalog: Catalog, english: Words) -> None:
    """The oldest goes first."""
    dashboards = Dashboards(catalog, max_drawn=2)
    cards = [
        dashboards.card(balance(metric(window(used=used))), english, now_ms=NOW_MS) for used in (1, 2, 3)
    ]

    assert dashboards.card(balance(metric(window(used=3))), english, now_ms=NOW_MS) is cards[2]
    assert dashboards.card(balance(metric(window(used=1))), english, now_ms=NOW_MS) is not cards[0]
