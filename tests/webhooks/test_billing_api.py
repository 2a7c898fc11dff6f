"""The documented answers about plans, use, costs, alerts, periods and top-ups, number by number."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from quota_core.accounts import AccountRef
from tests.sandbox.stripe_fixture import Shop
from tests.webhooks.running import ANA, BEN, Running, event_of, operator, running
from tests.webhooks.studio import studio


@pytest.fixture
async def bot(tmp_path: Path, shop: Shop) -> AsyncIterator[Running]:
    """Return a served bot at noon that sells sessions and renders."""
    async with running(tmp_path, studio(), shop=shop) as served:
        served.watch.to_noon()
        yield served


async def got(bot: Running, path: str, **headers: str) -> Any:
    """Return what a path answers to a service that names Ana."""
    named = {"X-User-ID": ANA.external_id} | headers
    status, answer, _ = await bot.ask("GET", path, headers=await bot.key() | named)

    assert status == 200
    return answer


async def bought(bot: Running, package: str) -> None:
    """Buy a package for Ana and pay it."""
    _, order = await bot.buy(package=package)
    assert await bot.deliver(event_of(order)) == (200, {"outcome": "credited"})


async def test_the_documented_summary(bot: Running) -> None:
    """42 of 200 renders are 21 percent; the plan costs 299.00 and nothing else."""
    await bot.quota.consume(ANA, 42, key="k", metric="renders_3d")
    answer = await got(bot, "/usage-billing/summary")
    renders = next(one for one in answer["summary"]["metrics"] if one["type"] == "renders_3d")

    assert renders | {"windows": [], "resets_at": ""} == {
        "type": "renders_3d",
        "current": 42,
        "limit": 200,
        "percentage": 21,
        "overage": 0,
        "period": "month",
        "resets_at": "",
        "windows": [],
    }
    assert answer["summary"]["estimated_cost"] == {
        "base": 29900,
        "usage": 0,
        "overage": 0,
        "total": 29900,
        "currency": "EUR",
    }
    assert answer["summary"]["alerts"] == []
    assert answer["plan"]["id"] == "business"
    assert answer == await got(bot, f"/api/billing/summary/{ANA.external_id}")


async def test_overage_costs_its_rate_and_alerts_name_the_highest_threshold(bot: Running) -> None:
    """12 renders beyond 200 at 1.005 each; the alert speaks the caller's language."""
    await bot.quota.consume(ANA, 212, key="k", metric="renders_3d")
    answer = await got(bot, "/api/billing/summary", **{"Accept-Language": "fr"})
    english = await got(bot, "/api/billing/summary")

    assert answer["summary"]["metrics"][-1]["overage"] == 12
    assert answer["summary"]["metrics"][-1]["percentage"] == 106
    assert answer["summary"]["estimated_cost"]["overage"] == 1206
    assert answer["summary"]["estimated_cost"]["total"] == 31106
    assert answer["summary"]["alerts"] == [
        {
            "severity": "critical",
            "message": "Rendus 3D à 106\xa0% du quota mensuel",
            "metric": "renders_3d",
            "threshold": 90,
            "percentage": 106,
            "period": "month",
        }
    ]
    assert english["summary"]["alerts"][0]["message"] == "3D renders at 106% of the monthly quota"


async def test_a_top_up_raises_the_limit_of_its_metric_and_ends_the_alert(bot: Running) -> None:
    """Of two windows the longest stands for the metric; what was bought counts in both."""
    await bot.quota.consume(ANA, 38, key="1")
    before = await got(bot, "/api/billing/summary")
    await bought(bot, "sessions_50")
    await bot.quota.consume(ANA, 12, key="2")
    after = await got(bot, "/api/billing/summary")
    sessions = after["summary"]["metrics"][0]

    assert [(one["period"], one["severity"]) for one in before["summary"]["alerts"]] == [("day", "critical")]
    assert (sessions["type"], sessions["period"]) == ("sessions", "month")
    assert (sessions["current"], sessions["limit"], sessions["percentage"]) == (50, 150, 33)
    assert [(one["period"], one["current"], one["limit"]) for one in sessions["windows"]] == [
        ("month", 50, 150),
        ("day", 50, 90),
    ]
    assert [(one["period"], one["severity"]) for one in after["summary"]["alerts"]] == [("day", "info")]


