"""A ledger with a past of every kind: each table has rows, each column says something."""

from quota_core.accounts import AccountRef
from quota_core.after_sale import Movement
from quota_core.corrections import Corrections
from quota_core.operators import Actor
from quota_core.pool_caps import Draw
from quota_core.store.orders import OrderRow
from quota_core.usage import Usage
from tests.core.opened_ledger import OPERATOR, OpenLedger, owe_units, payment_of
from tests.core.reversing import dispute, ordered, pay, refund, report

ANA, BEN, TEAM, CARL = (
    AccountRef("user", "1"),
    AccountRef("user", "2"),
    AccountRef("guild", "1"),
    AccountRef("user", "3"),
)

DORA = AccountRef("user", "4")
MANAGER = Actor(user_id=5, guild_id=1, manages_guild=True)
PROJECT, HOUSE = AccountRef("external", "project:x"), AccountRef("external", "team:x")


async def paid(ledger: OpenLedger, package: str) -> OrderRow:
    """Return a paid order of Dora's."""
    opened = await ordered(ledger, package, DORA)
    await pay(ledger, opened)
    return opened


async def order(ledger: OpenLedger, account: AccountRef, package: str, status: str | None) -> None:
    """Order a package for an account, paid by Ana, and report how its payment stands."""
    opened = await ledger.purchases.begin(account, package, buyer=ANA, locale="fr")
    row = await ledger.purchases.order(opened.order_id)
    if status is not None:
        await ledger.settlements.settle(payment_of(row, str(row.reference), status))


async def lived_in(ledger: OpenLedger) -> None:
    """Use everything, over two days."""
    await ledger.quota.consume(ANA, 7, key="a1")
    await ledger.messages.recipients.add(TEAM, "channel", "1101500000000000001")
    await order(ledger, ANA, "five", "paid")
    await order(ledger, ANA, "eight", "paid")
    await ledger.quota.consume(ANA, 8, key="a2")
    await ledger.quota.consume(ANA, 1, key="a3")
    await ledger.quota.give_back(ANA, key="a3")
    await ledger.grants.add(ANA, 30, actor=OPERATOR, reason="thanks", key="g1")
    await ledger.grants.remove(ANA, 4, actor=OPERATOR, reason="too many", key="g2")
    await ledger.grants.set_plan(ANA, "charged", until_ms=None, actor=OPERATOR, reason="asked", key="p1")
    await ledger.quota.consume(ANA, 3, key="a4", metric="renders")
    until_ms = ledger.clock() + 999_999_999
    await ledger.grants.set_plan(BEN, "pro", until_ms=until_ms, actor=OPERATOR, reason="trial", key="p2")
    await ledger.quota.consume(BEN, 5, key="b1")
    await ledger.quota.consume(BEN, 2, key="b2", metric="renders")
    await owe_units(ledger, BEN, "requests", 3)
    await order(ledger, BEN, "eight", "paid")
    await owe_units(ledger, BEN, "requests", 6)
    ledger.clock.move(days=1)
    await ledger.quota.consume(ANA, 2, key="a5")
    await ledger.quota.consume(ANA, 1, key="a6", metric="renders")
    await ledger.quota.consume(TEAM, 12, key="t1", payers=(ANA,))
    await ledger.quota.consume(BEN, 1, key="b3")
    await ledger.quota.consume(BEN, 1, key="b4", metric="renders")
    await ledger.quota.hold(CARL, 4, key="h1", ttl_seconds=60)
    await ledger.quota.hold(CARL, 2, key="h2")
    await ledger.quota.release(CARL, key="h2")
    await ledger.quota.hold(CARL, 7, key="h3", payers=(TEAM, ANA))
    await ledger.quota.settle(CARL, key="h3", units=5)
    await ledger.quota.hold(CARL, 2, key="h4", payers=(ANA,), ttl_seconds=80_000)
    corrections = Corrections(ledger.database, ledger.book, clock=ledger.clock)
    for percent in (60, 30):
        await corrections.bring_to(ANA, percent, metric="requests", actor="terminal:root", reason="try")
    await ledger.grants.block(CARL, actor=OPERATOR, reason="spam", key="k1")
    await ledger.grants.block(BEN, actor=OPERATOR, reason="spam too", key="k2")
    await ledger.grants.unblock(BEN, actor=OPERATOR, reason="a mistake", key="k3")
    await ledger.quota.consume(PROJECT, 1, key="x0")
    await ledger.grants.set_parent(PROJECT, HOUSE, actor=OPERATOR, reason="a project of theirs", key="k4")
    await ledger.quota.consume(PROJECT, 3, key="x1")
    for status in ("pending", "failed", "expired", None):
        await order(ledger, TEAM, "five", status)
    await ledger.purchases.viewed(CARL, "shop")
    await Usage(ledger.database, ledger.book, clock=ledger.clock).catch_up()
    await ledger.quota.set_level(CARL, 4, metric="space", key="s1")
    end_ms = ledger.clock() + 99_999_999_999
    await ledger.grants.set_plan(
        ANA, "free", until_ms=end_ms, at="period_end", actor=OPERATOR, reason="less", key="p3"
    )
    bonus_end_ms = ledger.clock() + 9_999_999
    await ledger.grants.add(CARL, 3, actor=OPERATOR, reason="bonus", key="g3", expires_ms=bonus_end_ms)
    await after_sale(ledger)
    await messages(ledger)


async def after_sale(ledger: OpenLedger) -> None:
    """Take back, freeze and give again what was bought; draw from a server, and share out what it owns."""
    first, second = await paid(ledger, "five"), await paid(ledger, "eight")
    await report(ledger, refund(first, 150))
    await report(ledger, refund(first, 150, failed=True))
    await report(ledger, dispute(second, amount_minor=399))
    await report(ledger, dispute(second, Movement.WON, amount_minor=399))
    await ledger.grants.add(TEAM, 9, actor=OPERATOR, reason="theirs", key="g4")
    await ledger.quota.consume(DORA, 1, key="d0")
    draw = Draw(TEAM, first=True, caps=(("day", 6),))
    operation = ledger.quota.operation(DORA, 2, key="d1", payers=(TEAM,))._replace(draw=draw)
    await ledger.quota.consume_many([operation])
    await ledger.transfers.move(1, DORA, 4, actor=MANAGER, key="m1")


async def messages(ledger: OpenLedger) -> None:
    """Owe what is told of nobody's purchase: thresholds, payments that nobody ordered, recipients."""
    await ledger.messages.alerts.route()
    unpaid = await ordered(ledger, "five", DORA)
    stranger = payment_of(unpaid, str(unpaid.reference), currency="usd")
    await ledger.settlements.settle(stranger)
    address = await ledger.messages.recipients.add(DORA, "email", "dora@example.org", proved=True)
    await ledger.messages.resending.test(DORA, address.id)
    await ledger.messages.recipients.add(DORA, "email", "d@example.org")
