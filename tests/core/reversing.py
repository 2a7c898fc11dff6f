"""Reports of refunds and disputes, as the provider makes them of a purchase in a test."""

from quota_core.accounts import AccountRef
from quota_core.after_sale import (
    DISPUTED,
    REFUND_FAILED,
    REFUND_STANDS,
    Kind,
    Movement,
    Reversal,
    moved,
)
from quota_core.reversals import Reversed
from quota_core.store.orders import OrderRow
from tests.core.opened_ledger import OpenLedger, payment_of

ANA = AccountRef("user", "1")
PRICE_MINOR = 1499


async def ordered(ledger: OpenLedger, package: str = "quota_1000", account: AccountRef = ANA) -> OrderRow:
    """Open an order with its page."""
    opened = await ledger.purchases.begin(account, package, buyer=account, locale="fr")
    return await ledger.purchases.order(opened.order_id)


async def pay(ledger: OpenLedger, order: OrderRow) -> None:
    """Report that it was paid."""
    await ledger.settlements.settle(payment_of(order, str(order.reference)))


async def bought(ledger: OpenLedger, account: AccountRef = ANA) -> OrderRow:
    """Return a paid order of 1000 units."""
    order = await ordered(ledger, account=account)
    await pay(ledger, order)
    return order


def reversal(order: OrderRow, kind: Kind, reference: str, amount_minor: int, standing: int) -> Reversal:
    """Return a report about the order's payment."""
    return Reversal(
        event_id=f"evt_{reference}_{standing}_{amount_minor}",
        kind=kind,
        reference=reference,
        payment=f"pi_{order.reference}",
        amount_minor=amount_minor,
        currency=order.currency.lower(),
        standing=standing,
        livemode=order.livemode,
    )


def refund(order: OrderRow, amount_minor: int, name: str = "re_1", *, failed: bool = False) -> Reversal:
    """Return what `refund.created` or `refund.failed` says."""
    return reversal(order, "refund", name, amount_minor, REFUND_FAILED if failed else REFUND_STANDS)


def refunded(order: OrderRow, amount_minor: int) -> Reversal:
    """Return what `charge.refunded` says: how much of the payment was refunded so far."""
    return reversal(order, "sum", f"pi_{order.reference}", amount_minor, 0)


def dispute(
    order: OrderRow, movement: Movement | None = None, *, at: int = 100, amount_minor: int = PRICE_MINOR
) -> Reversal:
    """Return what an event of a chargeback says."""
    standing = DISPUTED if movement is None else moved(at, movement)
    return reversal(order, "dispute", "du_1", amount_minor, standing)


async def report(ledger: OpenLedger, *reports: Reversal) -> list[Reversed]:
    """Deliver reports one after the other."""
    return [await ledger.settlements.reversals.report(one) for one in reports]


async def holds(ledger: OpenLedger, account: AccountRef = ANA) -> tuple[int, int, int]:
    """Return (bought units left, units on hold, units owed)."""
    part = (await ledger.balances.of(account)).of("requests")
    return (0, 0, 0) if part is None else (part.purchased_left, part.frozen, part.debt)
