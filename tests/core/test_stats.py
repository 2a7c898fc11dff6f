"""The figures an operator asks for, against a small history that was counted by hand."""

from quota_core.accounts import AccountRef
from quota_core.after_sale import Movement
from quota_core.stats import Revenue
from tests.core.opened_ledger import OPERATOR, OpenLedger, payment_of
from tests.core.reversing import PRICE_MINOR, dispute, ordered, pay, refund, refunded

ANA, BEN, EVE = AccountRef("user", "1"), AccountRef("user", "2"), AccountRef("user", "3")


async def buy(ledger: OpenLedger, account: AccountRef, package: str) -> None:
    """Buy and pay."""
    opened = await ledger.purchases.begin(account, package, buyer=account, locale="en")
    order = await ledger.purchases.order(opened.order_id)
    await ledger.settlements.settle(payment_of(order, str(order.reference)))


async def test_an_empty_ledger_has_no_figures(ledger: OpenLedger) -> None:
    """And divides by nothing."""
    stats = await ledger.statistics.now()

    assert (stats.accounts, stats.granted, stats.sold, stats.used, stats.revenue) == (0, 0, 0, 0, ())
    assert (stats.conversion, stats.best_package, stats.best_package_orders) == (None, None, 0)


async def test_figures_are_those_of_the_history(ledger: OpenLedger) -> None:
    """Units, money, who looked and who bought."""
    await ledger.grants.add(ANA, 40, actor=OPERATOR, reason="", key="g")
    for number in range(3):
        await ledger.quota.consume(BEN, 20, key=f"m{number}") if number < 2 else None
    await ledger.quota.give_back(BEN, key="m1")
    for account in (ANA, BEN, BEN, EVE):
        await ledger.purchases.viewed(account, "shop")
    await buy(ledger, BEN, "quota_1000")
    await buy(ledger, BEN, "quota_100")
    await ledger.purchases.begin(EVE, "quota_500", buyer=EVE, locale="en")
    stats = await ledger.statistics.now()

    assert (stats.accounts, stats.granted, stats.sold, stats.used) == (3, 40, 1100, 20)
    assert stats.revenue == (Revenue(currency="EUR", orders=2, gross_minor=1798),)
    assert stats.revenue[0].basket_minor == 899
    assert (stats.viewers, stats.buyers, stats.conversion) == (3, 1, 1 / 3)
    assert (stats.best_package, stats.best_package_orders) == ("quota_100", 1)
    assert (stats.held, stats.owed) == (0, 2)


async def test_activity_is_counted_over_seven_and_thirty_days(ledger: OpenLedger) -> None:
    """By the last entry; who only looked was not active."""
    await ledger.quota.consume(ANA, key="m")
    ledger.clock.move(days=20)
    await ledger.quota.consume(BEN, key="m")
    ledger.clock.move(days=6)
    await ledger.purchases.viewed(EVE, "shop")
    today = await ledger.statistics.now()
    ledger.clock.move(days=10)
    later = await ledger.statistics.now()

    assert (today.accounts, today.active_7_days, today.active_30_days) == (3, 1, 2)
    assert (later.active_7_days, later.active_30_days) == (0, 1)


async def test_play_money_is_no_revenue(ledger: OpenLedger) -> None:
    """What was paid under a test key is not earned."""
    await buy(ledger, ANA, "quota_100")
    ledger.pages.livemode = True
    await buy(ledger, ANA, "quota_1000")
    stats = await ledger.statistics.now()

    assert [revenue.gross_minor for revenue in stats.revenue] == [1499]


async def test_what_went_back_is_no_revenue(ledger: OpenLedger) -> None:
    """Refunds, also in part and with their share of the tax; none that failed, no inquiry; a lost dispute."""
    buyers = [AccountRef("user", str(number)) for number in range(1, 6)]
    whole, part, taxed, failed, lost = [await ordered(ledger, account=one) for one in buyers]
    for order in (whole, part, failed, lost):
        await pay(ledger, order)
    await ledger.settlements.settle(payment_of(taxed, str(taxed.reference), tax_minor=301))
    for report in (
        refund(whole, PRICE_MINOR, "re_1"),
        refunded(whole, PRICE_MINOR),
        refund(part, 499, "re_2"),
        refund(taxed, 900, "re_3"),
        refund(failed, PRICE_MINOR, "re_4"),
        refund(failed, PRICE_MINOR, "re_4", failed=True),
        dispute(lost, Movement.LOST),
    ):
        await ledger.settlements.reversals.report(report)
    (revenue,) = (await ledger.statistics.now()).revenue

    assert (revenue.orders, revenue.gross_minor) == (5, 5 * PRICE_MINOR)
    assert revenue.refunded_minor == PRICE_MINOR + 499 + 749 + PRICE_MINOR
    assert revenue.net_minor == revenue.gross_minor - revenue.refunded_minor
