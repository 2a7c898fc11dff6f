"""Requests a minute of one account, by its plan."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from quota_core.catalog_file import parse
from tests.webhooks.running import ANA, BEN, Running, operator, running
from tests.webhooks.studio import STUDIO


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Running]:
    """Return a served bot whose smaller plan allows three requests a minute."""
    text = STUDIO.replace("[plans.business]\nrank = 0", "[plans.business]\nrate_limit = 3\nrank = 0")
    async with running(tmp_path, parse(text, name="limited")) as served:
        served.watch.to_noon()
        yield served


async def consumed(bot: Running, user: str, request_id: str) -> tuple[int, Any, Any]:
    """Take a unit."""
    body = {"user_id": user, "request_id": request_id}
    return await bot.ask("POST", "/api/credits/consume", json=body, headers=await bot.key())


async def test_an_account_has_the_budget_of_its_plan_whatever_the_key(bot: Running) -> None:
    """Advice counts too; others are not touched; a minute later it goes on."""
    await bot.ask("POST", "/api/credits/check", json={"user_id": ANA.external_id}, headers=await bot.key())
    _, _, headers = await consumed(bot, ANA.external_id, "1")
    await consumed(bot, ANA.external_id, "2")
    status, problem, refused = await consumed(bot, ANA.external_id, "3")
    other, _, _ = await consumed(bot, BEN.external_id, "3")
    bot.watch.ahead_ms += 61_000
    later, _, _ = await consumed(bot, ANA.external_id, "3")

    assert headers["RateLimit"].startswith('"plan";r=1;')
    assert (status, problem["type"]) == (429, "urn:jauge:problem:too-many-requests")
    assert int(refused["Retry-After"]) <= 60
    assert (other, later) == (200, 200)
    assert (await bot.balances.of(ANA)).metrics[0].windows[0].used == 3


async def test_each_operation_of_a_batch_counts(bot: Running) -> None:
    """Those beyond the budget are refused alone."""
    operations = [{"user_id": "1", "request_id": f"{number}"} for number in range(5)]
    _, answer, _ = await bot.ask(
        "POST", "/api/credits/batch", json={"operations": operations}, headers=await bot.key()
    )

    assert [one["status"] for one in answer["results"]] == [200, 200, 200, 429, 429]
    assert answer["results"][-1]["retry_after"] <= 60


async def test_a_plan_without_a_limit_has_the_budget_of_the_key(bot: Running) -> None:
    """From the next request on."""
    for number in range(3):
        await consumed(bot, ANA.external_id, f"{number}")
    await bot.grants.set_plan(ANA, "open", until_ms=None, actor=operator(), reason="", key="plan")
    status, _, headers = await consumed(bot, ANA.external_id, "later")

    assert status == 200
    assert headers["RateLimit"].startswith('"service";')
