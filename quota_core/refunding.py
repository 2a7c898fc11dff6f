"""
Refunds that an operator asks for: of what is left of a paid order, through the provider, once.

The call's idempotency key is `order:{id}:refund:{n}`; n grows only after an answer that the provider would give
again for ever, or after a refund that failed. So two presses, or a press whose answer got lost, are one refund.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Protocol

from quota_core.accounts import AccountRef
from quota_core.after_sale import REFUND_FAILED, Reversal, standing_of
from quota_core.database import Database
from quota_core.errors import QuotaError, UnavailableError, UnknownOrderError
from quota_core.operators import Actor, Operators
from quota_core.reversals import Reversals
from quota_core.statements import Work
from quota_core.store import orders as order_rows
from quota_core.store import reversals as rows

log = logging.getLogger(__name__)


class RefundRefusedError(QuotaError):
    """
    Nothing was refunded.

    Attributes:
        reason: unconfigured, unpaid, nothing_left, disputed, no_money, forbidden, rejected or unavailable.
        stored_failure: the provider answered with a failure that it will repeat for the same idempotency key.

    """

    def __init__(self, reason: str, *, stored_failure: bool = False) -> None:
        self.reason = reason
        self.stored_failure = stored_failure
        super().__init__(f"not refunded: {reason}")


class Refunder(Protocol):
    """What the core needs of a payment provider; implemented at the edge."""

    async def refund(self, payment: str, *, order_id: str, idempotency_key: str) -> Reversal:
        """
        Refund what is left of a payment, or return the refund that was made under this key.

        Raises:
            RefundRefusedError: nothing was refunded by this call.

        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Refundable:
    """A paid order as far as it can be refunded; amounts are minor units, tax included."""

    order_id: str
    payment: str
    account: AccountRef
    package: str
    metric: str
    units: int
    currency: str
    paid_minor: int
    returned_minor: int
    attempt: int

    @property
    def left_minor(self) -> int:
        """What is left to refund."""
        return self.paid_minor - self.returned_minor


class Refunding:
    """Look at an order, and refund it; for operators only, checked here too and not just at the edge."""

    def __init__(
        self, database: Database, refunder: Refunder | None, reversals: Reversals, operators: Operators
    ) -> None:
        self._database = database
        self._refunder = refunder
        self._reversals = reversals
        self._operators = operators

    async def look(self, order_id: str, *, actor: Actor) -> Refundable:
        """
        Return what of an order can be refunded.

        Raises:
            NotAllowedError, UnknownOrderError: for that reason.
            RefundRefusedError: it was not paid, nothing is left of it, it is disputed, or no provider is set up.

        """
        self._operators.require(actor)
        if self._refunder is None:
            raise RefundRefusedError("unconfigured")
        return await self._database.read(lambda: self._look(order_id))

    def _look(self, order_id: str) -> Work[Refundable]:
        order = yield from order_rows.by_id(order_id)
        if order is None:
            raise UnknownOrderError(order_id)
        if order.state != "paid" or order.payment is None:
            raise RefundRefusedError("unpaid")
        sale = yield from rows.sale(order_id)
        reports = yield from rows.reported(order.payment)
        paid_minor = order.price_minor + sale.tax_minor
        standing = standing_of(reports, currency=order.currency, paid_minor=paid_minor)
        if standing.disputed:
            raise RefundRefusedError("disputed")
        if standing.returned_minor >= paid_minor:
            raise RefundRefusedError("nothing_left")
        failed = sum(one.kind == "refund" and one.standing >= REFUND_FAILED for one in reports)
        stored = yield from rows.refund_attempts(order_id)
        return Refundable(
            order_id=order_id,
            payment=order.payment,
            account=AccountRef(*order.account_ref),
            package=order.package,
            metric=order.metric,
            units=order.units,
            currency=order.currency,
            paid_minor=paid_minor,
            returned_minor=standing.returned_minor,
            attempt=1 + failed + stored,
        )

    async def refund(self, order_id: str, *, actor: Actor) -> Reversal:
        """
        Refund what is left of an order, and apply that at once; a later report of it changes nothing more.

        Raises:
            NotAllowedError, UnknownOrderError, RefundRefusedError: nothing was refunded by this call.

        """
        order = await self.look(order_id, actor=actor)
        assert self._refunder is not None
        try:
            made = await self._refunder.refund(
                order.payment,
                order_id=order_id,
                idempotency_key=f"order:{order_id}:refund:{order.attempt}",
            )
        except RefundRefusedError as error:
            if error.stored_failure:
                await self._database.write(lambda: rows.add_refund_attempt(order_id))
            raise
        log.warning("%s refunded %s of order %s (%s)", actor, made.amount_minor, order_id, made.reference)
        try:
            await self._reversals.report(made)
        except UnavailableError:
            log.warning("refund %s is applied once the provider reports it", made.reference)
        return made
