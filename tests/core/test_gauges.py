"""Gauges: levels that are measured, kept within limits by who asks, and proven like everything else."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from quota_core.accounts import AccountRef
from quota_core.catalog_file import parse
from quota_core.errors import (
    AccountBlockedError,
    AmountError,
    CatalogError,
    ConflictingReplayError,
    MetricKindError,
    NotInPlanError,
    OutOfQuotaError,
    QuotaError,
    UnknownMetricError,
)
from quota_core.gauges import PaidByParentError
from quota_core.past_balance import past_balance
from quota_core.proof import Proof
from tests.core.catalogs import EVERYTHING, everything
from tests.core.opened_ledger import OPERATOR, OpenLedger, Place, SteerableClock, open_ledger
from tests.core.recounting import assert_sound

ANA, TEAM = AccountRef("user", "1"), AccountRef("external", "team")


@pytest_asyncio.fixture
async def ledger(place: Place, clock: SteerableClock) -> AsyncIterator[OpenLedger]:
    """Return a ledger with a gauge; it must be sound at the end."""
    opened = await open_ledger(place, catalog=everything(), clock=clock)
    yield opened
    await opened.close()


async def put_on(ledger: OpenLedger, account: AccountRef, plan: str) -> None:
    """Change the plan of an account."""
    await ledger.grants.set_plan(account, plan, until_ms=None, actor=OPERATOR, reason="", key=f"to {plan}")


async def level_of(ledger: OpenLedger, account: AccountRef) -> tuple[int, int | None, int | None]:
    """Return (used, limit, left) of the one window of the gauge."""
    part = (await ledger.balances.of(account)).of("space")
    assert part is not None
    (window,) = part.windows
    assert (window.kind, window.resets_ms) == ("level", None)
    return window.used, window.limit, part.total_left


async def test_a_measurement_sets_the_level_and_is_never_lost(ledger: OpenLedger) -> None:
    """Up, beyond the limit and down again; each is an entry that says where it stands then."""
    said = [await ledger.quota.set_level(ANA, n, metric="space", key=f"m{n}") for n in (3, 9, 0)]
    ledger.clock.move(days=400)
    again = await ledger.quota.set_level(ANA, 0, metric="space", key="later")
    entries = [(entry.kind.real, entry.units, entry.parts) for entry in await ledger.entries()]

    assert [(one.before, one.after, one.limit, one.beyond) for one in said] == [
        (0, 3, 5, 0),
        (3, 9, 5, 4),
        (9, 0, 5, 0),
    ]
    assert (again.before, again.after) == (0, 0)
    assert entries == [(11, 3, "level=3"), (11, 9, "level=6"), (11, 0, "level=-9"), (11, 0, "level=0")]
    assert await level_of(ledger, ANA) == (0, 5, 5)
    await assert_sound(ledger)


async def test_a_level_stays_when_days_and_months_go_by(ledger: OpenLedger) -> None:
    """Its window never turns; a restart changes nothing."""
    await ledger.quota.set_level(ANA, 4, metric="space", key="a")
    await ledger.quota.consume(ANA, 3, key="b")
    ledger.clock.move(days=60)
    await ledger.quota.consume(ANA, 3, key="c")
    ledger.book.forget()

    assert await level_of(ledger, ANA) == (4, 5, 1)
    past = await past_balance(ledger.database, ANA, ledger.clock() - 1, zone=ledger.catalog.zone)
    assert [one.windows for one in past.metrics if one.metric == "space"] == [(("level", 4, 0),)]
    await assert_sound(ledger)


async def test_who_asks_before_acting_is_refused_beyond_the_limit(ledger: OpenLedger) -> None:
    """Nothing is written; a level that falls is never refused, though it stays beyond."""
    await ledger.quota.set_level(ANA, 8, metric="space", key="measured")
    with pytest.raises(OutOfQuotaError) as refusal:
        await ledger.quota.set_level(ANA, 9, metric="space", key="k", enforce=True)
    lower = await ledger.quota.set_level(ANA, 7, metric="space", key="k", enforce=True)
    await put_on(ledger, ANA, "endless")
    far = await ledger.quota.set_level(ANA, 700, metric="space", key="far", enforce=True)

    assert (refusal.value.units_asked, refusal.value.units_left, refusal.value.retry_ms) == (1, 0, None)
    assert [(one.kind, one.used, one.limit, one.resets_ms) for one in refusal.value.refills] == [
        ("level", 8, 5, None)
    ]
    assert (lower.before, lower.after, far.limit) == (8, 7, None)
    await assert_sound(ledger)


async def test_a_plan_without_the_gauge_still_records(ledger: OpenLedger) -> None:
    """The level waits for a plan that shows it; who asks is told which plans have it."""
    await put_on(ledger, ANA, "charged")
    level = await ledger.quota.set_level(ANA, 6, metric="space", key="a")
    ledger.book.forget()
    with pytest.raises(NotInPlanError) as refusal:
        await ledger.quota.set_level(ANA, 7, metric="space", key="b", enforce=True)
    await put_on(ledger, ANA, "pro")

    assert (level.limit, level.beyond) == (0, 6)
    assert refusal.value.plans == ("free", "pro", "endless")
    assert await level_of(ledger, ANA) == (6, 20, 14)
    await assert_sound(ledger)


async def test_the_same_key_is_the_same_measurement(ledger: OpenLedger) -> None:
    """A repeat gets the first answer, though the level moved on; other content conflicts."""
    first = await ledger.quota.set_level(ANA, 3, metric="space", key="k")
    await ledger.quota.set_level(ANA, 1, metric="space", key="other")
    again = await ledger.quota.set_level(ANA, 3, metric="space", key="k")
    for level in (4, 0):
        with pytest.raises(ConflictingReplayError):
            await ledger.quota.set_level(ANA, level, metric="space", key="k")
    await ledger.quota.consume(ANA, 2, key="spent", metric="space")
    with pytest.raises(ConflictingReplayError):
        await ledger.quota.set_level(ANA, 2, metric="space", key="spent")

    assert again == first._replace(replayed=True)
    assert await level_of(ledger, ANA) == (3, 5, 2)


async def test_consuming_adds_and_giving_back_takes(ledger: OpenLedger) -> None:
    """Below zero it never goes: a level that was measured lower since keeps nothing of an old spend."""
    await ledger.quota.consume(ANA, 4, key="a", metric="space")
    with pytest.raises(OutOfQuotaError) as refusal:
        await ledger.quota.consume(ANA, 2, key="b", metric="space")
    await ledger.quota.consume(ANA, 1, key="c", metric="space")
    await ledger.quota.give_back(ANA, key="c")
    await ledger.quota.set_level(ANA, 1, metric="space", key="measured")
    await ledger.quota.give_back(ANA, key="a")
    await ledger.quota.set_level(ANA, 0, metric="space", key="gone")
    await ledger.quota.consume(ANA, 2, key="d", metric="space")
    await ledger.quota.set_level(ANA, 0, metric="space", key="gone again")
    await ledger.quota.give_back(ANA, key="d")
    parts = [entry.parts for entry in await ledger.entries()]

    assert (refusal.value.units_left, refusal.value.retry_ms) == (1, None)
    assert parts[3:5] == ["level=-3", "level=-1"]
    assert parts[-1] == "level=0"
    assert await level_of(ledger, ANA) == (0, 5, 5)
    await assert_sound(ledger)


async def test_a_threshold_warns_once_a_month(ledger: OpenLedger) -> None:
    """By a measurement or by a spend, and again in the next month when it is crossed again."""

    async def crossed(level: int, key: str) -> list[int]:
        said = await ledger.quota.set_level(ANA, level, metric="space", key=key)
        return [crossing.percent for crossing in said.crossings]

    first = [await crossed(level, f"a{n}") for n, level in enumerate((3, 4, 2, 9, 0))]
    spend = await ledger.quota.consume(ANA, 5, key="spent", metric="space")
    ledger.clock.move(days=30)
    later = [await crossed(level, f"b{n}") for n, level in enumerate((5, 1, 5))]
    rows = await ledger.rows("SELECT period, percent FROM crossings ORDER BY 1, 2")

    assert first == [[], [80], [], [100], []]
    assert spend.crossings == ()
    assert later == [[], [], [80, 100]]
    assert rows == [
        ("level@2026-11", 80),
        ("level@2026-11", 100),
        ("level@2026-12", 80),
        ("level@2026-12", 100),
    ]
    await assert_sound(ledger)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"metric": "requests", "level": 1}, MetricKindError),
        ({"metric": "tokens", "level": 1}, UnknownMetricError),
        ({"metric": "space", "level": -1}, AmountError),
        ({"metric": "space", "level": 2**53}, AmountError),
    ],
)
async def test_what_is_no_level_is_refused(
    ledger: OpenLedger, arguments: dict[str, Any], error: type[QuotaError]
) -> None:
    """Before anything is written."""
    with pytest.raises(error):
        await ledger.quota.set_level(ANA, arguments["level"], metric=arguments["metric"], key="k")

    assert await ledger.entries() == []


async def test_of_a_gauge_nothing_is_given_or_held(ledger: OpenLedger) -> None:
    """It is what there is."""
    with pytest.raises(MetricKindError):
        await ledger.grants.add(ANA, 3, actor=OPERATOR, reason="", key="g", metric="space")
    with pytest.raises(MetricKindError):
        await ledger.quota.hold(ANA, 3, key="h", metric="space")
    with pytest.raises(CatalogError, match="is a gauge, of which nothing is used up"):
        parse(EVERYTHING.replace('metric = "requests"\nunits = 5', 'metric = "space"\nunits = 5'), name="x")


async def test_a_blocked_account_is_still_measured(ledger: OpenLedger) -> None:
    """A measurement is a fact; only who asks is refused."""
    await ledger.quota.set_level(ANA, 1, metric="space", key="a")
    await ledger.execute("UPDATE accounts SET status = 'blocked'")
    level = await ledger.quota.set_level(ANA, 2, metric="space", key="b")
    with pytest.raises(AccountBlockedError):
        await ledger.quota.set_level(ANA, 1, metric="space", key="c", enforce=True)

    assert level.after == 2


@pytest.mark.parametrize(
    "change", ["parts = 'level=7'", "units = 7", "parts = 'level=4 2026-11=5'", "parts = '#1=-4'"]
)
async def test_verify_names_a_measurement_that_was_altered(ledger: OpenLedger, change: str) -> None:
    """The entry must lead to the level that it says."""
    await ledger.quota.set_level(ANA, 4, metric="space", key="a")
    await ledger.tamper(f"UPDATE entries SET {change}")
    problems = (await Proof(ledger.database).verify()).problems

    assert any(
        problem.startswith(("entry 1: leaves", "entry 1: its parts", "entry 1: touches"))
        for problem in problems
    )


def test_levels_and_windows_do_not_mix() -> None:
    """A counter has a period, a gauge has a level, and nobody charges for one."""
    for before, after, problem in (
        ('limit = 4\nperiod = "week"', 'limit = 4\nperiod = "level"', "only gauges have it"),
        ('limit = 20\nperiod = "level"', 'limit = 20\nperiod = "day"', 'gauges have period = "level"'),
        (
            'limit = 20\nperiod = "level"',
            'limit = 20\nperiod = "level"\noverage = "charge"\noverage_rate_minor = 1',
            "charged for by nobody",
        ),
        ('primary_metric = "requests"', 'primary_metric = "space"', "commands spend it by default"),
    ):
        assert before in EVERYTHING
        with pytest.raises(CatalogError) as refusal:
            parse(EVERYTHING.replace(before, after), name="bad.toml")

        assert problem in str(refusal.value)


async def test_a_project_has_no_level_of_its_own(ledger: OpenLedger) -> None:
    """It is the team's: what projects consume adds up there; what was measured before it had a team is a replay."""
    project = AccountRef("external", "project")
    await ledger.quota.set_level(project, 2, metric="space", key="alone")
    await ledger.grants.set_parent(project, TEAM, actor=OPERATOR, reason="", key="parent")
    again = await ledger.quota.set_level(project, 2, metric="space", key="alone")
    before = len(await ledger.entries())
    with pytest.raises(PaidByParentError) as refusal:
        await ledger.quota.set_level(project, 3, metric="space", key="paid")
    after = len(await ledger.entries())
    await ledger.quota.consume(project, 3, metric="space", key="c")
    await ledger.quota.set_level(TEAM, 4, metric="space", key="team")

    assert again.replayed
    assert refusal.value.parent == str(TEAM)
    assert after == before
    assert await level_of(ledger, TEAM) == (4, 5, 1)
    await assert_sound(ledger)


async def test_what_a_team_paid_of_a_level_goes_back_to_it(ledger: OpenLedger) -> None:
    """The project that asked has no level of its own, from which anything could go."""
    project = AccountRef.parse("project:web")
    await ledger.grants.set_parent(project, TEAM, actor=OPERATOR, reason="", key="parent")
    await ledger.quota.consume(project, 3, metric="space", key="a")
    await ledger.quota.consume(project, 1, metric="space", key="b")
    units = await ledger.quota.give_back(project, key="a")

    assert units == 3
    assert await level_of(ledger, TEAM) == (1, 5, 4)
    await assert_sound(ledger)