async def test_units_that_never_expire_raise_the_limit_by_what_is_left(bot: Running) -> None:
    """So that limit less current is always what can be spent."""
    await bought(bot, "renders_10")
    await bot.quota.consume(ANA, 204, key="k", metric="renders_3d")
    answer = await got(bot, "/api/billing/summary")
    renders = next(one for one in answer["summary"]["metrics"] if one["type"] == "renders_3d")

    assert (renders["current"], renders["limit"], renders["overage"]) == (200, 206, 0)


async def test_who_i_am_and_what_i_have(bot: Running) -> None:
    """With how much of what is included is used, and what that means in minutes."""
    await bot.quota.consume(ANA, 30, key="k")
    answer = await got(bot, "/api/billing/me")

    assert (answer["user_id"], answer["status"], answer["credits_left"]) == (str(ANA), "active", 10)
    assert answer["usage"] == {
        "metric": "sessions",
        "included": 100,
        "used": 30,
        "percent": 30,
        "estimated_minutes": 60,
        "estimated_minutes_included": 200,
    }
    assert answer["plan"]["price"] == 29900
    assert [part["metric"] for part in answer["metrics"]] == ["sessions", "renders_3d"]


async def test_an_exhausted_account_frees_itself(bot: Running) -> None:
    """By a purchase, or by the next day: it is never stored."""
    await bot.quota.consume(ANA, 40, key="k")
    exhausted = await got(bot, "/api/billing/me")
    await bought(bot, "sessions_50")
    active = await got(bot, "/api/billing/me")

    assert (exhausted["status"], active["status"], active["credits_left"]) == ("exhausted", "active", 50)


async def test_unlimited_has_no_percentage(bot: Running) -> None:
    """And is never exhausted."""
    await bot.grants.set_plan(ANA, "open", until_ms=None, actor=operator(), reason="", key="plan")
    await bot.quota.consume(ANA, 1000, key="k")
    summary, me = await got(bot, "/api/billing/summary"), await got(bot, "/api/billing/me")
    sessions = summary["summary"]["metrics"][0]

    assert (sessions["current"], sessions["limit"], sessions["percentage"]) == (1000, None, None)
    assert (me["status"], me["credits_left"], me["usage"]["included"]) == ("active", None, None)


async def test_what_is_on_offer_and_what_services_cost(bot: Running) -> None:
    """In both languages, with everything that a comparison of plans needs."""
    plans, costs = await got(bot, "/api/billing/plans"), await got(bot, "/api/billing/credit-costs")

    assert [plan["id"] for plan in plans["plans"]] == ["business", "open"]
    assert plans["plans"][0]["allowances"][0]["overage_rate"] == "100.5"
    assert plans["plans"][0]["allowances"][1]["estimated"] == 200
    assert plans["plans"][0]["label"] == {"en": "Business", "fr": "Business"}
    assert [package["id"] for package in plans["packages"]] == ["sessions_50", "renders_10"]
    assert plans == await got(bot, "/usage-billing/plans")
    assert costs["costs"] == {"legal": 3}
    assert costs["services"][0]["plans"] == ["open"]


async def test_a_monthly_reset_changes_nothing_however_often_it_is_asked(bot: Running) -> None:
    """It says which periods are open, for an account or for none."""
    await bot.quota.consume(ANA, 7, key="k")
    headers = await bot.key()
    before = await bot.rows("SELECT * FROM entries"), await bot.rows("SELECT * FROM balances")
    body = {"user_id": ANA.external_id}
    answers = [
        (await bot.ask("POST", "/api/credits/reset-monthly", json=body, headers=headers))[1] for _ in range(2)
    ]
    status, nobody, _ = await bot.ask("POST", "/api/credits/reset-monthly", json={}, headers=headers)

    assert answers[0] == answers[1]
    assert answers[0]["changed"] is False
    assert [(one["metric"], one["period"], one["used"]) for one in answers[0]["periods"]] == [
        ("sessions", "month", 7),
        ("sessions", "day", 7),
        ("renders_3d", "month", 0),
    ]
    assert answers[0]["starts_at"].startswith(answers[0]["period_key"])
    assert (status, nobody["user_id"], nobody["periods"]) == (200, None, [])
    assert (await bot.rows("SELECT * FROM entries"), await bot.rows("SELECT * FROM balances")) == before


