"""What the owner of a service asks of Jauge in Python, against the real server."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jauge_admin import AdminClient
from jauge_client import OutOfQuotaError, RefusedError
from quota_core.access_keys import Scope
from quota_core.catalog_file import load
from tests.client.lossy import LossyWay
from tests.webhooks.running import ANA, Running, running

ACCOUNT = str(ANA)


@pytest.fixture
async def admin(bot: Running, way: LossyWay) -> AsyncIterator[AdminClient]:
    """Return a client with the key of an owner."""
    key = await bot.keys.create("owner", tuple(Scope))
    async with AdminClient(way.url, key) as opened:
        yield opened


async def test_units_are_given_once_although_the_answer_was_lost(
    bot: Running, way: LossyWay, admin: AdminClient
) -> None:
    """For ever, or until a moment; under a key of the caller's, too."""
    way.lost = 1
    given = await admin.grant(ACCOUNT, 500, reason="sorry")
    until = datetime.fromtimestamp(bot.watch() / 1000, UTC) + timedelta(days=30)
    ending = await admin.grant(ACCOUNT, 20, expires=until, request_id="gift")
    again = await admin.grant(ACCOUNT, 20, expires=until, request_id="gift")
    part = (await bot.balances.of(ANA)).of("requests")

    assert (given.units, given.before, given.after, given.replayed) == (500, 0, 500, True)
    assert (ending.replayed, again.replayed) == (False, True)
    assert part is not None
    assert (part.purchased_left, part.expiring_left) == (500, 20)


async def test_a_plan_is_set_at_once_or_when_the_period_ends(bot: Running, admin: AdminClient) -> None:
    """With the moments as such."""
    now = await admin.set_plan(ACCOUNT, "pro")
    later = await admin.set_plan(ACCOUNT, "free", at="period_end")
    with pytest.raises(RefusedError) as strange:
        await admin.set_plan(ACCOUNT, "gold")

    assert (now.before, now.after, now.effective, now.until) == ("free", "pro", None, None)
    assert later.effective is not None
    assert later.effective.timestamp() * 1000 > bot.watch()
    assert strange.value.kind == "unknown-plan"


async def test_a_block_holds_until_it_is_lifted(admin: AdminClient) -> None:
    """Each says how it was before."""
    blocked = [await admin.block(ACCOUNT, reason="spam"), await admin.block(ACCOUNT)]
    with pytest.raises(RefusedError) as refused:
        await admin.consume(ACCOUNT)
    unblocked = [await admin.unblock(ACCOUNT), await admin.unblock(ACCOUNT)]
    spend = await admin.consume(ACCOUNT)

    assert (blocked, unblocked) == ([False, True], [True, False])
    assert not isinstance(refused.value, OutOfQuotaError)
    assert spend.units == 1


async def test_summary_and_use_say_what_was_used(bot: Running, admin: AdminClient) -> None:
    """The summary has what is close to its end; the days are the last first."""
    for _ in range(2):
        await admin.consume(ACCOUNT, 24)
        bot.watch.ahead_ms += 86_400_000
    await admin.consume(ACCOUNT, 48)
    summary = await admin.summary(ACCOUNT)
    days = [day async for day in admin.usage(ACCOUNT, metric="requests")]
    some = [day async for day in admin.usage(ACCOUNT, since=days[1].day, until=days[1].day)]

    used = summary.metrics["requests"]
    assert (summary.plan, summary.currency) == ("free", "EUR")
    assert (used.current, used.limit, used.percentage, used.period) == (48, 50, 96, "day")
    assert [(alert.metric, alert.threshold) for alert in summary.alerts] == [("requests", 95)]
    assert [day.units for day in days] == [48, 24, 24]
    assert [day.units for day in some] == [24]


async def test_use_is_walked_page_by_page(bot: Running, way: LossyWay, admin: AdminClient) -> None:
    """A hundred days are a page."""
    for number in range(101):
        await bot.quota.consume(ANA, 1, key=f"day {number}")
        bot.watch.ahead_ms += 86_400_000
    days = [day.day async for day in admin.usage(ACCOUNT)]

    assert len(set(days)) == 101
    assert days == sorted(days, reverse=True)
    assert way.seen == ["/api/billing/usage"] * 2


async def test_a_level_is_recorded_or_refused_beforehand(tmp_path: Path) -> None:
    """Of a gauge: how far it is beyond its limit; a counter has none."""
    async with running(tmp_path, load("hosting")) as bot:
        key = await bot.keys.create("owner", tuple(Scope))
        async with AdminClient(bot.url, key) as admin:
            small = await admin.set_level("project:7", "storage", 10)
            assert small.limit is not None
            beyond = await admin.set_level("project:7", "storage", small.limit + 5)
            with pytest.raises(RefusedError):
                await admin.set_level("project:7", "storage", small.limit + 9, enforce=True)
            with pytest.raises(RefusedError) as refused:
                await admin.set_level("project:7", "traffic", 3)

    assert (small.before, small.after, small.beyond) == (0, 10, 0)
    assert (beyond.before, beyond.beyond) == (10, 5)
    assert refused.value.kind == "wrong-metric-kind"
