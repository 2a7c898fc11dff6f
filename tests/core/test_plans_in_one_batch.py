"""Accounts of several plans in one batch: each is decided by its own plan's windows."""

from typing import Any

from quota_core.accounts import AccountRef
from quota_core.answers import Spend
from tests.core.catalogs import everything
from tests.core.opened_ledger import DAY_MS, OPERATOR, Place, SteerableClock, open_ledger
from tests.core.recounting import assert_sound

ANA, BEN, CARL = (AccountRef("user", number) for number in "123")


async def test_a_plan_that_ended_lends_its_name_to_no_other_account(
    place: Place, clock: SteerableClock
) -> None:
    """Somebody whose trial of pro is over, and then somebody who pays for pro."""
    ledger = await open_ledger(place, catalog=everything(), clock=clock)
    until: dict[AccountRef, Any] = {ANA: clock() + DAY_MS, BEN: None}
    for account, until_ms in until.items():
        await ledger.grants.set_plan(account, "pro", until_ms=until_ms, actor=OPERATOR, reason="", key="plan")
    clock.move(days=2)
    await ledger.quota.consume(CARL, key="on the default plan")
    outcomes = await ledger.quota.consume_many(
        [ledger.quota.operation(ANA, 1, key="m"), ledger.quota.operation(BEN, 15, key="m")]
    )
    months = [window.used for window in (await ledger.balances.of(BEN)).metrics[0].windows]
    await assert_sound(ledger)
    await ledger.close()

    assert [outcome.units for outcome in outcomes if isinstance(outcome, Spend)] == [1, 15]
    assert months == [15, 15]
