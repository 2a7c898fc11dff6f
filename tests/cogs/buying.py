"""A purchase of the member, without a page to pay on."""

from quota_core.accounts import AccountRef
from quota_core.settlement import Payment, Settlement
from sandbox.places import MEMBER_ID
from tests.cogs.stack import Core

MEMBER = AccountRef("user", str(MEMBER_ID))


async def bought(
    core: Core, *, locale: str = "en-US", status: str = "paid", amount_minor: int = 1499
) -> Settlement:
    """Let the member buy 1,000 requests, and report `status` of its payment."""
    opened = await core.parts.purchases.begin(MEMBER, "quota_1000", buyer=MEMBER, locale=locale)
    order = await core.parts.purchases.order(opened.order_id)
    return await core.settlements.settle(
        Payment(
            event_id=f"evt_{opened.order_id}_{status}",
            status=status,  # type: ignore[arg-type] # one of the four
            order_id=opened.order_id,
            reference=order.reference or "",
            amount_subtotal_minor=amount_minor,
            discount_minor=0,
            tax_minor=0,
            currency="eur",
            mode="payment",
            livemode=False,
            payment=None,
            ours=True,
        )
    )
