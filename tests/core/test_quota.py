"""Spending by example: order of pots, refusals, replays, thresholds, give-backs, days that turn."""

from collections.abc import AsyncIterator

import pytest

from quota_core.accounts import AccountRef
from quota_core.answers import Crossing
from quota_core.catalog import Allowance
from quota_core.errors import (
    AccountBlockedError,
    AmountError,
    ConflictingReplayError,
    OutOfQuotaError,
    Refill,
    UnavailableError,
    UnknownMetricError,
    UnknownSpendError,
)
from quota_core.quota import MAX_QUEUE
from tests.core.catalogs import everything
from tests.core.opened_ledger import DAY_MS, OPERATOR, OpenLedger, Place, SteerableClock, open_ledger
from tests.core.recounting import assert_sound, used_windows

ANA, POOL = AccountRef("user", "1"), AccountRef("guild", "7")
MIDNIGHT_MS = 1_795_219_200_000  # 21 November 2026, UTC


@pytest.fixture
async def wide(place: Place, clock: SteerableClock) -> AsyncIterator[OpenLedger]:
    """Return a ledger with every kind of pot."""
    opened = await open_ledger(place, catalog=everything(), clock=clock)
    yield opened
    await opened.close()


async def test_the_day_comes_first_then_what_was_bought_then_nothing(ledger: OpenLedger) -> None:
    """The order of the document: daily, bought, blocked."""
    await ledger.grants.add(ANA, 10, actor=OPERATOR, reason="", key="g")
    spends = [await ledger.quota.consume(ANA, 25, key=f"m{number}") for number in range(2)]
    last = await ledger.quota.consume(ANA, 10, key="m2")
    with pytest.raises(OutOfQuotaError) as refusal:
        await ledger.quota.consume(ANA, 1, key="m3")

    assert [(s.from_allowance, s.from_purchased, s.allowance_left) for s in spends] == [
        (25, 0, 25),
        (25, 0, 0),
    ]
    assert (last.from_allowance, last.from_purchased, last.purchased_left) == (0, 10, 0)
    assert (refusal.value.units_left, refusal.value.plan, refusal.value.retry_ms) == (0, "free", MIDNIGHT_MS)
    assert refusal.value.refills == (Refill(kind="day", limit=50, used=50, resets_ms=MIDNIGHT_MS),)


async def test_a_spend_is_whole_or_refused(ledger: OpenLedger) -> None:
    """51 of 50: nothing is taken, and the refusal says what there was."""
    with pytest.raises(OutOfQuotaError) as refusal:
        await ledger.quota.consume(ANA, 51, key="m")
    spend = await ledger.quota.consume(ANA, 50, key="m")

    assert (refusal.value.units_asked, refusal.value.units_left, refusal.value.retry_ms) == (51, 50, None)
    assert (spend.allowance_left, spend.replayed) == (0, False)


async def test_a_new_day_is_a_new_allowance_and_yesterday_stays_used(ledger: OpenLedger) -> None:
    """F20: a clock that goes back finds the old row, not a fresh one."""
    await ledger.quota.consume(ANA, 50, key="m1")
    ledger.clock.now_ms = MIDNIGHT_MS
    tomorrow = await ledger.quota.consume(ANA, 20, key="m2")
    ledger.clock.now_ms = MIDNIGHT_MS - 1
    with pytest.raises(OutOfQuotaError):
        await ledger.quota.consume(ANA, 1, key="m3")
    ledger.clock.now_ms = MIDNIGHT_MS
    again = await ledger.quota.consume(ANA, 30, key="m4")

    assert (tomorrow.allowance_left, again.allowance_left) == (30, 0)


async def test_two_windows_bind_at_once(wide: OpenLedger) -> None:
    """20 a day and 45 a month: on the third day the month is what stops."""
    await wide.grants.set_plan(ANA, "pro", until_ms=None, actor=OPERATOR, reason="", key="p")
    for day in range(2):
        await wide.quota.consume(ANA, 20, key=f"m{day}")
        wide.clock.move(days=1)
    with pytest.raises(OutOfQuotaError) as refusal:
        await wide.quota.consume(ANA, 6, key="m2")
    spend = await wide.quota.consume(ANA, 5, key="m2")

    assert (refusal.value.units_left, refusal.value.retry_ms) == (5, MIDNIGHT_MS + 10 * DAY_MS)
    assert spend.allowance_left == 0