async def test_what_was_bought_comes_in_pages_with_its_period(bot: Running) -> None:
    """Newest first; the units left of each, and when those of a period end."""
    await bought(bot, "sessions_50")
    await bought(bot, "renders_10")
    await bot.quota.consume(ANA, 45, key="k")
    first = await got(bot, "/api/billing/topups/history?limit=1")
    second = await got(bot, f"/usage-billing/topups/history?limit=1&cursor={first['next_cursor']}")
    other = await bot.ask("GET", "/api/billing/topups/history?user_id=200", headers=await bot.key())
    sessions = second["top_ups"][0]

    assert [one["package_id"] for one in first["top_ups"]] == ["renders_10"]
    assert (sessions["package_id"], sessions["left"], sessions["status"]) == ("sessions_50", 45, "paid")
    assert sessions["period_key"] == sessions["paid_at"][:7]
    assert sessions["expires_at"] is not None
    assert (second["next_cursor"], other[1]) == (None, {"top_ups": [], "next_cursor": None})


async def test_a_key_of_an_account_sees_its_own(bot: Running) -> None:
    """Whatever path and name it tries."""
    headers = await bot.key(account=BEN)
    own, answer, _ = await bot.ask("GET", "/api/billing/me", headers=headers)
    named, _, _ = await bot.ask("GET", f"/api/billing/summary/{ANA.external_id}", headers=headers)
    asked, _, _ = await bot.ask("GET", f"/api/billing/me?user_id={ANA.external_id}", headers=headers)
    mine, _, _ = await bot.ask("GET", "/api/billing/summary/me", headers=headers)

    assert (own, answer["user_id"]) == (200, str(BEN))
    assert (named, asked, mine) == (404, 404, 200)


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=1.0", "limit=201", "cursor=x", "cursor=WzEsMl0", "bananas=1", "limit=1&limit=2"],
)
async def test_a_query_that_does_not_fit_is_refused(bot: Running, query: str) -> None:
    """And says where."""
    path = f"/api/billing/topups/history?user_id=1&{query}"
    status, problem, _ = await bot.ask("GET", path, headers=await bot.key())

    assert (status, problem["type"]) == (422, "urn:jauge:problem:invalid-query")
    assert problem["errors"][0]["at"] in query


async def test_a_project_has_its_own_summary(bot: Running) -> None:
    """External accounts are spelled as they are."""
    await bot.quota.consume(AccountRef.parse("project:x"), 5, key="k")
    answer = await got(bot, "/api/billing/summary/project:x")

    assert answer["user_id"] == "project:x"
    assert answer["summary"]["metrics"][0]["current"] == 5


async def test_use_by_day_and_service_with_what_is_included(bot: Running) -> None:
    """True at once, with filters; unknown names are refused."""
    await bot.grants.set_plan(ANA, "open", until_ms=None, actor=operator(), reason="", key="plan")
    headers = await bot.key()
    for module in ("legal", "sessions"):
        body = {"user_id": ANA.external_id, "module": module, "units": 2, "request_id": module}
        await bot.ask("POST", "/api/credits/consume", json=body, headers=headers)
    answer = await got(bot, "/api/billing/usage")
    legal = await got(bot, "/api/billing/usage?service=legal")
    later = await got(bot, "/api/billing/usage?since=2999-01-01")
    first = await got(bot, "/api/billing/usage?limit=1")
    second = await got(bot, f"/api/billing/usage?limit=1&cursor={first['next_cursor']}")
    unknown, _, _ = await bot.ask("GET", "/api/billing/usage?user_id=1&metric=x", headers=headers)
    nothing, _, _ = await bot.ask("GET", "/api/billing/usage?user_id=1&service=x", headers=headers)

    assert (answer["metric"], answer["used"], answer["included"]) == ("sessions", 8, None)
    assert (answer["estimated_minutes"], answer["total_units"], answer["total_calls"]) == (16, 8, 3)
    assert [(one["service"], one["units"], one["calls"]) for one in legal["days"]] == [("legal", 6, 2)]
    assert (later["days"], later["total_units"], later["used"]) == ([], 0, 8)
    assert first["days"] + second["days"] == answer["days"]
    assert second["next_cursor"] is None
    assert (unknown, nothing) == (404, 404)
