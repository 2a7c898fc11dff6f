"""The program with each catalog that it ships with: it starts, answers in Discord, and spends over HTTP."""

import pytest

from quota_core.catalog_file import CATALOG_FOLDER, load
from tests.program.place import Place, text_of

NAMES = sorted(file.stem for file in CATALOG_FOLDER.glob("*.toml"))


@pytest.mark.parametrize("name", NAMES)
async def test_each_catalog_is_served(place: Place, name: str) -> None:
    """By its name alone; everybody begins on its default plan, and it can be asked for and spent."""
    catalog = load(name)
    asked = {"user_id": "project:x", "metric": catalog.primary_metric}
    async with place.bot(CATALOG=name) as bot:
        card = await place.people.answer_to("!quota")
        key = await bot.key("quota:read", "quota:consume")
        plans = await bot.json("/api/billing/plans", headers=key)
        async with bot.http.post("/api/credits/check", json=asked, headers=key) as answer:
            advice = await answer.json()
        spending = asked | {"request_id": "1"}
        async with bot.http.post("/api/credits/consume", json=spending, headers=key) as answer:
            spent = await answer.json()

    assert catalog.plans[catalog.default_plan].label.en in text_of(card)
    assert [plan["id"] for plan in plans["plans"]] == list(catalog.plans_by_rank)
    assert (advice["can_proceed"], advice["plan"]) == (True, catalog.default_plan)
    assert (spent["metric"], spent["units"]) == (catalog.primary_metric, 1)
