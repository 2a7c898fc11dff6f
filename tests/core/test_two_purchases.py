"""Refunds and disputes of several purchases of one account: what one owes is not what another one pays."""

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quota_core.accounts import AccountRef
from quota_core.after_sale import Movement, Reversal
from quota_core.catalog_file import load
from quota_core.store.orders import OrderRow
from tests.core.opened_ledger import OPERATOR, OpenLedger, SteerableClock, open_ledger
from tests.core.recounting import assert_sound
from tests.core.reversing import ANA, PRICE_MINOR, bought, dispute, holds, refund, report
from tests.postgres_server import PostgresServer

ALLOWANCE = 50

# (kind, which purchase, how much or how it went): a report of one of three purchases.
reports = st.one_of(
    st.tuples(st.sampled_from(["refund", "failed"]), st.integers(0, 2), st.sampled_from([400, PRICE_MINOR])),
    st.tuples(st.just("dispute"), st.integers(0, 2), st.sampled_from([None, *Movement])),
)
doings = st.one_of(
    reports,
    st.tuples(st.sampled_from(["buy", "buy", "spend", "give", "remove"]), st.integers(1, 1500), st.none()),
)
Doing = tuple[str, int, int | Movement | None]


async def test_what_one_purchase_owes_stays_when_another_one_comes_back(ledger: OpenLedger) -> None:
    """Else nothing could come back of the first one's failed refund, and the order of the failures would count."""
    first = await bought(ledger)
    await ledger.quota.consume(ANA, ALLOWANCE + 1000, key="all of it")
    second = await bought(ledger)
    await report(ledger, refund(first, PRICE_MINOR, "re_1"), refund(second, PRICE_MINOR, "re_2"))
    owing = await holds(ledger)
    await report(ledger, refund(second, PRICE_MINOR, "re_2", failed=True))
    back = await holds(ledger)
    await report(ledger, refund(first, PRICE_MINOR, "re_1", failed=True))

    assert owing == (0, 0, 1000)
    assert back == (1000, 0, 1000)
    assert await holds(ledger) == (1000, 0, 0)
    await assert_sound(ledger)


def _report(order: OrderRow, kind: str, value: int | Movement | None) -> Reversal:
    if kind == "dispute":
        assert value is None or isinstance(value, Movement)
        return replace(dispute(order, value, at=1), reference=f"du_{order.id}")
    assert value is not None
    return refund(order, value, f"re_{order.id}_{value}", failed=kind == "failed")


class _Trial:
    """One ledger for all examples of a test, each with an account of its own."""

    def __init__(self, server: PostgresServer | None, folder: Path) -> None:
        self.runner = asyncio.Runner()
        self._numbers = itertools.count(1)
        place = folder / "quota.db" if server is None else self.runner.run(server.new_database())
        self.ledger = self.runner.run(
            open_ledger(place, catalog=load("quota-manager"), clock=SteerableClock())
        )

    def account(self) -> AccountRef:
        """Return one that has nothing yet."""
        return AccountRef("user", str(next(self._numbers)))

    async def end_of(self, told: list[Doing], spent: int) -> tuple[int, int, int]:
        """Buy three times and spend, then report: where that ends."""
        account = self.account()
        orders = [await bought(self.ledger, account) for _ in range(3)]
        if spent:
            await self.ledger.quota.consume(account, ALLOWANCE + spent, key="spent")
        for kind, which, value in told:
            await report(self.ledger, _report(orders[which], kind, value))
        return await holds(self.ledger, account)

    async def all_undone(self, doings: list[Doing]) -> tuple[tuple[int, int, int], int]:
        """Do all that, undo every refund and dispute, and return what there is and what there must be."""
        account, orders = self.account(), list[OrderRow]()
        there = 0
        made: dict[str, Reversal] = {}
        for number, (kind, count, value) in enumerate(doings):
            if kind == "buy":
                orders.append(await bought(self.ledger, account))
                there += 1000
            elif kind == "give":
                await self.ledger.grants.add(account, count, actor=OPERATOR, reason="", key=f"give {number}")
                there += count
            elif kind in ("spend", "remove"):
                left, frozen, _ = await holds(self.ledger, account)
                units = min(count, left - frozen)
                if units and kind == "spend":
                    free = 0 if any(one == "spend" for one, _, _ in doings[:number]) else ALLOWANCE
                    spend = await self.ledger.quota.consume(account, free + units, key=f"spend {number}")
                    units = spend.from_purchased
                elif units:
                    units = (
                        await self.ledger.grants.remove(
                            account, units, actor=OPERATOR, reason="", key=f"remove {number}"
                        )
                    ).units
                there -= units
            elif count < len(orders):
                one = _report(orders[count], kind, value)
                made[one.reference] = one
                await report(self.ledger, one)
        for one in made.values():
            won = (9 * 8 + Movement.WON) if one.kind == "dispute" else 2
            await report(self.ledger, replace(one, standing=won, event_id=f"{one.event_id} undone"))
        return await holds(self.ledger, account), there

    def end(self) -> None:
        """Prove the ledger and close it."""
        try:
            self.runner.run(assert_sound(self.ledger))
        finally:
            self.runner.run(self.ledger.close())
            self.runner.close()


@pytest.fixture
def trial(server: PostgresServer | None, tmp_path: Path) -> Iterator[_Trial]:
    """Return a ledger that is proved in the end."""
    running = _Trial(server, tmp_path)
    yield running
    running.end()


def test_any_order_of_reports_of_three_purchases_ends_the_same(trial: _Trial) -> None:
    """As for one purchase: whichever comes first."""

    @settings(max_examples=8, deadline=None)
    @given(
        st.lists(reports, min_size=2, max_size=3, unique=True), st.sampled_from([0, 300, 1000, 1700, 3000])
    )
    def ends_the_same(told: list[Doing], spent: int) -> None:
        ends = {trial.runner.run(trial.end_of(list(order), spent)) for order in itertools.permutations(told)}

        assert len(ends) == 1

    ends_the_same()


def test_nothing_is_owed_or_lost_once_every_refund_failed_and_every_dispute_was_won(trial: _Trial) -> None:
    """Whatever was bought, given, spent, removed and reported in between."""

    @settings(max_examples=25, deadline=None)
    @given(st.lists(doings, min_size=3, max_size=14))
    def is_undone(done: list[Doing]) -> None:
        (left, frozen, owed), there = trial.runner.run(trial.all_undone(done))

        assert (left, frozen, owed) == (there, 0, 0)

    is_undone()
