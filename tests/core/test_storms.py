"""Races and cancellations: whatever is cut off, the ledger is whole and the keys tell the truth."""

import asyncio
from random import Random
from typing import Any

import pytest

from quota_core.accounts import AccountRef
from quota_core.catalog import Catalog
from quota_core.consumes import Consume
from quota_core.errors import ConflictingReplayError, OutOfQuotaError, QuotaError
from tests.core.catalogs import everything
from tests.core.opened_ledger import OPERATOR, OpenLedger, Place, SteerableClock, open_ledger
from tests.core.recounting import assert_sound

ANA, BEN, POOL = AccountRef("user", "1"), AccountRef("user", "2"), AccountRef("guild", "7")


async def test_twenty_racing_copies_of_one_request_are_one_entry(ledger: OpenLedger) -> None:
    """One is charged; the others get its answer, marked as a replay."""
    spends = await asyncio.gather(*(ledger.quota.consume(ANA, 3, key="m1") for _ in range(20)))

    assert sum(not spend.replayed for spend in spends) == 1
    assert {(spend.units, spend.allowance_left, spend.entry_ids) for spend in spends} == {(3, 47, (1,))}
    assert len(await ledger.entries()) == 1


async def test_racing_copies_with_other_content_are_refused(ledger: OpenLedger) -> None:
    """The first wins; who asks for something else under its key is told so."""
    first, *others = await asyncio.gather(
        ledger.quota.consume(ANA, 3, key="m1"),
        *(ledger.quota.consume(ANA, 4, key="m1") for _ in range(9)),
        return_exceptions=True,
    )

    assert not isinstance(first, BaseException)
    assert all(isinstance(other, ConflictingReplayError) for other in others)
    assert len(await ledger.entries()) == 1


async def test_a_race_to_the_limit_spends_exactly_the_limit(ledger: OpenLedger) -> None:
    """Fifty of eighty get one unit each; a refused key may succeed after a grant."""
    outcomes = await asyncio.gather(
        *(ledger.quota.consume(ANA, key=f"m{number}") for number in range(80)), return_exceptions=True
    )
    refused = [number for number, outcome in enumerate(outcomes) if isinstance(outcome, OutOfQuotaError)]
    await ledger.grants.add(ANA, 1, actor=OPERATOR, reason="", key="g")
    later = await ledger.quota.consume(ANA, key=f"m{refused[0]}")

    assert len(refused) == 30
    assert (later.from_purchased, later.replayed) == (1, False)
    await assert_sound(ledger)


async def test_two_members_race_for_one_pool(place: Place, clock: SteerableClock) -> None:
    """What both draw from the pool is what the pool had."""
    ledger = await open_ledger(place, catalog=everything(), clock=clock)
    await ledger.grants.add(POOL, 15, actor=OPERATOR, reason="", key="g")
    outcomes = await asyncio.gather(
        *(
            ledger.quota.consume(member, 1, key=f"{member}:{number}", payers=(POOL,))
            for number in range(40)
            for member in (ANA, BEN)
        ),
        return_exceptions=True,
    )
    spent = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    await assert_sound(ledger)
    await ledger.close()

    # Each has 10 a day, so has the pool, and the pool was given 15.
    assert len(spent) == 10 + 10 + 10 + 15


async def test_batches_larger_than_one_transaction_are_decided_in_order(ledger: OpenLedger) -> None:
    """2 500 operations, of which the first fifty fit into the day, in two and a half transactions."""
    operations = [ledger.quota.operation(ANA, key=f"m{number}") for number in range(2500)]
    outcomes = await ledger.quota.consume_many(operations)

    assert [isinstance(outcome, QuotaError) for outcome in outcomes] == [False] * 50 + [True] * 2450
    assert await ledger.quota.consume_many([]) == []


