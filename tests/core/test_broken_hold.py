"""A hold that cannot be ended, whatever the reason: nobody else's units wait for it."""

import pytest

from quota_core.accounts import AccountRef
from quota_core.holds import LOOK_SECONDS
from tests.core.opened_ledger import OpenLedger
from tests.core.recounting import assert_sound

ANA, BEN = AccountRef("user", "1"), AccountRef("user", "2")


@pytest.fixture
def engine() -> str:
    """Return the engine in whose words the obstacle is made."""
    return "sqlite"


async def test_one_hold_that_cannot_end_keeps_no_other_one(ledger: OpenLedger) -> None:
    """It is looked at again after a while, and ends once nothing stands in its way."""
    for account in (ANA, BEN):
        await ledger.quota.hold(account, 40, key="h", ttl_seconds=60)
    ((ana,),) = await ledger.rows("SELECT id FROM accounts WHERE external_id = '1'")
    await ledger.execute(
        f"CREATE TRIGGER broken BEFORE INSERT ON entries WHEN new.account = {ana}"
        " BEGIN SELECT raise(ABORT, 'broken for this test'); END"
    )
    ledger.clock.move(seconds=61)
    seconds = await ledger.quota.holds.end_due()
    held = [(await ledger.balances.of(one)).metrics[0].held for one in (ANA, BEN)]
    await ledger.execute("DROP TRIGGER broken")
    await ledger.quota.holds.end_due()
    after = (await ledger.balances.of(ANA)).metrics[0]

    assert (seconds, held) == (LOOK_SECONDS, [40, 0])
    assert (after.held, after.allowance_left) == (0, 50)
    await assert_sound(ledger)
