"""Whatever is bought, spent, refunded and moved in whatever order: no unit is made and none is lost."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quota_core.accounts import AccountRef
from quota_core.catalog_file import load
from quota_core.errors import OutOfQuotaError
from quota_core.moving import TransferRefusedError
from quota_core.operators import Actor
from quota_core.store.orders import OrderRow
from tests.core.opened_ledger import OpenLedger, SteerableClock, open_ledger
from tests.core.recounting import assert_sound
from tests.core.reversing import ordered, pay, refund, report
from tests.postgres_server import PostgresServer

PACKAGE, PACKAGE_UNITS = "quota_100", 100

steps = st.one_of(
    st.tuples(st.just("buy"), st.just(0), st.just(0)),
    st.tuples(st.just("spend"), st.integers(0, 2), st.integers(1, 120)),
    st.tuples(st.just("move"), st.integers(1, 2), st.integers(1, 150)),
    st.tuples(st.just("move"), st.integers(1, 2), st.integers(1, 150)),
    st.tuples(st.just("refund"), st.integers(0, 3), st.booleans()),
)


class _Trial:
    """Stories on one ledger, each of a server and two members of its own."""

    def __init__(self, runner: asyncio.Runner, ledger: OpenLedger) -> None:
        self._runner = runner
        self._ledger = ledger
        self._stories = 0

    def live(self, story: list[tuple[str, int, int]]) -> None:
        """Go through a story, and check after each step what there is."""
        self._runner.run(self._live(story))

    async def _live(self, story: list[tuple[str, int, int]]) -> None:
        self._stories += 1
        guild_id = 1000 * self._stories
        accounts = [AccountRef("guild", str(guild_id))]
        accounts += [AccountRef("user", str(guild_id + number)) for number in (1, 2)]
        orders: list[tuple[OrderRow, str]] = []
        expected = 0
        for number, (what, who, value) in enumerate(story):
            before = await self._worth(accounts)
            key = f"{self._stories}/{number}"
            if what == "buy":
                orders.append((await self._buy(accounts[0]), "paid"))
                expected += PACKAGE_UNITS
            elif what == "spend":
                expected -= await self._spend(accounts[who], value, key)
            elif what == "refund" and who < len(orders):
                order, standing = orders[who]
                name, fails = f"re_{order.id}", bool(value)
                await report(self._ledger, refund(order, order.price_minor, name, failed=fails))
                if fails and standing == "refunded":
                    expected += PACKAGE_UNITS
                elif not fails and standing == "paid":
                    expected -= PACKAGE_UNITS
                if fails or standing == "paid":  # one that has failed once stays so
                    orders[who] = (order, "failed" if fails else "refunded")
            elif what == "move":
                left = (await self._ledger.balances.of(accounts[0])).metrics[0]
                reason = await self._move(guild_id, accounts[who], value, key)
                assert reason == ("debt" if left.debt else "short" if left.lasting_left < value else None)
                assert await self._worth(accounts) == before
            assert await self._worth(accounts) == expected

    async def _buy(self, account: AccountRef) -> OrderRow:
        order = await ordered(self._ledger, PACKAGE, account)
        await pay(self._ledger, order)
        return order

    async def _move(self, guild_id: int, member: AccountRef, units: int, key: str) -> str | None:
        """Return why nothing was moved, None when it was."""
        manager = Actor(user_id=5, guild_id=guild_id, manages_guild=True)
        try:
            await self._ledger.transfers.move(guild_id, member, units, actor=manager, key=key)
        except TransferRefusedError as refusal:
            return refusal.reason
        return None

    async def _spend(self, account: AccountRef, units: int, key: str) -> int:
        """Return what a spend took from lots."""
        try:
            return (await self._ledger.quota.consume(account, units, key=key)).from_purchased
        except OutOfQuotaError:
            return 0

    async def _worth(self, accounts: list[AccountRef]) -> int:
        """Return what all of them have in lots, less what they owe."""
        parts = [(await self._ledger.balances.of(account)).metrics[0] for account in accounts]
        return sum(part.purchased_left - part.debt for part in parts)


@pytest.fixture
def trial(
    server: PostgresServer | None, tmp_path: Path
) -> Iterator[tuple[_Trial, OpenLedger, asyncio.Runner]]:
    """Return where stories are lived, on either engine."""
    with asyncio.Runner() as runner:
        place = tmp_path / "quota.db" if server is None else runner.run(server.new_database())
        ledger = runner.run(open_ledger(place, catalog=load("quota-manager"), clock=SteerableClock()))
        yield _Trial(runner, ledger), ledger, runner
        runner.run(ledger.close())
        if server is not None:
            runner.run(server.drop(str(place)))


def test_moving_units_keeps_their_sum(trial: tuple[_Trial, OpenLedger, asyncio.Runner]) -> None:
    """Over the server and its members; the rows and the proof agree at the end."""
    stories, ledger, runner = trial

    @settings(max_examples=20, deadline=None)
    @given(st.lists(steps, min_size=4, max_size=12))
    def keeps_the_sum(story: list[tuple[str, int, int]]) -> None:
        stories.live([("buy", 0, 0), *story])

    keeps_the_sum()
    moved = runner.run(ledger.rows("SELECT count(*) FROM entries WHERE kind = 19"))
    debts = runner.run(ledger.rows("SELECT count(*) FROM debts WHERE units > 0"))
    runner.run(assert_sound(ledger))

    assert moved[0][0] > 40
    assert debts[0][0] > 0
