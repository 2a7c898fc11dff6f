"""Taking the money of a Checkout Session: paid, declined, or promised by a bank and settled later."""

import enum
from collections.abc import Mapping
from typing import Any

from sandbox.stripe_customers import Customers
from sandbox.stripe_errors import StripeRefusal
from sandbox.stripe_events import EventLog
from sandbox.stripe_invoices import Invoices
from sandbox.stripe_line_items import add_tax
from sandbox.stripe_methods import CARDS, PaymentMethods
from sandbox.stripe_payments import Payments
from sandbox.stripe_sessions import KIND, Sessions
from sandbox.stripe_state import StripeObject, StripeState

TEST_IBAN = "FR1420041010050500013M02606"
BUYER_EMAIL = "buyer@example.com"


class Outcome(enum.StrEnum):
    """What a buyer's attempt leads to."""

    PAID = "paid"
    DECLINED = "declined"
    DELAYED = "delayed"


class Cashier:
    """
    Takes payments for sessions and tells the world.

    Args:
        state: the sessions, line items and intents.
        events: told of each step.
        sessions: for their expiry and what their intents carry.
        customers, methods, payments, invoices: what a payment makes.
        tax_percent: the rate when a session has automatic tax.

    """

    def __init__(
        self,
        state: StripeState,
        events: EventLog,
        *,
        sessions: Sessions,
        customers: Customers,
        methods: PaymentMethods,
        payments: Payments,
        invoices: Invoices,
        tax_percent: int,
    ) -> None:
        self._state = state
        self._events = events
        self._sessions = sessions
        self._customers = customers
        self._methods = methods
        self._payments = payments
        self._invoices = invoices
        self._tax_percent = tax_percent
        # Sessions show their intent only once they are complete; attempts before that share it too.
        self._intents: dict[str, str] = state.shelf("intents")

    def pay(self, session: StripeObject, outcome: Outcome) -> StripeObject:
        """
        Let the session's buyer try to pay, with a test method that leads to `outcome`.

        Raises:
            StripeRefusal: the session is not open.

        """
        live = self._state.is_live(session["id"])
        billing = self._billing(session)
        if outcome is Outcome.DELAYED:
            method = self._methods.bank_debit(TEST_IBAN, live=live, billing_details=billing)
        else:
            card = CARDS["visa" if outcome is Outcome.PAID else "chargeDeclined"]
            method = self._methods.card(card, live=live, billing_details=billing)
        self.pay_with(session, method)
        return session

    def pay_with(self, session: StripeObject, method: StripeObject) -> StripeObject | None:
        """
        Charge `method` for the session and complete it, unless the method is declined.

        Returns:
            The payment intent; None when nothing was due.

        Raises:
            StripeRefusal: the session is not open.

        """
        self._sessions.expire_due()
        if session["status"] != "open":
            raise StripeRefusal(
                f"This Checkout Session is {session['status']}; only an open one can be paid.",
                code="checkout_session_not_open",
            )
        self._tax(session)
        if not session["amount_total"]:
            self._complete(session, None, method)
            return None
        intent = self._intent(session)
        if self._payments.take(intent, method) != "requires_payment_method":
            self._complete(session, intent, method)
        return intent

    def waiting(self, session: Mapping[str, Any]) -> StripeObject | None:
        """Return the payment intent whose bank has not answered yet, if there is one."""
        intent = self._intent_of(session)
        return intent if intent is not None and intent["status"] == "processing" else None

    def settle(self, session: StripeObject, *, paid: bool) -> StripeObject:
        """
        Let the bank answer.

        Raises:
            StripeRefusal: the session waits for no bank.

        """
        intent = self.waiting(session)
        if intent is None:
            raise StripeRefusal("This Checkout Session does not wait for a bank.")
        self._payments.settle(intent, paid=paid)
        if paid:
            session["payment_status"] = "paid"
            self._invoice(session, intent)
        outcome = "succeeded" if paid else "failed"
        self._events.emit(f"checkout.session.async_payment_{outcome}", session)
        return session

    def charge_of(self, session: Mapping[str, Any]) -> StripeObject | None:
        """Return the charge that paid the session, or the last that failed to."""
        intent = self._intent_of(session)
        charge = None if intent is None else intent["latest_charge"]
        return None if charge is None else self._state.find(charge)

    def _intent_of(self, session: Mapping[str, Any]) -> StripeObject | None:
        return self._state.find(self._intents.get(session["id"], ""))

    def _intent(self, session: StripeObject) -> StripeObject:
        """Return the session's payment intent: one for all attempts."""
        intent = self._intent_of(session)
        if intent is None:
            data = self._sessions.intent_data(session["id"])
            data["metadata"] = data.get("metadata") or {}
            intent = self._payments.open_intent(
                session["amount_total"],
                session["currency"],
                live=self._state.is_live(session["id"]),
                customer=session["customer"],
                **data,
            )
            self._intents[session["id"]] = intent["id"]
        intent |= {"amount": session["amount_total"], "currency": session["currency"]}
        return intent

    def _tax(self, session: StripeObject) -> None:
        if not session["automatic_tax"]["enabled"] or session["automatic_tax"]["status"] == "complete":
            return
        items = self._state.items(session["id"])
        added_minor = add_tax(items, percent=self._tax_percent)
        session["automatic_tax"]["status"] = "complete"
        session["total_details"]["amount_tax"] = sum(item["amount_tax"] for item in items)
        session["amount_total"] += added_minor

    def _billing(self, session: Mapping[str, Any]) -> dict[str, Any]:
        nowhere = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
        address = nowhere | {"country": "FR"}
        email = session["customer_email"] or BUYER_EMAIL
        return {"address": address, "email": email, "name": "Sandbox Buyer", "phone": None, "tax_id": None}

    def _complete(self, session: StripeObject, intent: StripeObject | None, method: StripeObject) -> None:
        billing = method["billing_details"]
        if session["customer_creation"] == "always" and session["customer"] is None:
            live = self._state.is_live(session["id"])
            customer = self._customers.add(live=live, email=billing["email"], name=billing["name"])
            session["customer"] = customer["id"]
            if intent is not None:
                intent["customer"] = customer["id"]
        if session["consent_collection"]:
            accepted = "accepted" if session["consent_collection"]["terms_of_service"] == "required" else None
            session["consent"] = {"promotions": None, "terms_of_service": accepted}
        session["customer_details"] = {
            **{name: billing[name] for name in ("address", "email", "name", "phone")},
            "tax_exempt": "none",
            "tax_ids": [],
            "business_name": None,
            "individual_name": None,
        }
        session |= {"status": "complete", "url": None}
        if intent is not None:
            session["payment_intent"] = intent["id"]
            session["payment_status"] = "paid" if intent["status"] == "succeeded" else "unpaid"
            if session["payment_status"] == "paid":
                self._invoice(session, intent)
        self._events.emit(f"{KIND}.completed", session)

    def _invoice(self, session: StripeObject, intent: StripeObject) -> None:
        if session["invoice_creation"] and session["invoice_creation"]["enabled"]:
            session["invoice"] = self._invoices.paid_for(session, intent)["id"]
