"""Operations that four accounts pay together: each share once, whichever way it is looked up again."""

from collections.abc import AsyncIterator

import pytest_asyncio

from quota_core.accounts import AccountRef
from tests.core.catalogs import everything
from tests.core.opened_ledger import OpenLedger, Place, SteerableClock, open_ledger
from tests.core.recounting import assert_sound

ANA, *OTHERS = (AccountRef("user", number) for number in "1234")


@pytest_asyncio.fixture
async def ledger(place: Place, clock: SteerableClock) -> AsyncIterator[OpenLedger]:
    """Return a ledger whose default plan gives ten a day."""
    opened = await open_ledger(place, catalog=everything(), clock=clock)
    yield opened
    await opened.close()


async def left(ledger: OpenLedger) -> list[int | None]:
    """Return what each account has left of its day."""
    return [(await ledger.balances.of(one)).metrics[0].allowance_left for one in (ANA, *OTHERS)]


async def test_a_hold_of_four_goes_back_once(ledger: OpenLedger) -> None:
    """Settled with part of it, the last payer's share goes back, and no more can be settled than was held."""
    await ledger.quota.hold(ANA, 37, key="h", payers=OTHERS, ttl_seconds=60)
    held = await left(ledger)
    end = await ledger.quota.settle(ANA, key="h", units=15)

    assert held == [0, 0, 0, 3]
    assert (end.units_held, end.units_used) == (37, 15)
    assert await left(ledger) == [0, 5, 10, 10]
    await assert_sound(ledger)


async def test_a_spend_of_four_is_replayed_and_goes_back_once(ledger: OpenLedger) -> None:
    """The first answer is that of all shares, and so is what goes back."""
    spend = await ledger.quota.consume(ANA, 37, key="m", payers=OTHERS)
    again = await ledger.quota.consume(ANA, 37, key="m", payers=OTHERS)
    units = await ledger.quota.give_back(ANA, key="m")

    assert again == spend._replace(replayed=True, crossings=())
    assert units == 37
    assert await left(ledger) == [10, 10, 10, 10]
    await assert_sound(ledger)


async def test_several_holds_that_are_over_each_go_back_once(ledger: OpenLedger) -> None:
    """All ended by the next request of their account, in one transaction."""
    for number in range(3):
        await ledger.quota.hold(ANA, 11, key=f"h{number}", payers=OTHERS, ttl_seconds=60)
    ledger.clock.move(seconds=61)
    spend = await ledger.quota.consume(ANA, 1, key="m")

    assert spend.allowance_left == 9
    assert await left(ledger) == [9, 10, 10, 10]
    await assert_sound(ledger)
