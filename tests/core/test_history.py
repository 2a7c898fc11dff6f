"""What a person sees of the past: changes of the balance, newest first, a page at a time."""

from typing import Any

from quota_core.accounts import AccountRef
from quota_core.history import PAGE_SIZE, HistoryLine
from tests.core.opened_ledger import OPERATOR, OpenLedger, payment_of

ANA, BEN = AccountRef("user", "1"), AccountRef("user", "2")


async def lines_of(ledger: OpenLedger, account: AccountRef = ANA) -> list[HistoryLine]:
    """Return all lines, by reading page after page."""
    first = await ledger.history.page(account, 0)
    pages = [await ledger.history.page(account, number) for number in range(first.pages)]
    return [line for page in pages for line in page.lines]


async def reported(ledger: OpenLedger, package: str, *statuses: str) -> None:
    """Open an order and report on it."""
    opened = await ledger.purchases.begin(ANA, package, buyer=ANA, locale="en")
    order = await ledger.purchases.order(opened.order_id)
    for status in statuses:
        await ledger.settlements.settle(payment_of(order, str(order.reference), status))


async def test_an_empty_history_has_one_empty_page(ledger: OpenLedger) -> None:
    """Also for an account that nobody ever heard of, and for requests alone."""
    await ledger.quota.consume(ANA, key="m")
    for account in (ANA, BEN):
        page = await ledger.history.page(account, 3)

        assert (page.number, page.pages, page.lines) == (0, 1, ())


async def test_each_kind_of_change_has_its_line(ledger: OpenLedger) -> None:
    """Purchases with price and status, what operators did, plans; not each request; not an unpaid order."""
    await ledger.grants.add(ANA, 30, actor=OPERATOR, reason="welcome", key="g")
    ledger.clock.move(seconds=1)
    await ledger.grants.remove(ANA, 10, actor=OPERATOR, reason="", key="r")
    ledger.clock.move(seconds=1)
    await ledger.grants.set_plan(ANA, "pro", until_ms=None, actor=OPERATOR, reason="", key="p")
    for package, statuses in (
        ("quota_1000", ["paid"]),
        ("quota_500", ["pending"]),
        ("quota_100", ["failed"]),
        ("quota_5000", ["expired"]),
        ("quota_10000", []),
    ):
        ledger.clock.move(seconds=1)
        await reported(ledger, package, *statuses)
    lines = await lines_of(ledger)
    told: list[tuple[Any, ...]] = [
        (line.kind, line.status, line.units, line.price_minor, line.plan, line.after) for line in lines
    ]

    assert told == [
        ("purchase", "failed", 100, 299, None, None),
        ("purchase", "pending", 500, 999, None, None),
        ("purchase", "paid", 1000, 1499, None, 1020),
        ("plan", "done", 0, None, "pro", 20),
        ("remove", "done", 10, None, None, 20),
        ("grant", "done", 30, None, None, 30),
    ]
    assert {line.metric for line in lines} == {"requests"}
    assert {line.currency for line in lines} == {None, "EUR"}
    assert await lines_of(ledger, BEN) == []


async def test_a_payment_that_arrives_changes_its_line(ledger: OpenLedger) -> None:
    """On its way, then credited: one line, not two."""
    await reported(ledger, "quota_500", "pending", "paid")

    assert [(line.status, line.after) for line in await lines_of(ledger)] == [("paid", 500)]


async def test_pages_hold_every_line_once(ledger: OpenLedger) -> None:
    """Twelve changes in one millisecond: newest first, none twice, none lost; a page too far is the last."""
    for number in range(1, 13):
        await ledger.grants.add(ANA, number, actor=OPERATOR, reason="", key=f"g{number}")
    pages = [await ledger.history.page(ANA, number) for number in range(3)]
    beyond, before = await ledger.history.page(ANA, 99), await ledger.history.page(ANA, -1)

    assert [len(page.lines) for page in pages] == [PAGE_SIZE, PAGE_SIZE, 2]
    assert [line.units for page in pages for line in page.lines] == list(range(12, 0, -1))
    assert {page.pages for page in pages} == {3}
    assert (beyond, before) == (pages[2], pages[0])


async def test_a_clock_that_goes_back_does_not_shuffle_the_past(ledger: OpenLedger) -> None:
    """L16: the balance after each line is that of the line above before its change."""
    await ledger.grants.add(ANA, 5, actor=OPERATOR, reason="", key="g1")
    ledger.clock.move(hours=-1)
    await ledger.grants.add(ANA, 7, actor=OPERATOR, reason="", key="g2")

    assert [line.after for line in await lines_of(ledger)] == [12, 5]
