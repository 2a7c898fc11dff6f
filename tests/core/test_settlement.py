"""One credit for one payment, whatever is repeated, reordered, raced or wrong."""

import asyncio
from itertools import combinations, permutations, product
from typing import Any

import pytest

from quota_core.accounts import AccountRef
from quota_core.errors import HaltedError
from quota_core.settlement import Settlement
from quota_core.store.orders import OrderRow
from tests.core.opened_ledger import DAY_MS, OPERATOR_ACCOUNT, OpenLedger, owe_units, payment_of
from tests.core.recounting import assert_sound
from tests.core.reversing import PRICE_MINOR, refund, report

ANA, BEN, TEAM = AccountRef("user", "1"), AccountRef("user", "2"), AccountRef("guild", "7")
STATUSES = ("pending", "paid", "failed", "expired")


async def ordered(ledger: OpenLedger, package: str = "quota_1000", account: AccountRef = ANA) -> OrderRow:
    """Open an order with its page."""
    opened = await ledger.purchases.begin(account, package, buyer=ANA, locale="fr")
    return await ledger.purchases.order(opened.order_id)


async def settle(ledger: OpenLedger, order: OrderRow, status: str = "paid", **changes: Any) -> Settlement:
    """Report on the order's own page, as the provider does: recorded first, then applied."""
    payment = payment_of(order, changes.pop("reference", order.reference), status, **changes)
    await ledger.settlements.record(payment.event_id, status, payment.reference, "{}")
    return await ledger.settlements.settle(payment)


async def bought(ledger: OpenLedger, account: AccountRef = ANA) -> int:
    """Return how many bought units are left."""
    part = (await ledger.balances.of(account)).of("requests")
    return 0 if part is None else part.purchased_left


async def kinds(ledger: OpenLedger) -> list[str]:
    """Return which notices are owed, by kind."""
    return [row[0] for row in await ledger.rows("SELECT kind FROM notices ORDER BY id")]


async def test_a_payment_credits_once_and_owes_one_notice(ledger: OpenLedger) -> None:
    """The units of our own order, and the numbers that stand with the entry."""
    order = await ordered(ledger)
    await ledger.quota.consume(ANA, 20, key="m")
    first, second = await settle(ledger, order), await settle(ledger, order)
    notice = await ledger.notices.claim()
    paid = await ledger.purchases.order(order.id)

    assert (first, second) == (Settlement.CREDITED, Settlement.ALREADY_CREDITED)
    assert (paid.state, paid.paid_ms, paid.payment) == ("paid", ledger.clock(), "pi_cs_test_1")
    assert notice is not None
    assert (notice.account, notice.kind, notice.locale) == (ANA, "purchase", "fr")
    assert notice.facts == {
        "order": order.id,
        "package": "quota_1000",
        "metric": "requests",
        "units": 1000,
        "price_minor": 1499,
        "currency": "EUR",
        "account": "user:1",
        "before": 0,
        "after": 1000,
        "total": 1030,
        "entry": 2,
    }
    assert ledger.notices.wake.of("dm").is_set()
    await assert_sound(ledger)


async def test_twenty_deliveries_at_once_credit_once(ledger: OpenLedger) -> None:
    """F30: whoever comes second finds the order paid."""
    order = await ordered(ledger)
    settled = await asyncio.gather(*(settle(ledger, order) for _ in range(20)))

    assert settled.count(Settlement.CREDITED) == 1
    assert settled.count(Settlement.ALREADY_CREDITED) == 19
    assert await bought(ledger) == 1000
    assert await ledger.rows("SELECT outcome, attempts FROM deliveries") == [("credited", 20)]
    await assert_sound(ledger)


async def test_who_receives_is_credited_and_who_pays_is_told(ledger: OpenLedger) -> None:
    """A member buys for the server."""
    order = await ordered(ledger, account=TEAM)
    await settle(ledger, order)
    notice = await ledger.notices.claim()

    assert (await bought(ledger, TEAM), await bought(ledger, ANA)) == (1000, 0)
    assert notice is not None
    assert (notice.account, notice.facts["account"]) == (ANA, "guild:7")


async def test_who_receives_is_heard_of_by_its_own_recipients(ledger: OpenLedger) -> None:
    """A project's, with what was bought for it and taken back; the operators' and the buyer's once each."""
    recipients, project = ledger.messages.recipients, AccountRef("external", "project")
    hooks = {
        name: (await recipients.add(account, "webhook", f"https://{name}.example/")).id
        for name, account in (("buyer", ANA), ("project", project), ("operators", None), ("other", BEN))
    }
    order = await ordered(ledger, account=project)
    for status in ("pending", "paid"):
        await settle(ledger, order, status)
    await report(ledger, refund(order, PRICE_MINOR))
    told = await ledger.rows("SELECT target, kind, account FROM notices WHERE target <> '' ORDER BY id")
    kinds_of = {
        name: [kind for target, kind, _ in told if target == str(hook)] for name, hook in hooks.items()
    }
    said = ["payment_pending", "purchase", "reversal"]

    assert kinds_of == {"buyer": said, "project": said, "operators": said, "other": []}
    # Screening sends nothing to a recipient of another account than the notice's.
    assert len({account for target, _, account in told if target == str(hooks["project"])}) == 1


