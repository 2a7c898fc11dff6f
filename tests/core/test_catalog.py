"""Catalogs: what the documents' figures become, and how a bad file is explained."""

from decimal import Decimal
from pathlib import Path

import pytest

from quota_core.catalog import Catalog
from quota_core.catalog_file import CATALOG_FOLDER, load, margin_warnings, parse
from quota_core.errors import CatalogError, UnknownMetricError, UnknownPackageError, UnknownPlanError
from tests.core.catalogs import EVERYTHING, everything


def problems_of(text: str) -> list[str]:
    """Return what is said about a catalog that cannot be used."""
    with pytest.raises(CatalogError) as refusal:
        parse(text, name="bad.toml")
    return refusal.value.problems


@pytest.mark.parametrize(
    ("package", "unit_cost", "savings"),
    [
        ("quota_100", "0.0299", 0),
        ("quota_500", "0.0200", 0),
        ("quota_1000", "0.0150", 0),
        ("quota_5000", "0.0100", 33),
        ("quota_10000", "0.0090", 40),
        ("quota_50000", "0.0070", 53),
    ],
)
def test_the_packages_cost_and_save_what_their_prices_say(
    catalog: Catalog, package: str, unit_cost: str, savings: int
) -> None:
    """A package dearer per unit than the reference saves nothing."""
    assert catalog.unit_cost(package) == Decimal(unit_cost)
    assert catalog.savings_percent(package) == savings


def test_the_shipped_catalog_says_what_it_gives_and_sells(catalog: Catalog) -> None:
    """Four plans by rank, six packages, the popular one first."""
    limits = {plan_id: plan.allowances[0].limit for plan_id, plan in catalog.plans_by_rank.items()}
    prices = {package.units: package.price_minor for package in catalog.packages.values()}

    assert limits == {"free": 50, "pro": 1000, "ultra": 5000, "founder": 10000}
    assert prices == {100: 299, 500: 999, 1000: 1499, 5000: 4999, 10000: 8999, 50000: 34999}
    assert catalog.shop_order[0] == "quota_1000"
    assert all(plan.allowances[0].thresholds[0].at == 95 for plan in catalog.plans.values())


def test_no_shipped_package_falls_below_its_target_margin(catalog: Catalog) -> None:
    """The check that warns has nothing to say about our own figures."""
    targets = [package.target_margin for package in catalog.packages.values()]

    assert targets == [Decimal(share) for share in ("0.75", "0.70", "0.65", "0.60", "0.55", "0.50")]
    assert margin_warnings(catalog) == []


def test_a_cost_that_eats_the_margin_is_named() -> None:
    """The warning names the package, what is left and what was wanted."""
    text = (CATALOG_FOLDER / "quota-manager.toml").read_text(encoding="utf-8")
    dear = parse(text.replace("cost_minor = 0.3", "cost_minor = 0.5"), name="dear.toml")

    assert sorted(margin_warnings(dear)) == [
        "packages.quota_10000: margin 44% is below its target 55%",
        "packages.quota_50000: margin 29% is below its target 50%",
        "packages.quota_5000: margin 50% is below its target 60%",
    ]


def test_the_next_plan_is_the_smallest_that_gives_more(catalog: Catalog) -> None:
    """The upgrade of a refusal: by rank, until there is none."""
    assert catalog.next_plan("free", "requests") == "pro"
    assert catalog.next_plan("founder", "requests") is None
    assert everything().next_plan("free", "renders") == "pro"
    assert everything().next_plan("pro", "requests") == "endless"


def test_a_plan_that_left_the_catalog_is_the_default_one(catalog: Catalog) -> None:
    """An account keeps working after its plan was renamed."""
    assert catalog.plan_id("gone") == "free"
    assert catalog.plan_id(None) == "free"


def test_unknown_names_are_refused_by_name(catalog: Catalog) -> None:
    """Each lookup has its own error; the plans that exist come with theirs."""
    with pytest.raises(UnknownPlanError) as refusal:
        catalog.known_plan("gold")
    with pytest.raises(UnknownPackageError):
        catalog.package("quota_7")
    with pytest.raises(UnknownMetricError):
        catalog.metric("tokens")

    assert refusal.value.plans == ("free", "pro", "ultra", "founder")


