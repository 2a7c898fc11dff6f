"""
What a report of a payment does to our order: one credit for one payment, whatever is repeated or reordered.

States only move up: open, expired and failed may become pending or paid; paid stays. Everything is compared with
the order, and a report that differs changes nothing and is kept for an operator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Literal

from quota_core import ledger, witnesses
from quota_core.accounts import AccountRef
from quota_core.balances import lots_left, total_left
from quota_core.book import Book
from quota_core.crash_points import crash_point
from quota_core.database import Database
from quota_core.keys import key_bytes
from quota_core.ledger import EntryKind, Payer
from quota_core.notices import Notices
from quota_core.posting import Posting
from quota_core.reversals import Reversals, turn_of
from quota_core.statements import Work
from quota_core.store import orders as order_rows
from quota_core.store.erasures import ERASED
from quota_core.store.orders import OrderRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """
    What the provider reports of one payment page, in its own words but for names.

    `ours` says that it claims to be a purchase of this program, so that an unknown order is worth an alert.
    Amounts are minor units; tax may only add to the subtotal, and a discount is never expected.
    """

    event_id: str
    status: Literal["paid", "pending", "failed", "expired"]
    order_id: str | None
    reference: str
    amount_subtotal_minor: int | None
    discount_minor: int
    tax_minor: int
    currency: str | None
    mode: str | None
    livemode: bool
    payment: str | None
    ours: bool


class Settlement(Enum):
    """What became of a report."""

    CREDITED = "credited"
    ALREADY_CREDITED = "already credited"
    PENDING = "pending"
    FAILED = "failed"
    EXPIRED = "expired"
    UNCHANGED = "unchanged"
    MISMATCH = "mismatch"
    NOT_OURS = "not ours"


class Settlements:
    """
    Apply reports of payments.

    Attributes:
        reversals: what applies reports of refunds and disputes.

    """

    def __init__(
        self,
        database: Database,
        book: Book,
        notices: Notices,
        *,
        operators: Iterable[AccountRef],
        default_locale: str,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._book = book
        self._notices = notices
        self._operators = tuple(operators)
        self._default_locale = default_locale
        self._clock = clock
        self.reversals = Reversals(
            database,
            book,
            notices,
            operators=self._operators,
            default_locale=default_locale,
            clock=clock,
        )

    async def record(
        self, event_id: str, kind: str, object_id: str | None, body: str, *, at_ms: int | None = None
    ) -> None:
        """Keep what a delivery said, before and apart from what it leads to; `at_ms` unless it is of now."""
        now_ms = self._clock() if at_ms is None else at_ms
        await self._database.write(lambda: order_rows.add_delivery(event_id, kind, object_id, body, now_ms))
        crash_point("webhook.04.delivery_stored")

    async def is_credited(self, reference: str) -> bool:
        """Tell whether the order of a payment page is paid."""
        order = await self._database.read(lambda: order_rows.by_reference(reference))
        return order is not None and order.state == "paid"

    async def ignore(self, event_id: str) -> None:
        """Record that a delivery means nothing to us."""
        now_ms = self._clock()
        await self._database.write(lambda: order_rows.set_outcome(event_id, "ignored", now_ms))

    async def settle(self, payment: Payment) -> Settlement:
        """
        Apply one report, in one transaction with its outcome and the notice it causes.

        Raises:
            UnavailableError: nothing was changed; the provider must report again.

        """
        settlement = await self._database.write(lambda: self._settle(payment))
        crash_point("webhook.11.committed")
        self._notices.wake.set()
        return settlement

    def _settle(self, payment: Payment) -> Work[Settlement]:
        crash_point("webhook.05.begun")
        now_ms = self._clock()
        if payment.payment is not None:
            yield turn_of(payment.payment)
        # Locked: of two reports of one payment, the second waits here and then sees what the first one did.
        order = None if payment.order_id is None else (yield from order_rows.locked(payment.order_id))
        owner = yield from order_rows.by_reference(payment.reference)
        difference = _difference(order, owner, payment)
        if order is None and not payment.ours:
            settlement, outcome = Settlement.NOT_OURS, "ignored"
        elif order is None or difference is not None:
            settlement, outcome = Settlement.MISMATCH, f"mismatch: {difference}"
            yield from self._alert(payment, difference or "unknown order", now_ms)
            if order is not None and order.reference == payment.reference:
                # Its page is used up, so that it must not be handed out again.
                yield from order_rows.end(order.id)
        else:
            if order.reference is None:
                # Its report came before the answer to our own call: the page is bound to its order now.
                yield from order_rows.bind(order.id, payment.reference)
            settlement = yield from self._advance(order, payment, now_ms)
            outcome = settlement.value
        yield from order_rows.set_outcome(payment.event_id, outcome, now_ms)
        crash_point("webhook.06.outcome_row")
        crash_point("webhook.10.before_commit")
        return settlement

    def _advance(self, order: OrderRow, payment: Payment, now_ms: int) -> Work[Settlement]:
        if order.state == "paid":
            return Settlement.ALREADY_CREDITED if payment.status == "paid" else Settlement.UNCHANGED
        if payment.status == "paid":
            yield from self._credit(order, payment, now_ms)
            return Settlement.CREDITED
        if payment.status == "pending" and order.state in ("open", "expired"):
            yield from order_rows.set_state(order.id, "pending", payment.payment)
            yield from self._tell(order, "payment_pending", {}, now_ms)
            return Settlement.PENDING
        if payment.status == "failed" and order.state != "failed":
            yield from order_rows.set_state(order.id, "failed", payment.payment)
            yield from self._tell(order, "payment_failed", {}, now_ms)
            return Settlement.FAILED
        if payment.status == "expired" and order.state == "open":
            yield from order_rows.set_state(order.id, "expired", None)
            return Settlement.EXPIRED
        return Settlement.UNCHANGED

    def _credit(self, order: OrderRow, payment: Payment, now_ms: int) -> Work[None]:
        account = AccountRef(*order.account_ref)
        states = yield from self._book.states_of([account], now_ms=now_ms, create=True)
        payers = yield from self._book.payers([(states[account], order.metric)], now_ms)
        payer = payers[states[account].id, order.metric]
        posting = Posting(self._book, now_ms)
        yield from posting.begin()
        before = lots_left(payer, order.metric, now_ms)
        lot = yield from self._book.add_lot(
            payer.state,
            order.metric,
            source="purchase",
            order_id=order.id,
            units=order.units,
            expires_ms=_expiry_ms(order, payer),
            now_ms=now_ms,
        )
        draft = ledger.bring(payer.state, EntryKind.PURCHASE, order.metric, order.units, lot.id)
        witness = witnesses.paid(
            order.id, payment.reference, payment.payment or order.payment, payment.tax_minor, order.parameters
        )
        draft = replace(draft, parts=(*draft.parts, witness))
        # The key is the payment's, so that even two orders could not be credited for one payment.
        entry = posting.append(draft, key_bytes(f"{order.rail}:{payment.reference}"), payer.windows)
        posting.close()
        yield from posting.write()
        yield from order_rows.set_paid(
            order.id, entry=entry.id, payment=payment.payment, tax_minor=payment.tax_minor, now_ms=now_ms
        )
        facts = {
            "before": before,
            "after": lots_left(payer, order.metric, now_ms),
            "total": total_left(payer, order.metric, now_ms),
            "entry": entry.id,
        }
        yield from self._tell(order, "purchase", facts, now_ms)
        yield from self.reversals.after_credit(order.id, now_ms)

    def _tell(self, order: OrderRow, kind: str, facts: dict[str, int | None], now_ms: int) -> Work[None]:
        buyer, receiver = AccountRef(*order.buyer_ref), AccountRef(*order.account_ref)
        states = yield from self._book.states_of([buyer, receiver], now_ms=now_ms, create=True)
        about = {
            "order": order.id,
            "package": order.package,
            "metric": order.metric,
            "units": order.units,
            "price_minor": order.price_minor,
            "currency": order.currency,
            "account": str(receiver),
            **facts,
        }
        yield from self._notices.owe_sale(
            *(states[buyer], states[receiver], kind, order.id, about), locale=order.locale, now_ms=now_ms
        )
        crash_point("webhook.09.notice_row")

    def _alert(self, payment: Payment, difference: str, now_ms: int) -> Work[None]:
        states = yield from self._book.states_of(self._operators, now_ms=now_ms, create=True)
        facts = {
            "difference": difference,
            "event": payment.event_id,
            "reference": payment.reference,
            "order": payment.order_id,
        }
        yield from self._notices.owe_operators(
            [states[operator] for operator in self._operators],
            "payment_held",
            payment.reference,
            facts,
            default_locale=self._default_locale,
            now_ms=now_ms,
        )


def _difference(order: OrderRow | None, owner: OrderRow | None, payment: Payment) -> str | None:
    """Say in what the report differs from our order, None when it agrees; `owner` is the page's order so far."""
    if order is None:
        return "unknown order"
    differences = [
        (order.reference not in (None, payment.reference), "another payment page than the order's"),
        (owner is not None and owner.id != order.id, "the payment page of another order"),
        (payment.livemode != order.livemode, f"livemode is {payment.livemode}"),
        (payment.mode != "payment", f"mode is {payment.mode}"),
    ]
    if payment.status in ("paid", "pending"):
        # A report that came so late finds nobody whose units these could be.
        erased = order.state != "paid" and order.parameters.startswith(ERASED)
        differences += [
            (erased, "whoever bought was erased since"),
            ((payment.currency or "").upper() != order.currency, f"currency is {payment.currency}"),
            (
                payment.amount_subtotal_minor != order.price_minor,
                f"amount is {payment.amount_subtotal_minor} instead of {order.price_minor}",
            ),
            (payment.discount_minor != 0, f"there is a discount of {payment.discount_minor}"),
        ]
    return next((text for differs, text in differences if differs), None)


def _expiry_ms(order: OrderRow, payer: Payer) -> int | None:
    """Return when bought units end: never, or with the longest window of the plan on their metric."""
    if order.expires == "never":
        return None
    return max((window.period.end_ms for window in payer.windows), default=None)
