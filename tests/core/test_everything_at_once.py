"""Everything that people, operators and payments do, many at a time and some cancelled: the ledger stays sound."""

import asyncio
import contextlib
import itertools
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from quota_core.accounts import AccountRef
from quota_core.after_sale import Movement
from quota_core.catalog_file import parse
from quota_core.corrections import Corrections
from quota_core.errors import QuotaError
from quota_core.pool_caps import Draw
from quota_core.proof import Proof
from quota_core.recent_check import check_recent
from quota_core.store.orders import OrderRow
from tests.core.catalogs import EVERYTHING
from tests.core.opened_ledger import (
    DAY_MS,
    HOUR_MS,
    OPERATOR,
    OpenLedger,
    Place,
    SteerableClock,
    open_ledger,
    payment_of,
)
from tests.core.recounting import assert_sound
from tests.core.reversing import dispute, refund, report

ROLLING = """
[plans.rolling]
rank = 4
label = { en = "Rolling", fr = "Reporté" }
description = { en = "Keeps a part", fr = "En garde une part" }
[[plans.rolling.allowances]]
metric = "requests"
limit = 12
period = "day"
rollover_cap = 5
"""
PLANS = ("free", "pro", "charged", "endless", "rolling")
PEOPLE = [AccountRef("user", str(number)) for number in range(1, 5)]
GUILD, TEAM = AccountRef("guild", "7"), AccountRef.parse("team:t")
PROJECTS = [AccountRef.parse("project:a"), AccountRef.parse("project:b")]
EVERYBODY = [*PEOPLE, GUILD, TEAM, *PROJECTS]
CAPS = ((), (("day", 6), ("month", 9)), (("week", None),))
Deed = Callable[[], Coroutine[Any, Any, object]]


class Crowd:
    """Whoever does anything; what they do follows from the seed, and in which order it ends does not."""

    def __init__(self, ledger: OpenLedger, seed: int) -> None:
        self.ledger = ledger
        self.random = random.Random(seed)
        self._numbers = itertools.count(1)
        self._spent: list[tuple[AccountRef, str]] = []
        self._held: list[tuple[AccountRef, str]] = []
        self._orders: list[OrderRow] = []
        self._corrections = Corrections(ledger.database, ledger.book, clock=ledger.clock)

    def deed(self) -> Deed:
        """Choose what is done next."""
        often = (self.consume, self.consume, self.consume_many, self.draw, self.hold, self.hold)
        return self.random.choice(
            (
                *(*often, self.end_hold, self.end_hold, self.give_back, self.give, self.remove),
                *(self.change_plan, self.change_plan, self.block, self.set_parent, self.set_level),
                *(self.buy, self.buy, self.reverse, self.reverse, self.correct, self.correct, self.look),
            )
        )

    def _key(self) -> str:
        return f"k{next(self._numbers)}"

    def _somebody(self) -> AccountRef:
        return self.random.choice(EVERYBODY)

    def _by_hand(self) -> dict[str, Any]:
        return {"actor": OPERATOR, "reason": "", "key": self._key()}

    async def consume(self) -> None:
        """Spend, alone or with others, and sometimes what was spent before."""
        account, key = self._somebody(), self._key()
        if self._spent and self.random.random() < 0.1:
            account, key = self.random.choice(self._spent)
        metric = self.random.choice(("requests", "requests", "renders", "space"))
        payers = self.random.sample(EVERYBODY, self.random.choice((0, 0, 1, 3)))
        units = self.random.randint(1, 9 + 9 * len(payers))
        await self.ledger.quota.consume(account, units, key=key, metric=metric, payers=payers)
        self._spent.append((account, key))

    async def consume_many(self) -> None:
        """Spend for several accounts in one batch."""
        made = [(self._somebody(), self._key()) for _ in range(self.random.randint(2, 9))]
        await self.ledger.quota.consume_many(
            [self.ledger.quota.operation(one, self.random.randint(1, 3), key=key) for one, key in made]
        )
        self._spent += made

    async def draw(self) -> None:
        """Spend or hold from a server's pool."""
        member, key = self.random.choice(PEOPLE), self._key()
        draw = Draw(GUILD, self.random.random() < 0.5, self.random.choice(CAPS))
        operation = self.ledger.quota.operation(member, self.random.randint(1, 14), key=key, payers=(GUILD,))
        operation = operation._replace(draw=draw)
        if self.random.random() < 0.5:
            await self.ledger.quota.consume_many([operation])
            self._spent.append((member, key))
        else:
            await self.ledger.quota.holds.hold(operation, 3600)
            self._held.append((member, key))

    async def hold(self) -> None:
        """Hold for a minute or a day."""
        account, key = self._somebody(), self._key()
        payers = self.random.sample(EVERYBODY, self.random.choice((0, 1, 3)))
        ttl_seconds = self.random.choice((60, 86_400))
        await self.ledger.quota.hold(
            account,
            self.random.randint(1, 9 + 9 * len(payers)),
            key=key,
            payers=payers,
            ttl_seconds=ttl_seconds,
        )
        self._held.append((account, key))

    async def end_hold(self) -> None:
        """Settle, release, or look which are over."""
        if not self._held or self.random.random() < 0.2:
            await self.ledger.quota.holds.end_due()
            return
        account, key = self.random.choice(self._held)
        if self.random.random() < 0.6:
            await self.ledger.quota.settle(account, key=key, units=self.random.randint(0, 9))
        else:
            await self.ledger.quota.release(account, key=key)

    async def give_back(self) -> None:
        """Undo something that was spent."""
        if self._spent:
            account, key = self.random.choice(self._spent)
            await self.ledger.quota.give_back(account, key=key)

    async def give(self) -> None:
        """Give units for ever, or until some time."""
        ends_ms = self.ledger.clock() + self.random.choice((HOUR_MS, 9 * DAY_MS))
        await self.ledger.grants.add(
            self._somebody(),
            self.random.randint(1, 30),
            expires_ms=self.random.choice((None, ends_ms)),
            **self._by_hand(),
        )

    async def remove(self) -> None:
        """Take units by hand."""
        await self.ledger.grants.remove(self._somebody(), self.random.randint(1, 20), **self._by_hand())

    async def change_plan(self) -> None:
        """Change a plan at once or later, for good or for a while."""
        until_ms = self.ledger.clock() + self.random.choice((HOUR_MS, 40 * DAY_MS))
        await self.ledger.grants.set_plan(
            self._somebody(),
            self.random.choice(PLANS),
            until_ms=self.random.choice((None, until_ms)),
            at=self.random.choice(("now", "now", "period_end", "rule")),
            **self._by_hand(),
        )

    async def block(self) -> None:
        """Block somebody, or lift that."""
        grants = self.ledger.grants
        await (grants.block if self.random.random() < 0.3 else grants.unblock)(
            self._somebody(), **self._by_hand()
        )

    async def set_parent(self) -> None:
        """Let the team pay for a project, or no longer."""
        parent = self.random.choice((TEAM, TEAM, None))
        await self.ledger.grants.set_parent(self.random.choice(PROJECTS), parent, **self._by_hand())

    async def set_level(self) -> None:
        """Measure a gauge."""
        await self.ledger.quota.set_level(
            self._somebody(), self.random.randint(0, 25), metric="space", key=self._key()
        )

    async def buy(self) -> None:
        """Order, and mostly pay."""
        buyer = self.random.choice(PEOPLE)
        package = self.random.choice(("five", "eight"))
        opened = await self.ledger.purchases.begin(self._somebody(), package, buyer=buyer, locale="en")
        order = await self.ledger.purchases.order(opened.order_id)
        self._orders.append(order)
        status = self.random.choice(("paid", "paid", "pending", "failed"))
        await self.ledger.settlements.settle(payment_of(order, str(order.reference), status))

    async def reverse(self) -> None:
        """Report a refund, its failure, or a dispute, of an order that may be paid."""
        if not self._orders:
            return
        order, number = self.random.choice(self._orders), self.random.randint(1, 3)
        if self.random.random() < 0.5:
            one = dispute(order, self.random.choice((None, *Movement)), at=number)
            one = replace(one, reference=f"du_{order.id}_{number % 2}")
        else:
            failed = self.random.random() < 0.4
            one = refund(order, 90 * number, f"re_{order.id}_{number}", failed=failed)
        await report(self.ledger, one)

    async def correct(self) -> None:
        """Bring the use of somebody's windows to a share of their limits."""
        await self._corrections.bring_to(
            self._somebody(), self.random.choice((0, 50)), metric="requests", actor="user:900", reason=""
        )

    async def look(self) -> None:
        """Read a balance."""
        await self.ledger.balances.of(self._somebody())


