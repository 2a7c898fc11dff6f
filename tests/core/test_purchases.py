"""Opening orders: one page for many presses, and none that nobody can pay."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from quota_core.accounts import AccountRef
from quota_core.errors import CheckoutUnavailableError, UnknownOrderError, UnknownPackageError
from quota_core.purchases import Opened, Page, Purchases
from quota_core.settlement import Settlement
from tests.core.opened_ledger import OpenLedger, PaymentPages, payment_of
from tests.core.recounting import assert_sound

ANA, BEN, TEAM = AccountRef("user", "1"), AccountRef("user", "2"), AccountRef("guild", "7")


@dataclass(slots=True)
class SlowPages(PaymentPages):
    """A provider whose answers wait for `answer`, and which first fails with what stands in `failures`."""

    failures: list[Exception] = field(default_factory=list)
    answer: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def open(self, parameters: Mapping[str, Any], *, idempotency_key: str) -> Page:
        """Open the page in any case; the answer may fail, or get lost on its way."""
        page = await PaymentPages.open(self, parameters, idempotency_key=idempotency_key)
        self.asked.set()
        await self.answer.wait()
        if self.failures:
            raise self.failures.pop(0)
        return page


@pytest.fixture
def slow() -> SlowPages:
    """Return a provider that can be kept waiting."""
    return SlowPages()


@pytest.fixture
def shop(ledger: OpenLedger, slow: SlowPages) -> Purchases:
    """Return purchases at the slow provider."""
    return Purchases(ledger.database, ledger.book, slow, clock=ledger.clock)


async def buy(purchases: Purchases, package: str = "quota_1000", buyer: AccountRef = ANA) -> Opened:
    """Press a button of the shop."""
    return await purchases.begin(buyer, package, buyer=buyer, locale="fr", account_label="Ana")


async def test_an_order_keeps_everything_that_was_agreed(ledger: OpenLedger) -> None:
    """Price, units, who pays, who receives, and each parameter of the call."""
    opened = await ledger.purchases.begin(TEAM, "quota_1000", buyer=ANA, locale="fr", account_label="Team")
    order = await ledger.purchases.order(opened.order_id)

    assert (order.units, order.price_minor, order.currency, order.livemode) == (1000, 1499, "EUR", False)
    assert (order.account_ref, order.buyer_ref, order.locale) == (TEAM, ANA, "fr")
    assert (order.state, order.attempt, order.reference) == ("open", 1, "cs_test_1")
    assert order.parameters == f'{{"order": "{order.id}", "amount": 1499, "label": "Team"}}'
    assert ledger.pages.calls == [f"order:{order.id}:checkout:1"]
    assert (opened.account, opened.units, opened.expires_ms) == (TEAM, 1000, ledger.clock() + 3_600_000)
    assert (await ledger.purchases.order_by_token(opened.token)).id == opened.order_id


async def test_a_second_press_returns_the_same_page(ledger: OpenLedger) -> None:
    """For the same package, account and buyer, while there is time to pay."""
    first = await buy(ledger.purchases)
    ledger.clock.move(seconds=57 * 60)
    again = await buy(ledger.purchases)
    other = await buy(ledger.purchases, "quota_500")
    someone_else = await buy(ledger.purchases, buyer=BEN)
    ledger.clock.move(seconds=90)
    late = await buy(ledger.purchases)

    assert (again.url, again.order_id, again.reused, first.reused) == (first.url, first.order_id, True, False)
    assert len({opened.url for opened in (first, other, someone_else, late)}) == 4


async def test_twenty_presses_at_once_open_one_page(shop: Purchases, slow: SlowPages) -> None:
    """They all wait for the same call and get the same link."""
    presses = [asyncio.create_task(buy(shop)) for _ in range(20)]
    await slow.asked.wait()
    slow.answer.set()
    opened = await asyncio.gather(*presses)

    assert len(slow.calls) == 1
    assert len({page.url for page in opened}) == 1


async def test_an_impatient_buyer_does_not_cancel_the_call(shop: Purchases, slow: SlowPages) -> None:
    """The other press still gets the page, and so does the next one."""
    first, second = asyncio.create_task(buy(shop)), asyncio.create_task(buy(shop))
    await slow.asked.wait()
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    slow.answer.set()
    opened = await second
    again = await buy(shop)

    assert (again.url, again.reused) == (opened.url, True)
    assert len(slow.calls) == 1


async def test_a_lost_answer_is_asked_for_again_under_the_same_key(shop: Purchases, slow: SlowPages) -> None:
    """F40: the page was opened there; the next press gets that same one."""
    slow.answer.set()
    slow.failures.append(CheckoutUnavailableError("connection lost"))
    with pytest.raises(CheckoutUnavailableError):
        await buy(shop)
    opened = await buy(shop)

    assert slow.calls == [slow.calls[0]] * 2
    assert opened.url == "https://pay.example/1"


async def test_a_stored_failure_takes_the_next_attempt_number(shop: Purchases, slow: SlowPages) -> None:
    """F41: the provider would repeat its failure under the old key for ever."""
    slow.answer.set()
    slow.failures += [CheckoutUnavailableError("500", stored_failure=True)] * 2
    for _ in range(2):
        with pytest.raises(CheckoutUnavailableError):
            await buy(shop)
    opened = await buy(shop)

    assert slow.calls == [f"order:{opened.order_id}:checkout:{attempt}" for attempt in (1, 2, 3)]
    assert (await shop.order(opened.order_id)).attempt == 3


async def test_an_order_that_never_got_a_page_is_left_when_it_is_old(
    shop: Purchases, slow: SlowPages, ledger: OpenLedger
) -> None:
    """Its expiry would be refused by now: a page must stay open for half an hour at least."""
    slow.answer.set()
    slow.failures.append(CheckoutUnavailableError("connection lost"))
    with pytest.raises(CheckoutUnavailableError):
        await buy(shop)
    ledger.clock.move(seconds=30 * 60)
    await buy(shop)

    assert len(set(slow.calls)) == 2


async def test_a_new_price_opens_a_new_order(ledger: OpenLedger) -> None:
    """F43: the page of yesterday's price is not handed out again."""
    first = await buy(ledger.purchases)
    dearer = ledger.catalog.packages["quota_1000"].model_copy(update={"price_minor": 1599})
    ledger.book.catalog = ledger.catalog.model_copy(update={"packages": {"quota_1000": dearer}})
    second = await buy(ledger.purchases)

    assert (first.price_minor, second.price_minor) == (1499, 1599)
    assert first.order_id != second.order_id


