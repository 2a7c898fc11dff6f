"""`/metrics` of the running program: what is there, for whom, and what never is."""

import re
from collections.abc import AsyncIterator

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families as families_of

from sandbox.places import MEMBER_ID
from tests.program.place import Bot, Place

TOKEN = "canary-metrics-token"
Samples = dict[str, float]


def samples_in(text: str) -> Samples:
    """Return every sample by its name and labels."""
    return {
        f"{sample.name}{sorted(sample.labels.items())}" if sample.labels else sample.name: sample.value
        for family in families_of(text)
        for sample in family.samples
    }


@pytest.fixture
async def bot(place: Place) -> AsyncIterator[Bot]:
    """Return a bot that is watched on its main port, with a token, and on one of its own."""
    async with place.bot(METRICS_TOKEN=TOKEN, METRICS_PORT="0") as running:
        yield running


async def text_of(bot: Bot, accept: str = "") -> str:
    """Return the page on the main port."""
    headers = {"Authorization": f"Bearer {TOKEN}", "Accept": accept}
    async with bot.http.get("/metrics", headers=headers) as answer:
        assert answer.status == 200
        return await answer.text()


async def test_what_happened_is_there_and_no_person_is(bot: Bot) -> None:
    """A command, calls of the API, a purchase and strange paths are counted under names that are known before."""
    key = await bot.key("quota:consume")
    for units in (48, 5):
        body = {"user_id": str(MEMBER_ID), "units": units, "request_id": f"r{units}"}
        async with bot.http.post("/api/credits/consume", json=body, headers=key):
            pass
    await bot.status("/no/such/strange-path")
    await bot.place.people.answer_to("!quota")
    await bot.place.pay(await bot.place.buy())

    text = await text_of(bot)
    found = samples_in(text)

    assert found["quota_checks_total[('outcome', 'allowed'), ('source', 'http')]"] == 1
    assert found["quota_checks_total[('outcome', 'refused'), ('source', 'http')]"] == 1
    assert found["quota_alerts_total[('overage_policy', 'block'), ('severity', 'warning')]"] == 1
    assert found["quota_check_duration_seconds_count"] == 2
    assert found["quota_webhook_deliveries_total[('outcome', 'credited')]"] == 1
    assert found["quota_webhook_last_delivery_timestamp_seconds"] > 1_700_000_000
    assert found["quota_http_requests_total[('method', 'GET'), ('route', 'other'), ('status', '404')]"] == 1
    assert found["quota_discord_requests_total[('status', '2xx')]"] > 0
    assert found["quota_accounts_in_tension[('metric', 'requests'), ('plan', 'free')]"] == 1
    assert found["quota_usage_percentage_gcount[('metric', 'requests'), ('plan', 'free')]"] == 1
    assert found["quota_ledger_halted"] == 0
    assert str(MEMBER_ID) not in text
    assert "strange-path" not in text


async def test_only_the_token_opens_the_page(bot: Bot) -> None:
    """On the main port and on its own; the log never shows it."""
    line = await bot.program.log.first(r"metrics: http")
    url = re.search(r"http://\S+", line)
    assert url is not None
    statuses = []
    async with aiohttp.ClientSession() as http:
        for address in (f"{bot.url}/metrics", url[0]):
            for header in ({}, {"Authorization": "Bearer no"}, {"Authorization": f"Bearer {TOKEN}"}):
                async with http.get(address, headers=header) as answer:
                    statuses.append(answer.status)

    assert statuses == [401, 401, 200] * 2
    assert TOKEN not in str(bot.program.log)


async def test_whoever_asks_for_open_metrics_gets_them(bot: Bot) -> None:
    """Prometheus does, and reads the end mark."""
    assert (await text_of(bot, "application/openmetrics-text; version=1.0.0")).endswith("# EOF\n")


async def test_without_a_setting_there_is_no_page(place: Place) -> None:
    """Nobody finds out how much is used unless the operator wants them to."""
    async with place.bot() as bot:
        status = await bot.status("/metrics")

    assert status == 404
