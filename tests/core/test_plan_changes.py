"""Changes of plan: at once or when a period ends, by rule, and what happens to what was used."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from quota_core.accounts import AccountRef
from quota_core.catalog_file import parse
from quota_core.errors import AmountError, ConflictingReplayError, OutOfQuotaError
from quota_core.past_balance import past_balance
from quota_core.plan_changes import PlanChange, PlanMoment
from quota_core.proof import Proof
from tests.core.catalogs import EVERYTHING, everything
from tests.core.opened_ledger import DAY_MS, OPERATOR, OpenLedger, Place, SteerableClock, open_ledger
from tests.core.recounting import assert_sound

ANA = AccountRef("user", "1")
MONTH_END_MS = 1_796_083_200_000  # 2026-12-01
MIDNIGHT_MS = 1_795_219_200_000  # 2026-11-21


@pytest_asyncio.fixture
async def ledger(place: Place, clock: SteerableClock) -> AsyncIterator[OpenLedger]:
    """Return a ledger with plans of every kind, on 20 November 2026 at noon."""
    opened = await open_ledger(place, catalog=everything(), clock=clock)
    yield opened
    await opened.close()


async def put_on(
    ledger: OpenLedger, plan: str, at: PlanMoment = "now", until_ms: int | None = None, key: str = ""
) -> PlanChange:
    """Change Ana's plan."""
    return await ledger.grants.set_plan(
        ANA,
        plan,
        until_ms=until_ms,
        actor=OPERATOR,
        reason="",
        key=key or f"{plan} {at} {ledger.clock()}",
        at=at,
    )


async def plan_of(ledger: OpenLedger) -> tuple[str, int | None, str | None]:
    """Return Ana's plan, when it ends and what follows."""
    balance = await ledger.balances.of(ANA)
    return balance.plan, balance.plan_until_ms, balance.next_plan


async def test_at_once_what_was_used_stays_used_against_the_new_limit(ledger: OpenLedger) -> None:
    """Down and up; a window that the old plan did not have starts with nothing used."""
    await put_on(ledger, "pro")
    await ledger.quota.consume(ANA, 15, key="a")
    change = await put_on(ledger, "free")
    with pytest.raises(OutOfQuotaError) as refusal:
        await ledger.quota.consume(ANA, 1, key="b")
    await put_on(ledger, "charged")
    spend = await ledger.quota.consume(ANA, 1, key="c")

    assert (change.from_ms, refusal.value.units_left) == (None, 0)
    assert [(one.used, one.limit) for one in refusal.value.refills] == [(15, 10)]
    assert spend.from_overage == 1
    await assert_sound(ledger)


async def test_at_the_periods_end_the_new_windows_start_empty(ledger: OpenLedger) -> None:
    """The old plan holds until its longest window turns; then the new one, for everything in memory and on disk."""
    await put_on(ledger, "pro")
    await ledger.quota.consume(ANA, 15, key="a")
    change = await put_on(ledger, "free", "period_end")
    before = await ledger.quota.consume(ANA, 5, key="b")
    told = await plan_of(ledger)
    ledger.clock.now_ms = MONTH_END_MS - 1
    last = await ledger.quota.consume(ANA, 20, key="c")
    ledger.clock.now_ms = MONTH_END_MS
    first = await ledger.quota.consume(ANA, 4, key="d")
    ledger.book.forget()
    later = await ledger.quota.consume(ANA, 4, key="e")

    assert (change.before, change.after, change.from_ms) == ("pro", "free", MONTH_END_MS)
    assert (before.allowance_left, last.allowance_left) == (0, 0)
    assert told == ("pro", MONTH_END_MS, "free")
    assert (first.allowance_left, later.allowance_left) == (6, 2)
    assert await plan_of(ledger) == ("free", None, None)
    await assert_sound(ledger)


@pytest.mark.parametrize(
    ("before", "after", "from_ms"),
    [
        ("free", "pro", None),
        ("pro", "free", MONTH_END_MS),
        ("free", "free", None),
        ("endless", "free", MIDNIGHT_MS),
    ],
)
async def test_the_rule_is_up_at_once_and_down_at_the_end(
    ledger: OpenLedger, before: str, after: str, from_ms: int | None
) -> None:
    """By rank; the longest window of the plan in force decides when."""
    await put_on(ledger, before)

    assert (await put_on(ledger, after, "rule")).from_ms == from_ms


