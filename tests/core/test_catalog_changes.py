"""What a new catalog does to the people of the old one."""

import pytest

from quota_core.catalog_changes import CatalogChange, changes
from quota_core.catalog_file import load, parse
from tests.core.catalogs import EVERYTHING, everything


def changed(before: str, after: str) -> list[CatalogChange]:
    """Return what people see of one edit."""
    assert before in EVERYTHING
    return changes(everything(), parse(EVERYTHING.replace(before, after, 1), name="new.toml"))


def test_nothing_changes_with_the_words_or_the_operators_costs() -> None:
    """Labels and the cost of a unit are nobody's quota."""
    words = changed('label = { en = "Free", fr = "Gratuit" }', 'label = { en = "Basic", fr = "Base" }')
    cost = changed('label = { en = "renders"', 'cost_minor = 7\nlabel = { en = "renders"')

    assert words == []
    assert cost == []
    assert changes(load("credits"), load("credits")) == []


@pytest.mark.parametrize(
    ("before", "after", "weight", "place", "effect"),
    [
        ("limit = 10\n", "limit = 8\n", "loss", "plans.free.allowances (requests, day).limit", "used stays used"),
        ("limit = 10\n", "limit = 12\n", "gain", "plans.free.allowances (requests, day).limit", "10 → 12"),
        ("limit = 45", 'limit = "unlimited"', "gain", "plans.pro.allowances (requests, month).limit", "unlimited"),
        ("at = 95", "at = 90", "note", "plans.free.allowances (requests, day).thresholds", "50 %, 90 %"),
        ("overage_cap = 7", "overage_cap = 5", "note", "plans.charged.allowances (requests, day).overage", "to 5"),
        (
            'overage = "charge"\noverage_rate_minor = 2\noverage_cap = 7\n',
            "",
            "loss",
            "plans.charged.allowances (requests, day).overage",
            "nobody goes beyond",
        ),
        ('features = ["searching"]\n', "", "loss", "plans.pro.features", "without searching"),
        ("cost = 3", "cost = 4", "loss", "services.search.cost", "3 → 4"),
        ("price_minor = 299", "price_minor = 399", "loss", "packages.five.price_minor", "open ones keep"),
        ("units = 8", "units = 9", "note", "packages.eight.units", "for new orders"),
        ('expires = "period"', "", "note", "packages.eight.expires", "period → never"),
        ('currency = "EUR"', 'currency = "USD"', "note", "currency", "every price"),
        ('default_plan = "free"', 'default_plan = "pro"', "note", "default_plan", "given no plan"),
        ('currency = "EUR"', 'currency = "EUR"\ntimezone = "Asia/Tokyo"', "note", "timezone", "other moments"),
        ("rank = 3\n", "rank = 3\nprice_minor = 900\n", "loss", "plans.endless.price_minor", "900 a month"),
        ("[packages.five]", "[packages.six]", "loss", "packages.five", "can still be paid"),
        ("[services.chat]", "[services.talk]", "loss", "services.chat", "refused as unknown"),
    ],
)  # fmt: skip
def test_each_difference_says_what_it_does(
    before: str, after: str, weight: str, place: str, effect: str
) -> None:
    """Whether somebody loses or gains, where it stands, and what happens to them."""
    found = changed(before, after)

    assert (found[0].weight, found[0].place) == (weight, place)
    assert effect in found[0].effect


def test_people_of_a_plan_that_is_gone_are_on_the_default_one() -> None:
    """At once, and told by name."""
    new = parse(EVERYTHING.replace("plans.endless", "plans.infinite"), name="new.toml")

    assert changes(everything(), new) == [
        CatalogChange("loss", "plans.endless", "gone: its people are on the default plan, free, at once"),
        CatalogChange("gain", "plans.infinite", "new"),
    ]


def test_windows_and_metrics_that_come_and_go() -> None:
    """A window beside another binds too; a metric that goes takes its use with it."""
    second = 'metric = "requests"\nlimit = 45\nperiod = "month"\nthresholds = [{ at = 80, severity = "warning" }]\n'
    without = changed(f"[[plans.pro.allowances]]\n{second}", "")
    old = parse(EVERYTHING.replace(f"[[plans.pro.allowances]]\n{second}", ""), name="old.toml")
    with_it = changes(old, everything())
    other = changes(load("sessions"), load("hosting"))

    assert [(one.weight, one.place) for one in without] == [
        ("gain", "plans.pro.allowances (requests, month)")
    ]
    assert [(one.weight, one.place) for one in with_it] == [
        ("loss", "plans.pro.allowances (requests, month)")
    ]
    assert ("loss", "metrics.sessions") in [(one.weight, one.place) for one in other]
    assert ("gain", "metrics.traffic") in [(one.weight, one.place) for one in other]
    assert ("loss", "plans.starter") in [(one.weight, one.place) for one in other]