@pytest.mark.parametrize(
    "reports",
    [order for size in (1, 2, 3, 4) for order in combinations(sorted(STATUSES), size)],
    ids="+".join,
)
async def test_any_order_of_reports_ends_in_the_same_state(
    ledger: OpenLedger, reports: tuple[str, ...]
) -> None:
    """F31: every permutation, with every report delivered twice, leaves the same order and the same units."""
    ends = set()
    for number, order_of_reports in enumerate(permutations(reports)):
        account = AccountRef("user", str(1000 + number))
        order = await ordered(ledger, account=account)
        for status, _ in product(order_of_reports, range(2)):
            await settle(ledger, order, status)
        ends.add(((await ledger.purchases.order(order.id)).state, await bought(ledger, account)))
    rank = ("paid", "failed", "pending", "expired")
    expected = next(state for state in rank if state in reports)

    assert ends == {(expected, 1000 if expected == "paid" else 0)}
    await assert_sound(ledger)


async def test_each_turn_of_a_delayed_payment_is_told_once(ledger: OpenLedger) -> None:
    """On its way, then credited; or on its way, then failed, and paid by a new order."""
    order = await ordered(ledger)
    settled = [await settle(ledger, order, status) for status in ("pending", "pending", "paid", "expired")]
    other = await ordered(ledger, "quota_500")
    failed = [await settle(ledger, other, status) for status in ("pending", "failed", "failed")]
    again = await ordered(ledger, "quota_500")

    assert settled == [Settlement.PENDING, Settlement.UNCHANGED, Settlement.CREDITED, Settlement.UNCHANGED]
    assert failed == [Settlement.PENDING, Settlement.FAILED, Settlement.UNCHANGED]
    assert await kinds(ledger) == ["payment_pending", "purchase", "payment_pending", "payment_failed"]
    assert again.id != other.id


async def test_a_purchase_pays_debt_first(ledger: OpenLedger) -> None:
    """P4: what is owed never reaches the balance, and the notice says what did."""
    await owe_units(ledger, ANA, "requests", 300)
    order = await ordered(ledger)
    spend = await ledger.quota.consume(ANA, 5, key="m")
    await settle(ledger, order)
    part = (await ledger.balances.of(ANA)).of("requests")
    notice = await ledger.notices.claim()

    assert spend.from_allowance == 5
    assert part is not None
    assert (part.debt, part.purchased, part.purchased_left) == (0, 700, 700)
    assert notice is not None
    assert (notice.facts["units"], notice.facts["before"], notice.facts["after"]) == (1000, 0, 700)
    await assert_sound(ledger)


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"amount_subtotal_minor": 1498}, "amount is 1498 instead of 1499"),
        ({"amount_subtotal_minor": None}, "amount is None instead of 1499"),
        ({"currency": "usd"}, "currency is usd"),
        ({"currency": None}, "currency is None"),
        ({"mode": "subscription"}, "mode is subscription"),
        ({"mode": None}, "mode is None"),
        ({"livemode": True}, "livemode is True"),
        ({"discount_minor": 1}, "there is a discount of 1"),
        ({"reference": "cs_test_99"}, "another payment page than the order's"),
        ({"order_id": "ord_none"}, "unknown order"),
        ({"order_id": None}, "unknown order"),
    ],
    ids=lambda value: "-".join(map(str, *value.items())) if isinstance(value, dict) else "",
)
async def test_a_report_that_differs_credits_nothing_and_is_held(
    ledger: OpenLedger, changes: dict[str, Any], difference: str
) -> None:
    """F34: kept for an operator, who is told once; the right report still credits afterwards."""
    order = await ordered(ledger)
    held = [await settle(ledger, order, event_id="evt_wrong", **changes) for _ in range(2)]
    notice = await ledger.notices.claim()
    outcome = await ledger.rows("SELECT outcome FROM deliveries WHERE id = 'evt_wrong'")

    assert held == [Settlement.MISMATCH, Settlement.MISMATCH]
    assert outcome == [(f"mismatch: {difference}",)]
    assert notice is not None
    assert (notice.account, notice.kind, notice.facts["difference"]) == (
        OPERATOR_ACCOUNT,
        "payment_held",
        difference,
    )
    assert await ledger.notices.claim() is None
    assert await bought(ledger) == 0
    assert (await ledger.statistics.now()).held == 1
    assert await settle(ledger, order) is Settlement.CREDITED


