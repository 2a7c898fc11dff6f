"""A metric, a plan, a package or a service that left the catalog, while rows still name it."""

import pytest

from quota_core.accounts import AccountRef
from quota_core.catalog_file import parse
from quota_core.errors import UnknownMetricError, UnknownPackageError, UnknownPlanError, UnknownServiceError
from quota_core.proof import Proof
from quota_core.settlement import Settlement
from quota_core.usage import Usage
from tests.core.catalogs import everything
from tests.core.opened_ledger import OPERATOR, Place, SteerableClock, open_ledger, payment_of
from tests.core.reversing import refund, report

ANA, BEN = AccountRef("user", "1"), AccountRef("user", "2")
# Of tests/core/catalogs.py, what is left when renders, pro, both packages and both services went.
LESS = """
currency = "EUR"
default_plan = "free"
primary_metric = "requests"
[metrics.requests]
label = { en = "requests", fr = "requêtes" }
[plans.free]
rank = 0
label = { en = "Free", fr = "Gratuit" }
description = { en = "A little", fr = "Un peu" }
[[plans.free.allowances]]
metric = "requests"
limit = 10
period = "day"
"""


async def test_what_is_named_still_can_be_paid_ended_told_and_proved(
    place: Place, clock: SteerableClock
) -> None:
    """Who was on the plan is on the default one; an open page can be paid; holds end; nothing is lost."""
    ledger = await open_ledger(place, catalog=everything(), clock=clock)
    await ledger.grants.set_plan(ANA, "pro", until_ms=None, actor=OPERATOR, reason="", key="p")
    await ledger.quota.consume(ANA, 2, key="call", service="search")
    await ledger.grants.add(ANA, 9, actor=OPERATOR, reason="", key="g", metric="renders")
    await ledger.quota.consume(ANA, 5, key="r", metric="renders")
    for key in ("settled", "released", "expired"):
        await ledger.quota.hold(ANA, 1, key=key, metric="renders", ttl_seconds=60)
    opened = await ledger.purchases.begin(ANA, "five", buyer=ANA, locale="en")
    order = await ledger.purchases.order(opened.order_id)
    ledger.catalog = parse(LESS, name="less.toml")
    ledger = await ledger.reopened()

    for refused, work in (
        (UnknownMetricError, lambda: ledger.quota.consume(ANA, 1, key="no", metric="renders")),
        (UnknownServiceError, lambda: ledger.quota.consume(ANA, 1, key="no", service="search")),
        (UnknownPackageError, lambda: ledger.purchases.begin(BEN, "five", buyer=BEN, locale="en")),
        (
            UnknownPlanError,
            lambda: ledger.grants.set_plan(BEN, "pro", until_ms=None, actor=OPERATOR, reason="", key="no"),
        ),
    ):
        with pytest.raises(refused):
            await work()
    end = await ledger.quota.settle(ANA, key="settled", units=1)
    await ledger.quota.release(ANA, key="released")
    back = await ledger.quota.give_back(ANA, key="r")
    clock.move(seconds=61)
    await ledger.quota.holds.end_due()
    settled = await ledger.settlements.settle(payment_of(order, str(order.reference)))
    await report(ledger, refund(order, order.price_minor))
    spend = await ledger.quota.consume(ANA, 4, key="more")
    balance = await ledger.balances.of(ANA)
    page = await ledger.history.page(ANA, 1)
    await Usage(ledger.database, ledger.book, clock=clock).catch_up()
    held = await ledger.rows("SELECT count(*) FROM holds WHERE state = 'held'")

    assert settled is Settlement.CREDITED
    assert (end.units_used, back, held) == (1, 5, [(0,)])
    assert (balance.plan, balance.of("renders")) == ("free", None)
    assert spend.allowance_left == 0
    assert [line.kind for line in page.lines] == ["take_back", "purchase", "grant", "plan"]
    assert (await Proof(ledger.database).verify()).problems == []
    await ledger.close()

    ledger.catalog = everything()
    ledger = await open_ledger(place, catalog=everything(), clock=clock)
    renders = (await ledger.balances.of(ANA)).of("renders")

    assert renders is not None
    assert (renders.held, renders.windows[0].used, renders.purchased_left) == (0, 0, 8)
    assert (await ledger.balances.of(ANA)).plan == "pro"
    await ledger.close()
