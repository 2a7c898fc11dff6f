"""What is resident: bounded, and never more than a copy of the rows."""

from pathlib import Path

import pytest

from quota_core.accounts import AccountRef
from quota_core.catalog import Catalog
from tests.core.catalogs import everything
from tests.core.opened_ledger import OPERATOR, SteerableClock, open_ledger
from tests.core.recounting import assert_sound

ANA = AccountRef("user", "1")
HOURS = 20
PEOPLE = [AccountRef("user", str(number)) for number in range(1, 301)]


async def test_many_windows_of_one_account_are_read_again(tmp_path: Path, clock: SteerableClock) -> None:
    """An hour's use survives that its window left the memory, and the clock that goes back to it."""
    ledger = await open_ledger(tmp_path / "hours.db", catalog=everything(), clock=clock)
    await ledger.grants.set_plan(ANA, "charged", until_ms=None, actor=OPERATOR, reason="", key="p")
    for hour in range(HOURS):
        await ledger.quota.consume(ANA, 1, key=f"m{hour}", metric="renders")
        clock.move(hours=1)
    clock.move(hours=-HOURS)
    second = await ledger.quota.consume(ANA, 2, key="again", metric="renders")
    resident = len(ledger.book.states[ANA].used)  # the bound is seen from inside alone
    await assert_sound(ledger)
    await ledger.close()

    assert resident <= 4
    assert (second.from_allowance, second.from_overage, second.allowance_left) == (1, 1, 0)


@pytest.mark.parametrize("spend", [False, True])
async def test_the_memory_stays_within_its_bound(
    tmp_path: Path, catalog: Catalog, clock: SteerableClock, *, spend: bool
) -> None:
    """Looking at accounts, or spending from many at once, keeps no more of them than was allowed."""
    ledger = await open_ledger(tmp_path / "quota.db", catalog=catalog, clock=clock, resident_accounts=10)
    operations = [ledger.quota.operation(person, key="m") for person in PEOPLE]
    await ledger.quota.consume_many(operations)
    ledger.book.forget()
    for number, person in enumerate(PEOPLE):
        await ledger.balances.of(person)
        if spend and number == 200:
            await ledger.quota.consume_many(operations)
    await ledger.quota.consume(AccountRef("user", "999"), key="new")  # what must be read makes room
    resident = len(ledger.book.states)
    await ledger.close()

    assert resident <= 10 + 1
