"""Asking Stripe for what never arrived: pages, marks, leases, and pages that were paid without an event."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import stripe

from quota_core.accounts import AccountRef
from quota_core.catalog_file import load
from quota_core.deliveries import Deliveries
from quota_core.errors import ConstraintError
from quota_core.leases import Leases
from quota_core.purchases import Purchases
from tests.core.opened_ledger import OpenLedger, SteerableClock, open_ledger
from tests.core.recounting import assert_sound
from tests.sandbox.stripe_fixture import Shop, open_shop
from webhooks.health import Remark
from webhooks.product_text import ProductTexts
from webhooks.stripe_catch_up import LEASE, CatchUp
from webhooks.stripe_checkout import StripeCheckout

ANA = AccountRef("user", "1")


@dataclass
class Kiosk:
    """A ledger that sells on a local Stripe which delivers nothing."""

    shop: Shop
    ledger: OpenLedger
    checkout: StripeCheckout
    purchases: Purchases
    deliveries: Deliveries
    leases: Leases | None = None

    def catch_up(self) -> CatchUp:
        """Return what asks for the reports, as after a start; by now, Stripe's clock is further."""
        clock = self.ledger.clock
        clock.now_ms = max(clock.now_ms, int(self.shop.clock() * 1000))
        return CatchUp(
            self.checkout.history,
            self.ledger.settlements,
            self.deliveries,
            leases=self.leases,
            interval_seconds=1,
            clock=self.ledger.clock,
        )

    async def sell(self, user: int, outcome: str = "paid") -> Any:
        """Let somebody buy, and return their checkout."""
        account = AccountRef("user", str(user))
        opened = await self.purchases.begin(account, "quota_1000", buyer=account, locale="en")
        return await self.shop.control("pay", checkout=opened.reference, outcome=outcome)

    async def bought(self, user: int = 1) -> int:
        """Return what somebody has of what they bought."""
        part = (await self.ledger.balances.of(AccountRef("user", str(user)))).of("requests")
        return 0 if part is None else part.purchased_left


@pytest.fixture
async def kiosk(tmp_path: Path) -> AsyncIterator[Kiosk]:
    """Return a kiosk whose clocks agree."""
    catalog, clock = load("quota-manager"), SteerableClock(int(time.time() * 1000))
    ledger = await open_ledger(tmp_path / "quota.db", catalog=catalog, clock=clock)
    async with open_shop(hooked=False) as shop:
        checkout = StripeCheckout(
            "sk_test_sandbox",
            api_url=shop.url,
            success_url="http://127.0.0.1:9/success",
            cancel_url="http://127.0.0.1:9/cancel",
            product=ProductTexts(catalog, terms_url=None),
        )
        open_kiosk = Kiosk(
            shop,
            ledger,
            checkout,
            Purchases(ledger.database, ledger.book, checkout, clock=clock),
            Deliveries(ledger.database, clock=clock),
        )
        yield open_kiosk
        await checkout.close()
    await assert_sound(open_kiosk.ledger)
    await open_kiosk.ledger.close()


async def test_what_never_arrived_is_credited_once(kiosk: Kiosk) -> None:
    """Payments, a bank that answered later, a refund; and nothing happens twice."""
    await kiosk.sell(1)
    delayed = await kiosk.sell(2, "delayed")
    await kiosk.shop.control("settle", checkout=delayed["id"], outcome="succeeded")
    refunded = await kiosk.sell(3)
    await kiosk.shop.control("refund", checkout=refunded["id"])
    for _ in range(2):
        await kiosk.catch_up().once()

    assert [await kiosk.bought(user) for user in (1, 2, 3)] == [1000, 1000, 0]
    assert [entry.kind for entry in await kiosk.ledger.entries()].count(5) == 3


async def test_a_second_with_more_than_a_page_is_read_to_its_end(kiosk: Kiosk) -> None:
    """A hundred a page; the sandbox makes all of these within moments."""
    session = await kiosk.sell(1)
    intent = session["payment_intent"]
    for _ in range(70):
        await kiosk.shop.client.v1.refunds.create_async({"payment_intent": intent, "amount": 1})
    await kiosk.catch_up().once()
    ((reported,),) = await kiosk.ledger.rows("SELECT count(*) FROM reversals WHERE kind = 'refund'")

    assert reported == 70
    assert await kiosk.bought() == 1000 - 1000 * 70 // 1499


