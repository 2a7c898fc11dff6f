"""What happens to a paid checkout later, when a person, a bank or the control API wants it to."""

from aiohttp import web

from sandbox.stripe_cashier import Cashier
from sandbox.stripe_disputes import Disputes
from sandbox.stripe_refunds import Refunds
from sandbox.stripe_state import StripeObject, StripeState


class AfterSaleControl:
    """Plays the seller who refunds, the buyer who disputes, and both of their banks."""

    def __init__(self, state: StripeState, cashier: Cashier, refunds: Refunds, disputes: Disputes) -> None:
        self._state = state
        self._cashier = cashier
        self._refunds = refunds
        self._disputes = disputes

    def refund(self, session: StripeObject, amount_minor: int | None) -> StripeObject:
        """Refund the checkout's charge."""
        return self._refunds.refund(self._charge(session), amount_minor)

    def refund_ends(self, refund_id: str, *, paid: bool) -> StripeObject:
        """Let the bank take the refund or send it back."""
        return self._refunds.settle(self._found("refund", refund_id), paid=paid)

    def dispute(self, session: StripeObject, kind: str) -> StripeObject:
        """Dispute the checkout's charge."""
        return self._disputes.open(
            self._charge(session), inquiry=kind == "inquiry", withdrawn=kind != "chargeback_without_money"
        )

    def dispute_of(self, charge: StripeObject) -> StripeObject | None:
        """Return the dispute of a charge, if there is one."""
        return self._disputes.of(charge)

    def refunds_of(self, charge: StripeObject) -> list[StripeObject]:
        """Return the refunds of a charge, newest first."""
        return [one for one in self._state.newest_first("refund") if one["charge"] == charge["id"]]

    def dispute_moves(self, dispute_id: str, step: str) -> StripeObject:
        """Take the dispute further."""
        return self._disputes.move(self._found("dispute", dispute_id), step)

    def _charge(self, session: StripeObject) -> StripeObject:
        charge = self._cashier.charge_of(session)
        if charge is None:
            raise web.HTTPBadRequest(text=f"nothing was paid for {session['id']}")
        return charge

    def _found(self, kind: str, object_id: str) -> StripeObject:
        found = self._state.find(object_id)
        if found is None or found["object"] != kind:
            raise web.HTTPNotFound(text=f"no {kind} {object_id}")
        return found
