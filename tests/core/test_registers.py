"""What an operator looks through, and what was bought and used, on both engines."""

import pytest

from quota_core.accounts import AccountRef
from quota_core.registers import AccountFilter, Registers
from quota_core.summary import Summaries
from quota_core.top_ups import Place as Behind
from quota_core.top_ups import TopUps
from quota_core.usage import Usage
from tests.core.catalogs import everything
from tests.core.opened_ledger import OPERATOR, OpenLedger, Place, SteerableClock, open_ledger, payment_of

ANA, BEN, TEAM = AccountRef("user", "1"), AccountRef("user", "20"), AccountRef.parse("team:50%_x")


@pytest.fixture
async def ledger(place: Place, clock: SteerableClock) -> OpenLedger:
    """Return a ledger with three accounts: one used up, one on another plan for a day, one of a team."""
    opened = await open_ledger(place, catalog=everything(), clock=clock)
    await opened.quota.consume(ANA, 10, key="k")
    await opened.quota.consume(TEAM, 2, key="k")
    await opened.grants.set_plan(
        BEN, "pro", until_ms=clock() + 86_400_000, actor=OPERATOR, reason="trial", key="p"
    )
    return opened


def registers_of(ledger: OpenLedger) -> Registers:
    """Return the registers."""
    return Registers(ledger.database, ledger.book, ledger.balances, clock=ledger.clock)


async def test_accounts_are_found_by_each_filter(ledger: OpenLedger) -> None:
    """And a plan that ended is the default one."""
    registers = registers_of(ledger)

    async def found(**wanted: str) -> list[AccountRef]:
        page = await registers.accounts(AccountFilter(**wanted), None, 10)
        return [one.balance.account for one in page.accounts]

    assert await found() == [BEN, TEAM, ANA]
    assert await found(text="%_X") == [TEAM]
    assert await found(text="2", kind="user") == [BEN]
    assert await found(plan="pro") == [BEN]
    assert await found(plan="free") == [TEAM, ANA]
    assert await found(standing="exhausted") == [ANA]
    await ledger.grants.block(TEAM, actor=OPERATOR, reason="", key="b")
    assert await found(standing="blocked") == [TEAM]
    assert await registers.plans() == {"free": 2, "pro": 1, "charged": 0, "endless": 0}
    ledger.clock.move(days=2)
    assert await found(plan="pro") == []
    assert (await registers.plans())["free"] == 3
    await ledger.close()


async def test_pages_and_deeds(ledger: OpenLedger) -> None:
    """One by one, and what was done by hand by each filter."""
    registers = registers_of(ledger)
    first = await registers.accounts(AccountFilter(), None, 2)
    second = await registers.accounts(AccountFilter(), first.next_id, 2)
    deeds = await registers.by_hand(None, 10, actor="user:900", action="plan", account=BEN)
    others = await registers.by_hand(None, 10, actor="", action="grant", account=None)

    assert [one.balance.account for one in (*first.accounts, *second.accounts)] == [BEN, TEAM, ANA]
    assert second.next_id is None
    assert [(one.account, one.detail, one.reason) for one in deeds] == [(BEN, "pro", "trial")]
    assert others == []
    await ledger.close()


async def test_use_by_plan_counts_each_unit_once(ledger: OpenLedger) -> None:
    """What one account paid for another stands where it was paid."""
    await ledger.quota.consume(ANA, 3, key="2", payers=(BEN,))
    await Usage(ledger.database, ledger.book, clock=ledger.clock).catch_up()
    used = await registers_of(ledger).use_by_plan("2026-11-01", "requests")

    assert used["free"] == (2, 12)
    assert used["pro"] == (1, 3)
    assert used["endless"] == (0, 0)
    await ledger.close()


async def test_what_was_bought_raises_the_limit(ledger: OpenLedger) -> None:
    """Units that never expire by what is left of them; the list has each order with its month."""
    package = next(one for one, facts in ledger.catalog.packages.items() if facts.metric == "requests")
    units = ledger.catalog.packages[package].units
    for _ in range(2):
        opened = await ledger.purchases.begin(ANA, package, buyer=ANA, locale="fr")
        row = await ledger.purchases.order(opened.order_id)
        await ledger.settlements.settle(payment_of(row, str(row.reference), "paid"))
        ledger.clock.move(seconds=1)
    top_ups = TopUps(ledger.database, ledger.catalog.zone)
    newest = await top_ups.of(ANA, Behind(), 1)
    older = await top_ups.of(ANA, newest[0].place, 5)
    summaries = Summaries(ledger.database, ledger.balances, ledger.catalog, clock=ledger.clock)
    use = (await summaries.of(ANA)).metrics[0].use

    assert [one.units for one in (*newest, *older)] == [units, units]
    assert (newest[0].state, newest[0].left, newest[0].period) == ("paid", units, "2026-11")
    assert (use.current, use.limit) == (10, 10 + 2 * units)
    await ledger.close()