@pytest.mark.parametrize("seed", range(6))
async def test_a_cancellation_storm_leaves_a_whole_ledger(
    place: Place, catalog: Catalog, clock: SteerableClock, seed: int
) -> None:
    """Consumers, grants and give-backs cut off at random moments; each key then tells what became of it."""
    random = Random(seed)
    ledger = await open_ledger(place, catalog=catalog, clock=clock, resident_accounts=seed % 2 * 1000)
    await _storm(ledger, random)
    async with asyncio.timeout(120):
        await ledger.quota.drain()
        booked = {row[0] for row in await ledger.rows("SELECT key FROM entries WHERE kind = 1")}
        for number in range(120):
            operation = _spend(ledger, number)
            outcome = (await ledger.quota.consume_many([operation]))[0]

            # Whoever was cancelled learns the truth by sending the same key again.
            assert isinstance(outcome, QuotaError) or outcome.replayed == (operation.key in booked)
        await assert_sound(ledger)
        await ledger.close()


def _spend(ledger: OpenLedger, number: int) -> Consume:
    return ledger.quota.operation((ANA, BEN, POOL)[number % 3], 1 + number % 2, key=f"m{number}")


async def _storm(ledger: OpenLedger, random: Random) -> None:
    """Start some two hundred operations, and cancel most of them somewhere on their way."""
    tasks: list[asyncio.Task[Any]] = []
    for number in range(120):
        account = (ANA, BEN, POOL)[number % 3]
        tasks.append(asyncio.ensure_future(ledger.quota.consume(account, 1 + number % 2, key=f"m{number}")))
        if number % 3 == 0:
            grant = ledger.grants.add(account, 2, actor=OPERATOR, reason="storm", key=f"g{number}")
            tasks.append(asyncio.create_task(grant))
        if number % 4 == 0:
            tasks.append(asyncio.create_task(ledger.quota.give_back(account, key=f"m{number - 4}")))
        for _ in range(random.randrange(3)):
            await asyncio.sleep(0)
        if random.random() < 0.7:
            random.choice(tasks).cancel()
    for task in tasks:
        if random.random() < 0.5:
            task.cancel()
        await asyncio.sleep(0)
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("steps", range(8))
async def test_a_grant_that_is_cancelled_anywhere_is_whole_or_not_there(
    ledger: OpenLedger, steps: int
) -> None:
    """Cut at the k-th turn of the loop; the repeat of its key is a replay, or the grant itself."""
    task = asyncio.create_task(ledger.grants.add(ANA, 5, actor=OPERATOR, reason="", key="g"))
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    change = await ledger.grants.add(ANA, 5, actor=OPERATOR, reason="", key="g")

    assert (change.units, change.before, change.after) == (5, 0, 5)
    assert len(await ledger.entries()) == len(await ledger.rows("SELECT 1 FROM audit")) == 1
    await assert_sound(ledger)


async def test_closing_answers_everything_that_was_queued(
    place: Place, catalog: Catalog, clock: SteerableClock
) -> None:
    """A stop drains first: nobody who waits is left without an answer."""
    ledger = await open_ledger(place, catalog=catalog, clock=clock)
    tasks = [asyncio.ensure_future(ledger.quota.consume(ANA, key=f"m{number}")) for number in range(30)]
    await asyncio.sleep(0)
    await ledger.close()
    spends = await asyncio.gather(*tasks)

    assert [spend.allowance_left for spend in spends] == list(range(49, 19, -1))


async def test_a_drain_that_is_cancelled_takes_nobody_down(ledger: OpenLedger) -> None:
    """A stop that ran out of patience cancels its own waiting, not the operations of others."""
    spend = asyncio.ensure_future(ledger.quota.consume(ANA, key="m1"))
    await asyncio.sleep(0)
    drain = asyncio.create_task(ledger.quota.drain())
    await asyncio.sleep(0)
    drain.cancel()
    await asyncio.gather(drain, return_exceptions=True)
    try:
        async with asyncio.timeout(120):
            answer = await spend
    except TimeoutError:
        answer = None

    assert answer is not None