async def _done(deed: Deed) -> None:
    with contextlib.suppress(QuotaError):  # refused, which changes nothing
        await deed()


@pytest_asyncio.fixture(
    params=[(200_000, 1), (200_000, 2), (3, 3), (3, 4), (3, 5), (0, 6)], ids=lambda param: f"seed {param[1]}"
)
async def crowd(request: pytest.FixtureRequest, place: Place, clock: SteerableClock) -> AsyncIterator[Crowd]:
    """Return a crowd on a ledger whose memory holds everybody, a few, or nobody."""
    resident, seed = request.param
    catalog = parse(EVERYTHING + ROLLING, name="everything.toml")
    ledger = await open_ledger(place, catalog=catalog, clock=clock, resident_accounts=resident)
    yield Crowd(ledger, seed)
    await ledger.close()


async def test_whatever_happens_at_once_the_ledger_is_sound_and_memory_agrees_with_it(crowd: Crowd) -> None:
    """In rounds, between which the clock moves; what was begun by callers that stop waiting ends all the same."""
    ledger = crowd.ledger
    for _ in range(15):
        tasks = [asyncio.create_task(_done(crowd.deed())) for _ in range(12)]
        await asyncio.sleep(0)
        for task in crowd.random.sample(tasks, 3):
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        await ledger.quota.drain()
        assert [end for end in ends if isinstance(end, Exception)] == []
        remembered = [await ledger.balances.of(one) for one in EVERYBODY]
        verdict, recent = await Proof(ledger.database).verify(), await check_recent(ledger.database)
        assert verdict.problems + recent.problems == []
        if ledger.database.alone:  # else what was cancelled may end in between
            ledger.book.forget()
            assert [await ledger.balances.of(one) for one in EVERYBODY] == remembered
        ledger.clock.move(hours=crowd.random.choice((0, 0, 1, 13, 49, -1)))

    if ledger.database.alone:
        await assert_sound(ledger)
    assert len(await ledger.entries()) > 30
