"""A batch is decided in its order, also where some of it must be looked up and the rest need not be."""

from collections.abc import Sequence

from quota_core.accounts import AccountRef
from quota_core.answers import Spend
from quota_core.errors import OutOfQuotaError
from tests.core.catalogs import everything
from tests.core.opened_ledger import OPERATOR, OpenLedger, Place, SteerableClock, open_ledger
from tests.core.recounting import assert_sound

ANA, BEN = AccountRef("user", "1"), AccountRef("user", "2")
TEAM, PROJECT = AccountRef("external", "team:a"), AccountRef("external", "project:a")
LIMIT = 10  # of the default plan


async def decided(ledger: OpenLedger, *asked: tuple[AccountRef, str]) -> Sequence[type]:
    """Ask for nearly all of an allowance at a time, and return which kind each outcome is."""
    operations = [ledger.quota.operation(account, LIMIT - 1, key=key) for account, key in asked]
    return [type(outcome) for outcome in await ledger.quota.consume_many(operations)]


async def test_a_key_that_another_account_used_is_no_reason_to_wait(
    place: Place, clock: SteerableClock
) -> None:
    """The first operation gets the units, though its key must be looked up and the second one's need not be."""
    ledger = await open_ledger(place, catalog=everything(), clock=clock)
    await ledger.quota.consume(ANA, 1, key="before")
    await ledger.quota.consume(BEN, 1, key="m-1")
    kinds = await decided(ledger, (ANA, "m-1"), (ANA, "m-2"))
    await assert_sound(ledger)
    await ledger.close()

    assert kinds == [Spend, OutOfQuotaError]


async def test_what_a_project_takes_from_its_team_is_taken_in_its_turn(
    place: Place, clock: SteerableClock
) -> None:
    """Whether the project is in memory or must be read."""
    ledger = await open_ledger(place, catalog=everything(), clock=clock)
    await ledger.grants.set_parent(PROJECT, TEAM, actor=OPERATOR, reason="", key="parent")
    await ledger.quota.consume(TEAM, 1, key="before")
    kinds = [await decided(ledger, (PROJECT, "m-1"), (TEAM, "m-2"), (PROJECT, "m-3"))]
    clock.move(days=1)
    ledger = await ledger.reopened()
    await ledger.quota.consume(TEAM, 1, key="next day")
    kinds.append(await decided(ledger, (PROJECT, "m-4"), (TEAM, "m-5")))
    await assert_sound(ledger)
    await ledger.close()

    assert kinds == [[Spend, OutOfQuotaError, OutOfQuotaError], [Spend, OutOfQuotaError]]
