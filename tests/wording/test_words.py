"""Numbers, money, shares, times and bars in two languages."""

from __future__ import annotations

from decimal import Decimal

import pytest
from babel.numbers import format_decimal
from hypothesis import given
from hypothesis import strategies as st

from quota_core.catalog import Catalog
from wording.language import language_of
from wording.safe import Safe
from wording.words import Words


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("fr", "fr"),
        ("fr-CA", "fr"),
        ("fr_FR", "fr"),
        ("FR", "fr"),
        ("en-GB", "en"),
        ("de", "en"),
        ("fry", "en"),
        ("", "en"),
        (None, "en"),
    ],
)
def test_language_follows_the_locale(locale: str | None, language: str) -> None:
    """French for every French, English for everything else."""
    assert language_of(locale) == language


def test_an_unknown_language_is_refused() -> None:
    """Words exist in two languages only."""
    with pytest.raises(ValueError, match="'de'"):
        Words("de")


def test_units_are_counted_as_each_language_does(catalog: Catalog, english: Words, french: Words) -> None:
    """English has one request and no requests; French counts none as one, with a narrow blank in thousands."""
    counted = [
        [words.units(units, catalog, "requests") for units in (0, 1, 2, 1000)] for words in (english, french)
    ]

    assert counted[0] == ["0 requests", "1 request", "2 requests", "1,000 requests"]
    assert counted[1] == ["0 requête", "1 requête", "2 requêtes", "1\u202f000 requêtes"]


def test_a_metric_that_left_the_catalog_is_called_by_its_id(catalog: Catalog, english: Words) -> None:
    """An old entry can still be shown."""
    assert english.units(2, catalog, "gone") == "2 gone"


@pytest.mark.parametrize(
    ("minor", "currency", "in_both"),
    [
        (1499, "EUR", ("€14.99", "14,99\u00a0€")),
        (34999, "EUR", ("€349.99", "349,99\u00a0€")),
        (1500, "JPY", ("¥1,500", "1\u202f500\u00a0JPY")),
        (1500, "CHF", ("CHF\u00a015.00", "15,00\u00a0CHF")),
        (1500, "TND", ("TND\u00a01.500", "1,500\u00a0TND")),
        (150000, "ISK", ("ISK\u00a01,500.00", "1\u202f500,00\u00a0ISK")),
        (0, "USD", ("$0.00", "0,00\u00a0$US")),
    ],
)
def test_money_has_the_decimals_that_are_charged(
    minor: int, currency: str, in_both: tuple[str, str], english: Words, french: Words
) -> None:
    """As many decimals as Stripe charges in, even where the language would round."""
    assert (english.money(minor, currency), french.money(minor, currency)) == in_both


def test_the_price_of_a_unit_has_four_decimals(catalog: Catalog, english: Words, french: Words) -> None:
    """Cheap units are told apart."""
    cost = catalog.unit_cost("quota_1000")

    assert english.unit_money(cost, "EUR") == "€0.0150"
    assert french.unit_money(cost, "EUR") == "0,0150\u00a0€"
    assert english.unit_money(Decimal("1.25"), "JPY") == "¥1.25"


@pytest.mark.parametrize(
    ("share", "in_english", "in_french"),
    [
        (0.95, "95%", "95\u00a0%"),
        (2 / 3, "66.7%", "66,7\u00a0%"),
        (0, "0%", "0\u00a0%"),
        (1, "100%", "100\u00a0%"),
        (0.29, "29%", "29\u00a0%"),
    ],
)
def test_shares_have_one_decimal_at_most(
    share: float, in_english: str, in_french: str, english: Words, french: Words
) -> None:
    """Whole percents stay whole."""
    assert english.percent(share) == in_english
    assert french.percent(share) == in_french


def test_times_are_left_to_the_readers_discord(english: Words) -> None:
    """Seconds, whatever the milliseconds."""
    at_ms = 1_800_000_000_999

    assert english.relative(at_ms) == "<t:1800000000:R>"
    assert english.clock(at_ms) == "<t:1800000000:t>"
    assert english.moment(at_ms) == "<t:1800000000:f>"


@pytest.mark.parametrize(
    ("used", "limit", "bar"),
    [
        (800, 1000, "████████░░"),
        (1200, 5000, "███░░░░░░░"),
        (0, 1000, "░░░░░░░░░░"),
        (1, 1_000_000, "█░░░░░░░░░"),
        (999, 1000, "█████████░"),
        (1000, 1000, "██████████"),
        (5000, 1000, "██████████"),
        (0, 0, "██████████"),
        (7, None, "░░░░░░░░░░"),
    ],
)
def test_bars_agree_with_their_numbers(used: int, limit: int | None, bar: str, english: Words) -> None:
    """Empty only when nothing is used, full only when nothing is left."""
    assert english.bar(used, limit) == bar


@given(
    used=st.integers(-10, 2**53),
    limit=st.none() | st.integers(0, 2**53),
    width=st.integers(1, 40),
)
def test_a_bar_is_as_wide_as_asked(used: int, limit: int | None, width: int) -> None:
    """Never over, never under."""
    bar = Words("en").bar(used, limit, width)

    assert len(bar) == width
    assert set(bar) <= {"█", "░"}
    assert "░█" not in bar


def test_foreign_facts_are_made_harmless(english: Words) -> None:
    """A plain text is foreign, a number is written as the language does, and a safe text stands."""
    assert english("quota.title_of", who="*{n}*") == "📊 Quota of \\*{n}\\*"
    assert english("quota.more_metrics", n=1000) == "… and 1,000 more"
    assert english("quota.title_of", who=Safe("<@1>")) == "📊 Quota of <@1>"


def test_a_message_without_its_facts_is_an_error(english: Words) -> None:
    """Nothing is shown with a hole in it."""
    with pytest.raises(KeyError):
        english("quota.title_of")
    with pytest.raises(KeyError):
        english("no.such_key")


@pytest.mark.parametrize("number", [0, 7, 999, 1000, -1000, 123_456_789, 2**62])
def test_whole_numbers_are_written_as_babel_writes_them(number: int, english: Words, french: Words) -> None:
    """Only faster."""
    for words in (english, french):
        assert words.number(number) == format_decimal(number, locale=words.language)


def test_foreign_text_stays_harmless_after_the_same_text_of_our_own(english: Words) -> None:
    """A sentence that is remembered for safe text is not said of foreign text that reads the same."""
    ours, foreign = english("quota.title_of", who=Safe("*x*")), english("quota.title_of", who="*x*")

    assert (ours, foreign) == ("📊 Quota of *x*", "📊 Quota of \\*x\\*")
