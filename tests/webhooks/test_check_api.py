"""Advice over HTTP: always 200, with a word for each reason."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.core.catalogs import everything
from tests.webhooks.running import ANA, Running, operator, running

CHECK, CONSUME = "/api/credits/check", "/api/credits/consume"


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Running]:
    """Return a served bot with services, features and every kind of pot, at noon."""
    async with running(tmp_path, everything()) as served:
        served.watch.to_noon()
        yield served


async def checked(bot: Running, **body: Any) -> Any:
    """Return what checking answers for Ana."""
    body = {"user_id": ANA.external_id} | body
    status, answer, _ = await bot.ask("POST", CHECK, json=body, headers=await bot.key())

    assert status == 200
    return answer


async def test_the_documented_call_says_whether_to_go_on(bot: Running) -> None:
    """A user and a module; what is left by pot, and when it refills."""
    answer = await checked(bot, module="chat")

    assert answer["can_proceed"] is True
    assert (answer["reason"], answer["metric"], answer["units"]) == (None, "requests", 1)
    assert answer["left"] == {
        "allowance": 10,
        "purchased": 0,
        "expiring": 0,
        "overage": 0,
        "total": 10,
    }
    assert answer["windows"][0]["resets_at"] == answer["resets_at"]
    assert await bot.rows("SELECT * FROM entries") == []


async def test_each_refusal_has_its_word(bot: Running) -> None:
    """And what a caller needs to go on: when it refills, or which plans have it."""
    await bot.quota.consume(ANA, 8, key="k")
    short = await checked(bot, units=3)
    lacking = await checked(bot, module="search")
    unknown = await checked(bot, metric="bananas")
    stranger = await checked(bot, module="bananas")
    nothing = await checked(bot, units=0)

    assert (short["can_proceed"], short["reason"], short["left"]["total"]) == (False, "out_of_quota", 2)
    assert short["resets_at"] == short["windows"][0]["resets_at"]
    assert (lacking["reason"], lacking["plans"], lacking["units"]) == ("not_in_plan", ["pro"], 3)
    assert lacking["resets_at"] is None
    assert (unknown["reason"], stranger["reason"]) == ("unknown_metric", "unknown_metric")
    assert nothing["reason"] == "amount_out_of_bounds"


async def test_what_may_proceed_does(bot: Running) -> None:
    """A service costs its units; the answer and the consumption that follows agree."""
    await bot.grants.set_plan(ANA, "pro", until_ms=None, actor=operator(), reason="", key="plan")
    answer = await checked(bot, module="search", units=2)
    body = {"user_id": ANA.external_id, "module": "search", "units": 2, "request_id": "r"}
    status, spend, _ = await bot.ask("POST", CONSUME, json=body, headers=await bot.key())
    _, again, _ = await bot.ask("POST", CONSUME, json=body, headers=await bot.key())
    batch = {"operations": [body | {"request_id": "s"}, body | {"request_id": "t", "module": "renders"}]}
    _, results, _ = await bot.ask("POST", "/api/credits/batch", json=batch, headers=await bot.key())

    assert (answer["can_proceed"], answer["units"], answer["left"]["allowance"]) == (True, 6, 20)
    assert (status, spend["units"], spend["left"]["allowance"]) == (200, 6, 14)
    assert again == spend | {"replayed": True}
    assert [(one["metric"], one["units"]) for one in results["results"]] == [("requests", 6), ("renders", 2)]


async def test_consuming_what_the_plan_lacks_names_the_plans_that_have_it(bot: Running) -> None:
    """A 403 and not a 429: waiting does not help."""
    body = {"user_id": ANA.external_id, "module": "search", "request_id": "r"}
    status, problem, _ = await bot.ask("POST", CONSUME, json=body, headers=await bot.key())

    assert (status, problem["type"]) == (403, "urn:jauge:problem:not-in-plan")
    assert (problem["code"], problem["plan"], problem["plans"]) == ("not_in_plan", "free", ["pro"])


async def test_two_names_for_what_is_asked_are_one_too_many(bot: Running) -> None:
    """And an account that is none is a mistake, not advice."""
    headers = await bot.key()
    both, _, _ = await bot.ask(
        "POST", CHECK, json={"user_id": "1", "module": "chat", "metric": "requests"}, headers=headers
    )
    wrong, _, _ = await bot.ask("POST", CHECK, json={"user_id": "x y"}, headers=headers)

    assert (both, wrong) == (422, 400)


async def test_a_level_is_recorded_once_and_may_be_enforced(bot: Running) -> None:
    """Beyond its limit too; the same measurement again is a replay, another under its key a conflict."""
    headers = await bot.key()

    async def measured(level: int, key: str, **more: Any) -> tuple[int, Any]:
        facts = {"user_id": ANA.external_id, "metric": "space", "level": level, "request_id": key} | more
        status, answer, _ = await bot.ask("POST", "/api/credits/level", json=facts, headers=headers)
        return status, answer

    first, again = await measured(4, "1"), await measured(4, "1")
    other, lower = await measured(5, "1"), await measured(1, "2")
    counted = await measured(1, "3", metric="requests")
    negative = await measured(-1, "4")

    assert (first[0], first[1]["before"], first[1]["after"]) == (200, 0, 4)
    assert again == (200, first[1] | {"replayed": True, "crossed": []})
    assert (other[0], other[1]["type"]) == (409, "urn:jauge:problem:conflicting-replay")
    assert (lower[1]["before"], lower[1]["after"]) == (4, 1)
    assert (counted[0], counted[1]["type"]) == (422, "urn:jauge:problem:wrong-metric-kind")
    assert negative[0] == 422