@pytest.mark.parametrize("changes", [{"tax_minor": 285}, {"currency": "EUR"}, {"payment": None}])
async def test_a_report_that_only_adds_is_credited(ledger: OpenLedger, changes: dict[str, Any]) -> None:
    """Tax comes on top of the subtotal; spelling and a missing payment id change nothing."""
    order = await ordered(ledger)

    assert await settle(ledger, order, **changes) is Settlement.CREDITED
    assert await ledger.rows("SELECT tax_minor FROM orders") == [(changes.get("tax_minor", 0),)]


@pytest.mark.parametrize("status", ["failed", "expired"])
async def test_a_page_that_came_to_nothing_need_not_agree_on_amounts(ledger: OpenLedger, status: str) -> None:
    """There is nothing to credit; the order is closed all the same."""
    order = await ordered(ledger)
    await settle(ledger, order, status, amount_subtotal_minor=None, currency=None)

    assert (await ledger.purchases.order(order.id)).state == status


async def test_what_is_not_ours_is_ignored(ledger: OpenLedger) -> None:
    """Another product on the same account: no alert, no trace but the delivery."""
    order = await ordered(ledger)
    settlement = await settle(ledger, order, order_id="someone else's", ours=False)
    await ledger.settlements.record("evt_other", "invoice.paid", None, "{}")
    await ledger.settlements.ignore("evt_other")

    assert settlement is Settlement.NOT_OURS
    assert await kinds(ledger) == []
    assert await ledger.rows("SELECT DISTINCT outcome FROM deliveries") == [("ignored",)]


async def test_a_payment_three_days_late_is_credited(ledger: OpenLedger) -> None:
    """F32: after its page expired, its package left the catalog, and a restart."""
    order = await ordered(ledger)
    await settle(ledger, order, "expired")
    ledger.clock.move(days=3)
    ledger.book.catalog = ledger.catalog.model_copy(update={"packages": {}})

    assert await settle(ledger, order) is Settlement.CREDITED
    assert await bought(ledger) == 1000


async def test_bought_units_may_end_with_the_window(ledger: OpenLedger) -> None:
    """A package whose units expire with the period ends with the longest window of the buyer's plan."""
    package = ledger.catalog.packages["quota_500"].model_copy(update={"expires": "period"})
    ledger.book.catalog = ledger.catalog.model_copy(update={"packages": {"quota_500": package}})
    order = await ordered(ledger, "quota_500")
    await settle(ledger, order)
    today = (await ledger.balances.of(ANA)).of("requests")
    ledger.clock.move(days=1)
    tomorrow = (await ledger.balances.of(ANA)).of("requests")

    assert today is not None
    assert tomorrow is not None
    assert (today.expiring_left, today.total_left, today.purchased) == (500, 550, 0)
    assert (tomorrow.expiring_left, tomorrow.total_left) == (0, 50)
    assert await ledger.rows("SELECT expires_ms FROM lots") == [(DAY_MS * (ledger.clock() // DAY_MS),)]


async def test_nothing_is_settled_while_writes_are_stopped(ledger: OpenLedger) -> None:
    """The provider is told to come back, and then it is credited."""
    order = await ordered(ledger)
    ledger.database.halt("an invariant is broken")
    with pytest.raises(HaltedError):
        await settle(ledger, order)

    assert await kinds(ledger) == []


@pytest.mark.parametrize("turns", range(8))
async def test_a_settlement_that_is_cut_off_is_whole_or_not_there(ledger: OpenLedger, turns: int) -> None:
    """Entry, order, lot and notice stand together, and the next delivery finds out which."""
    order = await ordered(ledger)
    task = asyncio.create_task(settle(ledger, order))
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    rows = await ledger.rows(
        "SELECT (SELECT count(*) FROM entries), (SELECT count(*) FROM orders WHERE state = 'paid'), "
        "(SELECT count(*) FROM lots), (SELECT count(*) FROM notices)"
    )
    await settle(ledger, order)

    assert rows in ([(0, 0, 0, 0)], [(1, 1, 1, 1)])
    assert await bought(ledger) == 1000
    assert await kinds(ledger) == ["purchase"]
    await assert_sound(ledger)


async def test_one_page_for_two_orders_is_a_mismatch(ledger: OpenLedger) -> None:
    """A report that names an order without a page, on the page of another order: held, never an exception."""
    paid = await ordered(ledger)
    opened = await ledger.purchases.begin(BEN, "quota_500", buyer=BEN, locale="en")
    await ledger.execute("UPDATE orders SET reference = NULL, url = NULL WHERE id = $1", opened.order_id)
    unbound = await ledger.purchases.order(opened.order_id)

    assert await ledger.settlements.settle(payment_of(unbound, str(paid.reference))) is Settlement.MISMATCH
