"""What an operator's key may look through and change, once for each key, with its name in the audit."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from quota_core.access_keys import Scope
from quota_core.accounts import AccountRef
from tests.webhooks.running import ANA, BEN, Running, running
from tests.webhooks.studio import studio


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Running]:
    """Return a served bot at noon."""
    async with running(tmp_path, studio()) as served:
        served.watch.to_noon()
        yield served


async def did(bot: Running, what: str, **body: Any) -> tuple[int, Any]:
    """Change something for Ana by a key that may."""
    facts = {"user_id": ANA.external_id, "reason": "thanks", "request_id": what} | body
    headers = await bot.key(Scope.ADMIN_WRITE)
    status, answer, _ = await bot.ask("POST", f"/api/admin/{what}", json=facts, headers=headers)
    return status, answer


async def listed(bot: Running, query: str) -> Any:
    """Return a page of accounts."""
    _, answer, _ = await bot.ask("GET", f"/api/admin/users?{query}", headers=await bot.key())
    return answer


async def test_a_grant_happens_once_and_says_who_gave_it(bot: Running) -> None:
    """The audit names the key, which only the operator can make; another content is a conflict."""
    first = await did(bot, "grant", units=100)
    again = await did(bot, "grant", units=100)
    other = await did(bot, "grant", units=101)
    _, page, _ = await bot.ask("GET", "/api/admin/audit", headers=await bot.key())
    deed = page["audit"][0]

    assert first[0] == 200
    assert (first[1]["units"], first[1]["before"], first[1]["after"]) == (100, 0, 100)
    assert again == (200, first[1] | {"replayed": True})
    assert (other[0], other[1]["type"]) == (409, "urn:jauge:problem:conflicting-replay")
    assert len(page["audit"]) == 1
    assert (deed["action"], deed["units"], deed["reason"]) == ("grant", 100, "thanks")
    assert deed["actor"].removeprefix("key:") in {key.id for key in await bot.keys.list()}


async def test_a_plan_is_changed_at_once_until_a_moment(bot: Running) -> None:
    """The same again is a replay; a moment in the past, or none that is one, is refused."""
    first = await did(bot, "plan", plan="open", until="2099-01-01T00:00:00+01:00")
    again = await did(bot, "plan", plan="open", until="2099-01-01T00:00:00+01:00")
    past = await did(bot, "plan", plan="open", until="2020-01-01T00:00:00Z", request_id="p")
    wrong = [await did(bot, "plan", plan="open", until=text, request_id="q") for text in ("x", "2099-01-01")]
    unknown = await did(bot, "plan", plan="bananas", request_id="r")

    assert (first[1]["before"], first[1]["after"]) == ("business", "open")
    assert first[1]["until"] == "2098-12-31T23:00:00Z"
    assert again == (200, first[1] | {"replayed": True})
    assert (past[0], unknown[0]) == (422, 404)
    assert [answer[0] for answer in wrong] == [422, 422]
    assert (await bot.balances.of(ANA)).plan == "open"


async def test_a_plan_may_wait_for_its_period_and_a_gift_may_end(bot: Running) -> None:
    """`effective` says from when on; until then nothing changes. Units with an end are told from those without."""
    waiting = await did(bot, "plan", plan="open", at="period_end")
    strange = await did(bot, "plan", plan="open", at="someday", request_id="s")
    _, given = await did(bot, "grant", units=5, expires="2099-01-01T00:00:00Z", request_id="bonus")
    past = await did(bot, "grant", units=5, expires="2020-01-01T00:00:00Z", request_id="past")
    balance = await bot.balances.of(ANA)
    part = balance.of(given["metric"])

    assert waiting[0] == 200
    assert waiting[1]["effective"] is not None
    assert (balance.plan, balance.next_plan) == ("business", "open")
    assert part is not None
    assert (part.expiring_left, part.purchased_left) == (5, 0)
    assert (strange[0], past[0]) == (422, 422)


async def test_a_key_grants_within_the_operators_limit(bot: Running) -> None:
    """`MAX_GRANT` binds it as it binds everybody."""
    status, problem = await did(bot, "grant", units=10**9 + 1)

    assert (status, problem["maximum"]) == (422, 10**9)
    assert await bot.rows("SELECT * FROM entries") == []


async def test_a_key_that_is_bound_to_an_account_administers_nothing(bot: Running) -> None:
    """Whatever scopes it has: it could give itself."""
    headers = await bot.key(account=ANA)
    body = {"user_id": ANA.external_id, "units": 1, "request_id": "r"}
    given, _, _ = await bot.ask("POST", "/api/admin/grant", json=body, headers=headers)
    seen, problem, _ = await bot.ask("GET", "/api/admin/users", headers=headers)

    assert (given, seen, problem["type"]) == (403, 403, "urn:jauge:problem:not-allowed")


async def test_accounts_are_found_by_name_kind_plan_and_status(bot: Running) -> None:
    """Marks that mean something in a pattern mean nothing in a name."""
    project = AccountRef.parse("project:50%_x")
    await bot.quota.consume(ANA, 40, key="k")
    await bot.quota.consume(BEN, 1, key="k")
    await bot.quota.consume(project, 2, key="k")
    await did(bot, "plan", plan="open", user_id=BEN.external_id)

    async def names(query: str) -> list[str]:
        return [one["user_id"] for one in (await listed(bot, query))["users"]]

    assert await names("") == [str(project), str(BEN), str(ANA)]
    assert await names("q=50%25_") == [str(project)]
    assert await names("q=5_%25") == []
    assert await names("kind=user&q=200") == [str(BEN)]
    assert await names("plan=open") == [str(BEN)]
    assert await names("plan=business") == [str(project), str(ANA)]
    assert await names("status=exhausted") == [str(ANA)]
    assert await names("status=active") == [str(project), str(BEN)]
    assert await names("status=blocked") == []


async def test_pages_of_accounts_follow_each_other(bot: Running) -> None:
    """Each account once, with its figures."""
    for number in range(1, 6):
        await bot.quota.consume(AccountRef("user", f"{number}"), number, key="k")
    seen, cursor = [], ""
    while True:
        page = await listed(bot, f"limit=2&cursor={cursor}")
        seen += [(one["user_id"], one["used"], one["credits_left"]) for one in page["users"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert seen == [(f"user:{number}", number, 40 - number) for number in range(5, 0, -1)]


async def test_the_figures_of_everything(bot: Running) -> None:
    """Accounts by plan, units, and nothing sold yet."""
    await bot.quota.consume(ANA, 4, key="k")
    await did(bot, "grant", units=10)
    _, stats, _ = await bot.ask("GET", "/api/admin/stats", headers=await bot.key(Scope.ADMIN_READ))

    assert stats["accounts_by_plan"] == {"business": 1, "open": 0}
    assert (stats["accounts"], stats["units_used"], stats["units_granted"]) == (1, 4, 10)
    assert (stats["revenue"], stats["conversion"]) == ([], None)
    assert [(one["units"], one["service"]) for one in stats["usage_by_day"]] == [(4, "")]


async def test_how_plans_are_used(bot: Running) -> None:
    """By the plan that an account is on now; what subscriptions will tell is null until then."""
    await bot.quota.consume(ANA, 4, key="k")
    await bot.quota.consume(BEN, 7, key="k")
    await did(bot, "plan", plan="open", user_id=BEN.external_id)
    _, answer, _ = await bot.ask("GET", "/admin/analytics", headers=await bot.key(Scope.ADMIN_READ))

    assert answer == {
        "mrr": None,
        "active_users": 2,
        "paid_users": 1,
        "free_users": 1,
        "conversion_rate": 50.0,
        "churn_rate": None,
        "sessions_by_plan": {"business": {"avg": 4, "total": 4}, "open": {"avg": 7, "total": 7}},
    }


async def test_a_blocked_account_spends_nothing_until_it_is_unblocked(bot: Running) -> None:
    """Each once; found by its status, said by advice, in the audit by its action."""
    headers = await bot.key()
    blocked, again = await did(bot, "block"), await did(bot, "block")
    _, advice, _ = await bot.ask(
        "POST", "/api/credits/check", json={"user_id": ANA.external_id}, headers=headers
    )
    body = {"user_id": ANA.external_id, "request_id": "r"}
    refused, problem, _ = await bot.ask("POST", "/api/credits/consume", json=body, headers=headers)
    found = await listed(bot, "status=blocked")
    lifted = await did(bot, "unblock")
    taken, _, _ = await bot.ask("POST", "/api/credits/consume", json=body, headers=headers)
    _, page, _ = await bot.ask("GET", "/api/admin/audit", headers=headers)

    assert (blocked[1]["was_blocked"], blocked[1]["blocked"]) == (False, True)
    assert again == (200, blocked[1] | {"replayed": True})
    assert (advice["can_proceed"], advice["reason"]) == (False, "blocked")
    assert (refused, problem["type"]) == (403, "urn:jauge:problem:account-blocked")
    assert [one["user_id"] for one in found["users"]] == [str(ANA)]
    assert (lifted[1]["was_blocked"], lifted[1]["blocked"], taken) == (True, False, 200)
    assert [one["action"] for one in page["audit"]] == ["unblock", "block"]


async def test_a_project_is_paid_by_its_team(bot: Running) -> None:
    """Limits bind at the team; use stands at both, and is paid once."""
    headers = await bot.key()
    first = await did(bot, "parent", user_id="project:x", parent="team:y")
    again = await did(bot, "parent", user_id="project:x", parent="team:y")
    body = {"user_id": "project:x", "units": 30, "request_id": "r"}
    await bot.ask("POST", "/api/credits/consume", json=body, headers=headers)
    _, advice, _ = await bot.ask(
        "POST", "/api/credits/check", json={"user_id": "project:x", "units": 11}, headers=headers
    )
    found = {}
    for name in ("project:x", "team:y"):
        _, usage, _ = await bot.ask("GET", f"/api/billing/usage?user_id={name}", headers=headers)
        found[name] = [(one["units"], one["paid"]) for one in usage["days"]]
    _, summary, _ = await bot.ask("GET", "/api/billing/summary/project:x", headers=headers)
    _, stats, _ = await bot.ask("GET", "/api/admin/stats", headers=headers)
    unfit = await did(bot, "parent", user_id="team:y", parent="project:x", request_id="other")

    assert (first[1]["parent"], again) == ("team:y", (200, first[1] | {"replayed": True}))
    assert (advice["can_proceed"], advice["reason"]) == (False, "out_of_quota")
    assert found == {"project:x": [(30, 0)], "team:y": [(30, 30)]}
    assert summary["summary"]["metrics"][0]["current"] == 30
    assert [one["units"] for one in stats["usage_by_day"]] == [30]
    assert (unfit[0], unfit[1]["type"]) == (409, "urn:jauge:problem:unfit-parent")
    assert unfit[1]["detail"] == "The parent has a parent itself, and one level is all there is."


async def test_the_audit_is_filtered_and_paged(bot: Running) -> None:
    """By account, by what was done, and by whom."""
    await did(bot, "grant", units=1, request_id="1")
    await did(bot, "grant", units=2, request_id="2", user_id=BEN.external_id)
    await did(bot, "plan", plan="open", request_id="3")
    headers = await bot.key()

    async def seen(query: str) -> list[tuple[str, str]]:
        _, page, _ = await bot.ask("GET", f"/api/admin/audit?{query}", headers=headers)
        return [(one["user_id"], one["action"]) for one in page["audit"]]

    assert await seen("") == [(str(ANA), "plan"), (str(BEN), "grant"), (str(ANA), "grant")]
    assert await seen("action=grant") == [(str(BEN), "grant"), (str(ANA), "grant")]
    assert await seen(f"user_id={BEN.external_id}") == [(str(BEN), "grant")]
    assert await seen("actor=user:1") == []
    assert await seen("limit=1") == [(str(ANA), "plan")]
