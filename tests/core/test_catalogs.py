"""The shipped catalogs say what their documents name: plans, metrics, prices, limits, features, thresholds."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from quota_core.catalog import Catalog
from quota_core.catalog_file import CATALOG_FOLDER, load, margin_warnings
from quota_core.periods import PeriodKind

NAMES = ("credits", "design-studio", "hosting", "quota-manager", "sessions")


def per_plan(catalog: Catalog, fact: Callable[[Any], object]) -> dict[str, object]:
    """Return a fact of every plan, smallest first."""
    return {plan_id: fact(plan) for plan_id, plan in catalog.plans_by_rank.items()}


def limits_of(catalog: Catalog, metric: str, kind: str) -> list[int | None]:
    """Return the limits of all plans on a metric, smallest plan first."""
    return [
        allowance.limit_units
        for plan in catalog.plans_by_rank.values()
        for allowance in plan.allowances_of(metric)
        if allowance.period == kind
    ]


def warned_at(catalog: Catalog, metrics: tuple[str, ...]) -> set[tuple[tuple[int, str], ...]]:
    """Return the thresholds that stand on these metrics."""
    return {
        tuple((one.at, one.severity) for one in allowance.thresholds)
        for plan in catalog.plans.values()
        for metric in metrics
        for allowance in plan.allowances_of(metric)
    }


def test_there_is_a_catalog_for_each_system() -> None:
    """Five of them, and each can be used."""
    assert tuple(sorted(file.stem for file in CATALOG_FOLDER.glob("*.toml"))) == NAMES
    assert all(margin_warnings(load(name)) == [] for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_whoever_has_nothing_yet_has_some_of_the_primary_metric(name: str) -> None:
    """What commands spend unless they say otherwise is in the plan of everybody."""
    catalog = load(name)
    default = catalog.plans[catalog.default_plan]

    assert default.rank == min(plan.rank for plan in catalog.plans.values())
    assert default.allowances_of(catalog.primary_metric)


def test_the_design_studio() -> None:
    """Four plans, six metrics by the month, overage at a rate, top-ups for the current period on each metric."""
    catalog = load("design-studio")
    business = catalog.plans["business"]
    charging = [one for one in business.allowances if one.overage == "charge"]

    assert list(catalog.plans_by_rank) == ["starter", "professional", "business", "enterprise"]
    assert set(catalog.metrics) == {
        "designs_created",
        "renders_2d",
        "renders_3d",
        "ai_generations",
        "api_calls",
        "webhook_deliveries",
    }
    assert business.price_minor == 29900
    assert [one.limit for one in business.allowances_of("renders_3d")] == [200]
    assert {one.period for plan in catalog.plans.values() for one in plan.allowances} == {PeriodKind.MONTH}
    assert len(charging) == 6
    assert [one.overage_rate_minor for one in business.allowances_of("renders_3d")] == [Decimal(100)]
    assert {package.metric for package in catalog.packages.values()} == set(catalog.metrics)
    assert {package.expires for package in catalog.packages.values()} == {"period"}
    assert warned_at(catalog, tuple(catalog.metrics)) == {
        ((50, "info"), (75, "warning"), (90, "critical")),
    }


def test_the_hosting_platform() -> None:
    """Traffic by the month, disk space as a level; add-ons and priority for the paying plan."""
    catalog = load("hosting")

    assert list(catalog.plans_by_rank) == ["free", "pro"]
    assert (catalog.metrics["traffic"].kind, catalog.metrics["storage"].kind) == ("counter", "gauge")
    assert limits_of(catalog, "traffic", "month") == [10_000, 100_000]
    assert limits_of(catalog, "storage", "level") == [1_000, 10_000]
    assert per_plan(catalog, lambda plan: plan.features) == {
        "free": (),
        "pro": ("addons", "priority_support"),
    }
    assert warned_at(catalog, ("traffic", "storage")) == {((80, "warning"), (95, "critical"))}


def test_the_sessions() -> None:
    """Sessions by the month with minutes, projects as a level, support and badge as features."""
    catalog = load("sessions")
    estimate = catalog.metrics["sessions"].estimate

    assert catalog.currency == "USD"
    assert per_plan(catalog, lambda plan: plan.price_minor) == {"free": 0, "starter": 2900, "growth": 9900}
    assert limits_of(catalog, "sessions", "month") == [100, 5_000, 20_000]
    assert limits_of(catalog, "projects", "level") == [1, 3, 10]
    assert estimate is not None
    assert (estimate.per_unit, estimate.label.en) == (2, "minutes")
    assert per_plan(catalog, lambda plan: plan.features) == {
        "free": ("badge", "community_support"),
        "starter": ("email_support",),
        "growth": ("priority_support", "sla"),
    }
    assert warned_at(catalog, ("sessions",)) == {((80, "warning"), (100, "critical"))}


def test_the_credits() -> None:
    """A month's credits and a day's limit at once, prices in dinars, a cost and a feature for each service."""
    catalog = load("credits")

    assert (catalog.currency, catalog.timezone) == ("DZD", "Africa/Algiers")
    assert limits_of(catalog, "credits", "month") == [100, 500, 2_000, 10_000, 100_000]
    assert limits_of(catalog, "credits", "day") == [20, 100, 500, 2_000, None]
    assert per_plan(catalog, lambda plan: plan.price_minor) == {
        "free": 0,
        "starter": 200_000,
        "pro": 500_000,
        "business": 1_500_000,
        "enterprise": 5_000_000,
    }
    assert {name: service.cost for name, service in catalog.services.items()} == {
        "rag": 1,
        "legal": 3,
        "fiscal": 3,
        "voice": 2,
        "park": 2,
        "api": 1,
    }
    assert {name: service.feature for name, service in catalog.services.items()} == {
        name: name for name in catalog.services
    }
    assert catalog.plans_with("legal", "credits") == ("starter", "pro", "business", "enterprise")
    assert catalog.plans_with("fiscal", "credits") == ("pro", "business", "enterprise")
    assert catalog.plans["free"].features == ("rag",)
    assert warned_at(catalog, ("credits",)) == {((80, "warning"), (100, "critical"))}
