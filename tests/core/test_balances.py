"""What an account has, looked up in memory where it can be: always what a fresh look into the rows says."""

from collections.abc import Callable
from typing import Any

import pytest

from quota_core.accounts import AccountRef
from quota_core.balances import Balance, Balances
from quota_core.errors import OutOfQuotaError
from tests.core.opened_ledger import DAY_MS, OPERATOR, OpenLedger

ANA = AccountRef("user", "1")


class CountingReads:
    """A database that counts how often it is read."""

    def __init__(self, ledger: OpenLedger) -> None:
        self._database = ledger.database
        self.reads = 0

    async def read(self, work: Callable[[], Any]) -> Any:
        """Read, and count it."""
        self.reads += 1
        return await self._database.read(work)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)


async def fresh_look(ledger: OpenLedger) -> Balance:
    """Look as who remembers nothing."""
    ledger.book.forget()
    return await Balances(ledger.database, ledger.book, clock=ledger.clock).of(ANA)


async def test_after_every_change_the_balance_is_that_of_a_fresh_look(ledger: OpenLedger) -> None:
    """Spends, lots that come, go and run out, plans and days; each time asked before and after."""
    changes: list[Callable[[], Any]] = [
        lambda: ledger.quota.consume(ANA, 10, key="1"),
        lambda: ledger.grants.add(ANA, 7, actor=OPERATOR, reason="", key="2"),
        lambda: ledger.quota.consume(ANA, 47, key="3"),
        lambda: ledger.quota.give_back(ANA, key="3"),
        lambda: ledger.grants.remove(ANA, 3, actor=OPERATOR, reason="", key="4"),
        lambda: ledger.quota.consume(ANA, 44, key="5"),
        lambda: ledger.grants.set_plan(ANA, "pro", until_ms=None, actor=OPERATOR, reason="", key="6"),
        lambda: ledger.grants.add(ANA, 5, actor=OPERATOR, reason="", key="7"),
        lambda: ledger.people.seen(ANA, "fr"),
    ]
    for change in changes:
        await ledger.balances.of(ANA)
        await change()
        looked = [await ledger.balances.of(ANA), await ledger.balances.of(ANA)]

        assert looked == [await fresh_look(ledger)] * 2
    await ledger.balances.of(ANA)
    ledger.clock.now_ms += DAY_MS

    assert await ledger.balances.of(ANA) == await fresh_look(ledger)


async def test_a_lot_that_came_and_went_between_two_looks_is_told(ledger: OpenLedger) -> None:
    """Nothing is left of it, but it was brought: an account that had no lots is not taken for one without."""
    await ledger.quota.consume(ANA, 50, key="1")
    before = (await ledger.balances.of(ANA)).of("requests")
    await ledger.grants.add(ANA, 5, actor=OPERATOR, reason="", key="2")
    await ledger.quota.consume(ANA, 5, key="3")
    after = (await ledger.balances.of(ANA)).of("requests")

    assert before is not None
    assert after is not None
    assert (before.purchased, after.purchased, after.purchased_used) == (0, 5, 5)


async def test_a_second_look_reads_nothing_where_this_process_is_alone(ledger: OpenLedger) -> None:
    """Also after spends; where others write too, every look is one into the rows."""
    counting = CountingReads(ledger)
    balances = Balances(counting, ledger.book, clock=ledger.clock)
    await ledger.quota.consume(ANA, 10, key="1")
    await balances.of(ANA)
    await ledger.quota.consume(ANA, 10, key="2")
    part = (await balances.of(ANA)).of("requests")

    assert part is not None
    assert part.windows[0].used == 20
    assert counting.reads == (1 if ledger.book.resident else 2)


async def test_what_is_shown_can_be_spent_and_no_more(ledger: OpenLedger) -> None:
    """A look in memory promises nothing that the ledger denies."""
    await ledger.quota.consume(ANA, 10, key="1")
    await ledger.balances.of(ANA)
    await ledger.grants.add(ANA, 5, actor=OPERATOR, reason="", key="2")
    left = [(await ledger.balances.of(ANA)).of("requests") for _ in range(2)][-1]
    assert left is not None
    assert left.total_left is not None
    await ledger.quota.consume(ANA, left.total_left, key="3")

    assert left.total_left == 45
    with pytest.raises(OutOfQuotaError):
        await ledger.quota.consume(ANA, 1, key="4")