async def test_a_page_that_was_paid_is_credited_without_any_event(kiosk: Kiosk) -> None:
    """Its event is gone: the walk over events begins behind it."""
    await kiosk.sell(1)
    await kiosk.deliveries.move("events", kiosk.ledger.clock() // 1000 + 7200)
    for _ in range(2):
        await kiosk.catch_up().once()

    assert await kiosk.bought() == 1000
    assert [entry.kind for entry in await kiosk.ledger.entries()] == [5]


async def test_the_mark_moves_only_once_everything_is_handled(kiosk: Kiosk) -> None:
    """Whatever is cut off is asked for again, at the next start or round."""
    await kiosk.sell(1)
    kiosk.ledger.database.halt("for this test")
    with pytest.raises(Exception, match="for this test"):
        await kiosk.catch_up().once()
    before = await kiosk.deliveries.asked_until("events")
    reopened = await kiosk.ledger.reopened()
    kiosk.ledger, kiosk.deliveries = reopened, Deliveries(reopened.database, clock=reopened.clock)
    await kiosk.catch_up().once()

    assert before is None
    assert await kiosk.bought() == 1000
    assert await kiosk.deliveries.asked_until("events") == kiosk.ledger.clock() // 1000


async def test_one_process_at_a_time_asks(kiosk: Kiosk) -> None:
    """Who finds the lease taken does nothing; who had it gives it back."""
    kiosk.leases = Leases(kiosk.ledger.database, holder="here", clock=kiosk.ledger.clock)
    await kiosk.sell(1)
    lease = await kiosk.leases.take(LEASE)
    assert lease is not None
    await kiosk.catch_up().once()
    meanwhile = await kiosk.bought()
    await kiosk.leases.give_back(lease)
    await kiosk.catch_up().once()

    assert meanwhile == 0
    assert await kiosk.bought() == 1000
    assert await kiosk.leases.take(LEASE) is not None


async def test_a_payment_that_waits_stands_in_the_readiness(kiosk: Kiosk) -> None:
    """It was reported two minutes ago, and nothing came of it yet; that is no reason to take the process away."""
    session = await kiosk.sell(1)
    catch_up = kiosk.catch_up()
    quiet = await catch_up.check()
    await kiosk.ledger.settlements.record("evt_1", "checkout.session.completed", session["id"], "{}")
    kiosk.ledger.clock.move(seconds=120)
    waiting = await catch_up.check()

    assert quiet is None
    assert waiting == "a payment has waited 120 s for its credit"
    assert isinstance(waiting, Remark)
    assert await kiosk.deliveries.uncredited_seconds() == 120


async def test_a_stripe_that_does_not_answer_raises_and_loses_nothing(kiosk: Kiosk) -> None:
    """The next round finds it."""
    await kiosk.sell(1)
    kiosk.shop.faults.add("stripe", "status", 3, status=500)
    with pytest.raises(stripe.StripeError):
        await kiosk.catch_up().once()
    await kiosk.catch_up().once()

    assert await kiosk.bought() == 1000


async def test_one_report_that_cannot_be_handled_keeps_nobody_else_waiting(kiosk: Kiosk) -> None:
    """The mark stays before it, so that it is tried again; the others are credited, each once."""
    for user in (1, 2, 3):
        await kiosk.sell(user)
    ((second,),) = await kiosk.ledger.rows("SELECT id FROM accounts WHERE external_id = '2'")
    await kiosk.ledger.execute(
        f"CREATE TRIGGER broken BEFORE INSERT ON notices WHEN new.account = {second}"
        " BEGIN SELECT raise(ABORT, 'broken for this test'); END"
    )
    with pytest.raises(ConstraintError, match="broken for this test"):
        await kiosk.catch_up().once()
    meanwhile = [await kiosk.bought(user) for user in (1, 2, 3)]
    before = await kiosk.deliveries.asked_until("events")
    await kiosk.ledger.execute("DROP TRIGGER broken")
    await kiosk.catch_up().once()

    assert (meanwhile, before) == ([1000, 0, 1000], None)
    assert [await kiosk.bought(user) for user in (1, 2, 3)] == [1000, 1000, 1000]
    assert await kiosk.deliveries.asked_until("events") == kiosk.ledger.clock() // 1000