async def test_the_catalog_may_turn_the_rule(place: Place, clock: SteerableClock) -> None:
    """Both ways."""
    text = EVERYTHING + '\n[plan_changes]\nup = "period_end"\ndown = "now"\n'
    ledger = await open_ledger(place, catalog=parse(text, name="x.toml"), clock=clock)
    up = await put_on(ledger, "pro", "rule")
    ledger.clock.now_ms = MIDNIGHT_MS
    down = await put_on(ledger, "free", "rule")

    assert (up.from_ms, down.from_ms) == (MIDNIGHT_MS, None)
    await ledger.close()


async def test_a_change_waits_for_who_was_never_given_a_plan(ledger: OpenLedger) -> None:
    """From the default plan, and when the account is read anew meanwhile."""
    await ledger.quota.consume(ANA, 1, key="a")
    await put_on(ledger, "pro", "period_end")
    ledger.book.forget()
    waiting = await plan_of(ledger)
    ledger.clock.now_ms = MIDNIGHT_MS
    ledger.book.forget()

    assert waiting == ("free", MIDNIGHT_MS, "pro")
    assert await plan_of(ledger) == ("pro", None, None)
    await assert_sound(ledger)


async def test_a_plan_that_ends_sooner_hands_over_sooner(ledger: OpenLedger) -> None:
    """A trial's end is its period's end; what follows may end too, and then the default plan is there."""
    end_ms = ledger.clock() + 2 * DAY_MS
    await put_on(ledger, "pro", until_ms=end_ms)
    change = await put_on(ledger, "charged", "period_end", until_ms=end_ms + 5 * DAY_MS)
    said = []
    for moment_ms in (end_ms - 1, end_ms, end_ms + 5 * DAY_MS - 1, end_ms + 5 * DAY_MS):
        ledger.clock.now_ms = moment_ms
        said.append(await plan_of(ledger))
    past = [
        (await past_balance(ledger.database, ANA, moment_ms, zone=ledger.catalog.zone)).plan
        for moment_ms in (end_ms - 1, end_ms, end_ms + 5 * DAY_MS)
    ]

    assert change.from_ms == end_ms
    assert said == [
        ("pro", end_ms, "charged"),
        ("charged", end_ms + 5 * DAY_MS, None),
        ("charged", end_ms + 5 * DAY_MS, None),
        ("free", None, None),
    ]
    assert past == ["pro", "charged", None]
    await assert_sound(ledger)


async def test_a_later_change_takes_the_place_of_one_that_waits(ledger: OpenLedger) -> None:
    """The last word counts, also after the one that waited came into force."""
    await put_on(ledger, "pro")
    await put_on(ledger, "free", "period_end")
    await put_on(ledger, "charged", "period_end")
    waiting = await plan_of(ledger)
    ledger.clock.now_ms = MONTH_END_MS
    await put_on(ledger, "endless", "period_end")
    next_waiting = await plan_of(ledger)
    await put_on(ledger, "pro")

    assert waiting == ("pro", MONTH_END_MS, "charged")
    assert (next_waiting[0], next_waiting[2]) == ("charged", "endless")
    assert await plan_of(ledger) == ("pro", None, None)
    await assert_sound(ledger)


async def test_a_repeat_gets_the_first_answer(ledger: OpenLedger) -> None:
    """The same key, though the moment has come; other content conflicts; an end before the beginning is refused."""
    await put_on(ledger, "pro")
    first = await put_on(ledger, "free", "period_end", key="k")
    ledger.clock.now_ms = MONTH_END_MS + DAY_MS
    again = await put_on(ledger, "free", "period_end", key="k")
    with pytest.raises(ConflictingReplayError):
        await put_on(ledger, "charged", "period_end", key="k")
    await put_on(ledger, "pro")
    with pytest.raises(AmountError):
        await put_on(ledger, "free", "period_end", until_ms=ledger.clock() + DAY_MS, key="too soon")

    assert (again.before, again.after, again.from_ms, again.replayed) == ("pro", "free", first.from_ms, True)


@pytest.mark.parametrize(
    "change",
    [
        "next_plan = 'endless'",
        "next_plan = NULL",
        "next_until_ms = 5",
        "plan_since_ms = 5",
        "plan_until_ms = NULL",
    ],
)
async def test_verify_compares_what_follows(ledger: OpenLedger, change: str) -> None:
    """A row that says otherwise than its entries is named."""
    await put_on(ledger, "pro")
    await put_on(ledger, "free", "period_end")
    await ledger.tamper(f"UPDATE accounts SET {change}")
    problems = (await Proof(ledger.database).verify()).problems

    assert any(problem.startswith("account 1: is on plan ") for problem in problems)