async def test_two_members_may_use_the_same_key(place: Place, clock: SteerableClock) -> None:
    """Keys are unique per account: one member's spend from the pool is no replay of the other's."""
    ledger = await open_ledger(place, catalog=everything(), clock=clock)
    for member in (ANA, BEN):
        await ledger.quota.consume(member, 10, key="the day")
    first = await ledger.quota.consume(ANA, 3, key="1", payers=(POOL,))
    second = await ledger.quota.consume(BEN, 3, key="1", payers=(POOL,))
    await ledger.close()

    assert not first.replayed
    assert not second.replayed


async def test_the_same_key_with_other_payers_is_other_content(place: Place, clock: SteerableClock) -> None:
    """What the pool paid under a key is not paid again by the member alone."""
    ledger = await open_ledger(place, catalog=everything(), clock=clock)
    await ledger.quota.consume(ANA, 10, key="the day")
    await ledger.quota.consume(ANA, 3, key="1", payers=(POOL,))
    await ledger.grants.add(ANA, 5, actor=OPERATOR, reason="", key="g")
    outcome = (await ledger.quota.consume_many([ledger.quota.operation(ANA, 3, key="1")]))[0]
    await ledger.close()

    assert isinstance(outcome, ConflictingReplayError)


async def test_one_account_at_the_end_of_counting_does_not_stop_the_others(
    place: Place, clock: SteerableClock
) -> None:
    """A plan without limit, spent 1 025 times at the most units of one request: only its own spend is refused."""
    ledger = await open_ledger(place, catalog=everything(), clock=clock)
    await ledger.grants.set_plan(ANA, "endless", until_ms=None, actor=OPERATOR, reason="", key="p")
    huge = [ledger.quota.operation(ANA, 2**53 - 1, key=f"m{number}") for number in range(1024)]
    await ledger.quota.consume_many(huge)
    try:
        outcomes = await asyncio.gather(
            ledger.quota.consume(ANA, 2**53 - 1, key="last"),
            ledger.quota.consume(BEN, 1, key="first"),
            return_exceptions=True,
        )
    finally:
        await ledger.close()

    assert isinstance(outcomes[0], QuotaError)
    assert not isinstance(outcomes[1], BaseException)


@pytest.mark.parametrize("engine", ["postgres"])
async def test_two_processes_spend_one_account_to_its_limit_and_no_further(
    ledger: OpenLedger, place: Place, catalog: Catalog, clock: SteerableClock
) -> None:
    """Two hundred at once, through two pools: fifty, exactly; each key tells afterwards what became of it."""
    other = await open_ledger(place, catalog=catalog, clock=clock)
    both = (ledger, other)
    keys = [f"m{number}" for number in range(200)]
    outcomes = await asyncio.gather(
        *(both[n % 2].quota.consume(ANA, key=key) for n, key in enumerate(keys)), return_exceptions=True
    )
    spent = [key for key, outcome in zip(keys, outcomes, strict=True) if not isinstance(outcome, Exception)]
    again = await asyncio.gather(*(both[n % 2].quota.consume(ANA, key=key) for n, key in enumerate(spent)))
    await assert_sound(other)
    await other.close()

    assert len(spent) == 50
    assert all(isinstance(outcome, OutOfQuotaError) for outcome in outcomes if isinstance(outcome, Exception))
    assert all(spend.replayed for spend in again)


@pytest.mark.parametrize("engine", ["postgres"])
async def test_one_request_in_two_processes_is_one_entry(
    ledger: OpenLedger, place: Place, catalog: Catalog, clock: SteerableClock
) -> None:
    """Lock first, look second: a new account, twenty copies of one key, and of one grant, through two pools."""
    other = await open_ledger(place, catalog=catalog, clock=clock)
    both = (ledger, other)
    spends = await asyncio.gather(*(both[n % 2].quota.consume(ANA, 3, key="m1") for n in range(20)))
    grants = await asyncio.gather(
        *(both[n % 2].grants.add(BEN, 5, actor=OPERATOR, reason="", key="g1") for n in range(20))
    )
    await assert_sound(other)
    await other.close()

    assert sum(not spend.replayed for spend in spends) == 1
    assert {(grant.before, grant.after) for grant in grants} == {(0, 5)}
    assert len(await ledger.entries()) == 2