async def test_a_live_key_does_not_reuse_a_page_of_the_test_mode(ledger: OpenLedger) -> None:
    """The mode is part of what was agreed."""
    first = await buy(ledger.purchases)
    ledger.pages.livemode = True
    second = await buy(ledger.purchases)

    assert first.order_id != second.order_id
    assert (await ledger.purchases.order(second.order_id)).livemode


async def test_what_cannot_be_sold_is_refused(ledger: OpenLedger) -> None:
    """An unknown package, and no provider at all; nothing is written."""
    closed = Purchases(ledger.database, ledger.book, None, clock=ledger.clock)
    with pytest.raises(UnknownPackageError):
        await buy(ledger.purchases, "quota_7")
    with pytest.raises(CheckoutUnavailableError) as refusal:
        await buy(closed)
    with pytest.raises(UnknownOrderError):
        await ledger.purchases.order("ord_none")
    with pytest.raises(UnknownOrderError):
        await ledger.purchases.order_by_token("none")

    assert (closed.can_sell, refusal.value.configured) == (False, False)
    assert await ledger.rows("SELECT 1 FROM orders UNION ALL SELECT 1 FROM accounts") == []


async def test_a_report_before_our_own_call_returned_is_credited(
    shop: Purchases, slow: SlowPages, ledger: OpenLedger
) -> None:
    """The page is bound by the report; our own answer then finds it bound to the same."""
    press = asyncio.create_task(buy(shop))
    await slow.asked.wait()
    [order_id] = (await ledger.rows("SELECT id FROM orders"))[0]
    order = await shop.order(order_id)
    settlement = await ledger.settlements.settle(payment_of(order, "cs_test_1"))
    slow.answer.set()
    opened = await press
    order = await shop.order(order_id)

    assert settlement is Settlement.CREDITED
    assert (opened.order_id, order.state, order.reference, order.url) == (
        order_id,
        "paid",
        "cs_test_1",
        opened.url,
    )
    await assert_sound(ledger)


async def test_the_receipt_is_asked_for_until_there_is_one(ledger: OpenLedger) -> None:
    """Then kept; an order that is not paid has none."""
    opened = await buy(ledger.purchases)
    order = await ledger.purchases.order(opened.order_id)
    before = await ledger.purchases.receipt_url(order.id)
    await ledger.settlements.settle(payment_of(order, "cs_test_1"))
    not_yet = await ledger.purchases.receipt_url(order.id)
    ledger.pages.receipts["pi_cs_test_1"] = "https://pay.example/receipt"
    there = await ledger.purchases.receipt_url(order.id)
    ledger.pages.receipts.clear()
    kept = await ledger.purchases.receipt_url(order.id)

    assert (before, not_yet, there, kept) == (
        None,
        None,
        "https://pay.example/receipt",
        "https://pay.example/receipt",
    )


async def test_each_opening_of_the_shop_is_recorded(ledger: OpenLedger) -> None:
    """Who, which screen, when."""
    await ledger.purchases.viewed(ANA, "shop")
    ledger.clock.move(hours=1)
    await ledger.purchases.viewed(ANA, "refusal")

    assert await ledger.rows("SELECT screen, at_ms FROM views") == [
        ("shop", ledger.clock() - 3_600_000),
        ("refusal", ledger.clock()),
    ]


async def test_a_page_that_was_ended_early_is_not_handed_out_again(ledger: OpenLedger) -> None:
    """A page can be ended in the provider's dashboard; the next press opens another."""
    first = await buy(ledger.purchases)
    ledger.pages.ended.add(first.reference)

    second = await buy(ledger.purchases)

    assert second.order_id != first.order_id
    assert (await ledger.purchases.order(first.order_id)).state == "expired"
    assert (second.reused, (await buy(ledger.purchases)).order_id) == (False, second.order_id)


async def test_an_order_whose_call_is_rejected_is_not_repeated(shop: Purchases, slow: SlowPages) -> None:
    """F43: once an operator has mended the archived price, the next press does not repeat the old call."""
    slow.answer.set()
    slow.failures.append(CheckoutUnavailableError("400", rejected=True))
    with pytest.raises(CheckoutUnavailableError):
        await buy(shop)

    opened = await buy(shop)

    assert slow.calls[0] != slow.calls[1]
    assert slow.calls[1] == f"order:{opened.order_id}:checkout:1"