async def test_overage_comes_after_what_was_bought_and_ends_at_its_cap(wide: OpenLedger) -> None:
    """Ten of the day, two given, seven beyond, then refused; giving back undoes all three."""
    await wide.grants.set_plan(ANA, "charged", until_ms=None, actor=OPERATOR, reason="", key="p")
    await wide.grants.add(ANA, 2, actor=OPERATOR, reason="", key="g")
    spend = await wide.quota.consume(ANA, 19, key="m")
    with pytest.raises(OutOfQuotaError):
        await wide.quota.consume(ANA, 1, key="m2")
    back = await wide.quota.give_back(ANA, key="m")
    part = (await wide.balances.of(ANA)).of("requests")

    assert (spend.from_allowance, spend.from_purchased, spend.from_overage) == (10, 2, 7)
    assert back == 19
    assert part is not None
    assert [(window.used, window.overage) for window in part.windows] == [(0, 0), (0, 0)]
    assert (part.purchased_left, part.total_left) == (2, 12)
    await assert_sound(wide)


async def test_a_member_pays_before_the_pool_and_the_pool_is_seen_last(wide: OpenLedger) -> None:
    """Whole across both; the refusal counts both, and names the member's plan and windows."""
    spend = await wide.quota.consume(ANA, 14, key="m", payers=(POOL, ANA))
    with pytest.raises(OutOfQuotaError) as refusal:
        await wide.quota.consume(ANA, 7, key="m2", payers=(POOL,))
    back = [await wide.quota.give_back(ANA, key="m") for _ in range(2)]
    with pytest.raises(UnknownSpendError):
        await wide.quota.give_back(POOL, key="m")
    after = await wide.quota.consume(ANA, 20, key="m3", payers=(POOL,))

    assert (spend.from_allowance, len(spend.entry_ids), spend.allowance_left) == (14, 2, 0)
    assert (refusal.value.units_left, [refill.used for refill in refusal.value.refills]) == (6, [10])
    assert back == [14, 14]
    assert after.units == 20
    await assert_sound(wide)


async def test_a_threshold_is_told_by_the_spend_that_crosses_it_once(wide: OpenLedger) -> None:
    """50 % at the fifth unit, 95 % at the tenth; not again after a give-back, again on another day."""
    spends = [await wide.quota.consume(ANA, 1, key=f"m{number}") for number in range(10)]
    await wide.quota.give_back(ANA, key="m9")
    again = await wide.quota.consume(ANA, 1, key="m10")
    replayed = await wide.quota.consume(ANA, 1, key="m4")
    wide.clock.move(days=1)
    both = await wide.quota.consume(ANA, 10, key="m11")
    told = [spend.crossings for spend in spends]
    crossing = Crossing(kind="day", percent=50, used=5, limit=10, resets_ms=MIDNIGHT_MS)

    assert [bool(crossings) for crossings in told] == [False] * 4 + [True] + [False] * 4 + [True]
    assert told[4] == (*replayed.crossings, crossing)
    assert again.crossings == ()
    assert [crossing.percent for crossing in both.crossings] == [50, 95]


async def test_a_give_back_books_on_the_window_of_its_spend(ledger: OpenLedger) -> None:
    """Spent before midnight, given back after it: today is untouched."""
    await ledger.quota.consume(ANA, 50, key="m")
    ledger.clock.move(days=1)
    await ledger.quota.consume(ANA, 5, key="m2")
    backs = [await ledger.quota.give_back(ANA, key="m") for _ in range(2)]
    part = (await ledger.balances.of(ANA)).of("requests")
    used = sorted((place[2], counts[0]) for place, counts in (await used_windows(ledger)).items())

    assert backs == [50, 50]
    assert part is not None
    assert part.allowance_left == 45
    assert used == [("2026-11-20", 0), ("2026-11-21", 5)]


async def test_a_give_back_finds_pots_that_are_no_longer_in_memory(ledger: OpenLedger) -> None:
    """Yesterday's window and a lot that was emptied: neither is read when an account is."""
    await ledger.grants.add(ANA, 10, actor=OPERATOR, reason="", key="g")
    await ledger.quota.consume(ANA, 60, key="m")
    ledger.clock.move(days=1)
    ledger.book.forget()
    back = await ledger.quota.give_back(ANA, key="m")
    part = (await ledger.balances.of(ANA)).of("requests")

    assert back == 60
    assert part is not None
    assert (part.purchased_left, part.total_left) == (10, 60)
    assert set((await used_windows(ledger)).values()) == {(0, 0)}
    await assert_sound(ledger)


