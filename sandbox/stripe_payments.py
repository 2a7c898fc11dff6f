"""Money that is asked for, taken, refused, or under way: payment intents and their charges."""

import copy
from collections.abc import Callable
from typing import Any

from sandbox.stripe_api import Call
from sandbox.stripe_disputes import Disputes
from sandbox.stripe_events import EventLog
from sandbox.stripe_methods import DISPUTE, INQUIRY, OWN_CODES, PaymentMethods
from sandbox.stripe_objects import new_id, random_text, shaped
from sandbox.stripe_state import StripeObject, StripeState

DECLINED = "Your card was declined."
DECLINE_MESSAGES = {
    "insufficient_funds": "Your card has insufficient funds.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
}
BANK_REFUSED = "The customer's bank account could not be debited: insufficient funds."


class Payments:
    """
    Payment intents and their charges.

    Args:
        state: where they are kept.
        events: told of each change.
        methods: what is charged.
        disputes: opened at once by the test cards that are for that.
        receipt_url: the address of a charge's receipt, by a text that nobody can guess.

    """

    def __init__(
        self,
        state: StripeState,
        events: EventLog,
        methods: PaymentMethods,
        disputes: Disputes,
        *,
        receipt_url: Callable[[str], str],
    ) -> None:
        self._state = state
        self._events = events
        self._methods = methods
        self._disputes = disputes
        self._receipt_url = receipt_url

    def open_intent(
        self, amount_minor: int, currency: str, *, live: bool, call: Call | None = None, **values: Any
    ) -> StripeObject:
        """Return a new payment intent that nothing was charged for yet."""
        intent_id = new_id("pi")
        made = shaped(
            "payment_intent",
            id=intent_id,
            client_secret=f"{intent_id}_secret_{random_text(24)}",
            amount=amount_minor,
            currency=currency,
            **values,
        )
        self._state.add(made, live=live)
        self._events.emit("payment_intent.created", made, call)
        return made

    def take(self, intent: StripeObject, method: StripeObject, call: Call | None = None) -> str:
        """
        Charge `method` for `intent`: a card is paid or declined at once, a bank debit is under way.

        Returns:
            The intent's status: `succeeded`, `processing`, or `requires_payment_method` when declined.

        """
        intent["payment_method"] = method["id"]
        intent["payment_method_types"] = sorted({*intent["payment_method_types"], method["type"]})
        if method["type"] != "card":
            intent["status"] = "processing"
            charge = self._charge(intent, method, status="pending")
            self._events.emit("payment_intent.processing", intent, call)
            self._events.emit("charge.pending", charge, call)
        elif code := self._methods.decline_code(method["id"]):
            charge = self._charge(intent, method, status="pending")
            message = DECLINE_MESSAGES.get(code, DECLINED)
            self._refuse(
                intent,
                charge,
                code=code if code in OWN_CODES else "card_declined",
                message=message,
                call=call,
            )
            intent["last_payment_error"]["decline_code"] = code
        else:
            self._succeed(intent, self._charge(intent, method, status="pending"), call)
        return str(intent["status"])

    def settle(self, intent: StripeObject, *, paid: bool) -> None:
        """End a bank debit that is under way."""
        charge = self._state.find(intent["latest_charge"])
        assert charge is not None
        if paid:
            self._succeed(intent, charge, None)
        else:
            self._refuse(intent, charge, code="payment_method_provider_decline", message=BANK_REFUSED)

    def _charge(self, intent: StripeObject, method: StripeObject, *, status: str) -> StripeObject:
        details = copy.deepcopy(method[method["type"]])
        charge = shaped(
            "charge",
            id=new_id("ch" if method["type"] == "card" else "py"),
            amount=intent["amount"],
            currency=intent["currency"],
            billing_details=copy.deepcopy(method["billing_details"]),
            payment_intent=intent["id"],
            payment_method=method["id"],
            payment_method_details={"type": method["type"], method["type"]: details},
            metadata=dict(intent["metadata"]),
            status=status,
            calculated_statement_descriptor="JAUGE SANDBOX",
            receipt_url=self._receipt_url(random_text(48)),
            **{name: intent[name] for name in ("customer", "description", "receipt_email", "shipping")},
        )
        intent["latest_charge"] = charge["id"]
        return self._state.add(charge, live=self._state.is_live(intent["id"]))

    def _succeed(self, intent: StripeObject, charge: StripeObject, call: Call | None) -> None:
        charge |= {"status": "succeeded", "paid": True, "captured": True}
        charge |= {"amount_captured": charge["amount"], "balance_transaction": new_id("txn")}
        charge["outcome"] = {
            "advice_code": None,
            "network_advice_code": None,
            "network_decline_code": None,
            "network_status": "approved_by_network",
            "reason": None,
            "risk_level": "normal",
            "seller_message": "Payment complete.",
            "type": "authorized",
        }
        intent |= {"status": "succeeded", "amount_received": intent["amount"], "last_payment_error": None}
        self._events.emit("charge.succeeded", charge, call)
        self._events.emit("payment_intent.succeeded", intent, call)
        afterwards = self._methods.afterwards(charge["payment_method"])
        if afterwards in (DISPUTE, INQUIRY):
            self._disputes.open(charge, inquiry=afterwards == INQUIRY, call=call)

    def _refuse(
        self,
        intent: StripeObject,
        charge: StripeObject,
        *,
        code: str,
        message: str,
        call: Call | None = None,
        **facts: str,
    ) -> None:
        charge |= {"status": "failed", "failure_code": code, "failure_message": message, "receipt_url": None}
        error = {"type": "card_error", "code": code, "message": message, "charge": charge["id"]}
        error |= facts
        error["payment_method"] = copy.deepcopy(self._state.find(charge["payment_method"]))
        intent |= {"status": "requires_payment_method", "payment_method": None, "last_payment_error": error}
        self._events.emit("charge.failed", charge, call)
        self._events.emit("payment_intent.payment_failed", intent, call)