def test_every_dangling_name_is_told_at_once() -> None:
    """Several problems, each with file, key and what is wrong."""
    text = (
        EVERYTHING.replace('default_plan = "free"', 'default_plan = "fre"\ntimezone = "Europe/Pari"')
        .replace('currency = "EUR"', 'currency = "EURO"')
        .replace('primary_metric = "requests"', 'primary_metric = "request"')
        .replace('metric = "renders"\nlimit = 4', 'metric = "render"\nlimit = 4')
        .replace("rank = 3", "rank = 2")
    )

    assert problems_of(text) == [
        "bad.toml: currency: 'EURO' is no ISO 4217 code such as EUR",
        "bad.toml: timezone: 'Europe/Pari' is no IANA name such as Europe/Paris",
        "bad.toml: default_plan: there is no plan 'fre': write 'free'",
        "bad.toml: primary_metric: there is no metric 'request': write 'requests'",
        "bad.toml: plans.pro.allowances.2.metric: there is no metric 'render': write 'renders'",
        "bad.toml: plans: two plans have rank 2",
    ]


def test_every_wrong_value_is_told_at_once() -> None:
    """Types, bounds, unknown keys and missing ones, each with its key."""
    text = (
        EVERYTHING.replace("units = 5", 'units = "5"')
        .replace("price_minor = 399", "price_minor = 3.99")
        .replace("reference = true", "referense = true")
        .replace('label = { en = "Pro", fr = "Pro" }', 'label = { en = "Pro" }')
    )
    said = problems_of(text)

    assert len(said) == 4
    for key in (
        "packages.five.units",
        "packages.eight.price_minor",
        "packages.five.referense",
        "plans.pro.label.fr",
    ):
        assert sum(problem.startswith(f"bad.toml: {key}: ") for problem in said) == 1


@pytest.mark.parametrize(
    ("before", "after", "key"),
    [
        ("overage_rate_minor = 2\n", "", "plans.charged.allowances.0"),
        (
            "overage_rate_minor = 2\n",
            "overage_rate_minor = -2\n",
            "plans.charged.allowances.0.overage_rate_minor",
        ),
        ('period = "week"', 'period = "fortnight"', "plans.pro.allowances.2.period"),
        ('currency = "EUR"', 'currency = "eur"', "currency"),
        ("price_minor = 299", "price_minor = 0", "packages.five.price_minor"),
        ("price_minor = 299", "price_minor = 100_000_000", "packages.five.price_minor"),
        ("[packages.five]", "[packages.Five]", "packages.Five.[key]"),
        ("at = 50", "at = 95", "plans.free.allowances.0"),
        ("at = 50", "at = 101", "plans.free.allowances.0.thresholds.0.at"),
        ('expires = "period"', "reference = true", "packages"),
        ("limit = 45", "limit = 9_007_199_254_740_992", "plans.pro.allowances.1.limit"),
        ("limit = 45", "limit = true", "plans.pro.allowances.1.limit"),
    ],
)
def test_a_bad_value_is_named(before: str, after: str, key: str) -> None:
    """Bounds, spellings, marks that may stand once."""
    assert before in EVERYTHING

    assert any(
        problem.startswith(f"bad.toml: {key}") for problem in problems_of(EVERYTHING.replace(before, after))
    )


def test_what_is_no_toml_and_what_is_no_file_are_explained(tmp_path: Path) -> None:
    """A broken file and a missing one name the file; the missing one tells what there is."""
    (tmp_path / "latin.toml").write_bytes(b'currency = "\xe9"')
    with pytest.raises(CatalogError, match="quota-manager"):
        load("quota-manger")
    with pytest.raises(CatalogError, match=r"latin\.toml: cannot be read"):
        load(str(tmp_path / "latin.toml"))

    with pytest.raises(CatalogError) as missing:
        load(str(tmp_path / "none.toml"))

    assert "(No such file or directory); there are: " in missing.value.problems[0]
    assert "Errno" not in missing.value.problems[0]
    assert problems_of("currency = ")[0].startswith("bad.toml: not TOML: ")
    assert all(problem.startswith("bad.toml: ") for problem in problems_of(""))