async def test_only_a_spend_can_be_given_back(ledger: OpenLedger) -> None:
    """Nothing, a grant's key, and somebody else's spend are refused."""
    await ledger.grants.add(ANA, 5, actor=OPERATOR, reason="", key="g")
    await ledger.quota.consume(POOL, 5, key="m")
    for account, key in ((ANA, "none"), (ANA, "g"), (ANA, "m"), (AccountRef("user", "2"), "m")):
        with pytest.raises(UnknownSpendError):
            await ledger.quota.give_back(account, key=key)


async def test_a_key_of_another_kind_of_operation_is_a_conflict(wide: OpenLedger) -> None:
    """A grant's key buys no spend, and a spend's key no grant; other units or metrics neither."""
    await wide.grants.add(ANA, 5, actor=OPERATOR, reason="", key="k1")
    await wide.quota.consume(ANA, 5, key="k2")
    for work in (
        wide.quota.consume(ANA, 5, key="k1"),
        wide.quota.consume(ANA, 4, key="k2"),
        wide.quota.consume(ANA, 5, key="k2", metric="renders"),
        wide.grants.add(ANA, 5, actor=OPERATOR, reason="", key="k2"),
        wide.grants.add(ANA, 6, actor=OPERATOR, reason="", key="k1"),
        wide.grants.remove(ANA, 5, actor=OPERATOR, reason="", key="k1"),
        wide.grants.set_plan(ANA, "pro", until_ms=None, actor=OPERATOR, reason="", key="k1"),
    ):
        with pytest.raises(ConflictingReplayError):
            await work

    assert len(await wide.entries()) == 2


async def test_what_makes_no_sense_is_refused_before_it_is_queued(ledger: OpenLedger) -> None:
    """Amounts outside 1..2^53-1, unknown metrics, empty keys."""
    for units in (0, -1, 2**53):
        with pytest.raises(AmountError):
            await ledger.quota.consume(ANA, units, key="m")
    with pytest.raises(UnknownMetricError):
        await ledger.quota.consume(ANA, key="m", metric="tokens")
    with pytest.raises(ValueError, match="1 to 200"):
        await ledger.quota.consume(ANA, key="")


async def test_a_blocked_account_spends_nothing(ledger: OpenLedger) -> None:
    """Neither for itself nor for others; what is given back still comes."""
    await ledger.quota.consume(ANA, 5, key="m")
    await ledger.execute("UPDATE accounts SET status = 'blocked'")
    with pytest.raises(AccountBlockedError) as refusal:
        await ledger.quota.consume(POOL, 60, key="m2", payers=(ANA,))

    assert refusal.value.account == "user:1"
    assert await ledger.quota.give_back(ANA, key="m") == 5


async def test_too_many_who_wait_are_told_to_come_back(ledger: OpenLedger) -> None:
    """F16: the queue is bounded; who stands in it is answered."""
    ledger.quota._operations = [None] * MAX_QUEUE  # type: ignore[list-item]  # a full queue, without 20 000 tasks
    with pytest.raises(UnavailableError) as refusal:
        await ledger.quota.consume(ANA, key="m")
    ledger.quota._operations = []

    assert refusal.value.retry_seconds == 1


async def test_a_refusal_that_a_new_day_would_lift_says_when(ledger: OpenLedger) -> None:
    """20 bought units and a fresh day of 50 would pay 60 tomorrow."""
    await ledger.grants.add(ANA, 20, actor=OPERATOR, reason="", key="g")
    await ledger.quota.consume(ANA, 50, key="m1")
    with pytest.raises(OutOfQuotaError) as refusal:
        await ledger.quota.consume(ANA, 60, key="m2")

    assert refusal.value.retry_ms == MIDNIGHT_MS


async def test_a_crossing_in_a_batch_tells_its_own_numbers(wide: OpenLedger) -> None:
    """What was used when the fifth unit went, not when the eighth did."""
    operations = [wide.quota.operation(ANA, 1, key=f"m{number}") for number in range(8)]
    outcomes = await wide.quota.consume_many(operations)
    crossings = [c for outcome in outcomes if not isinstance(outcome, Exception) for c in outcome.crossings]

    assert [crossing.used for crossing in crossings] == [5]


def test_an_hour_has_no_anchor() -> None:
    """A calendar hour and an account's hour would be the same window, counted twice."""
    with pytest.raises(ValueError, match="no anchor"):
        Allowance.model_validate({"metric": "renders", "limit": 2, "period": "hour", "anchor": "account"})
