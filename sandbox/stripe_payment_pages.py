"""
The calls that a payment page makes, which the Stripe CLI's triggers make in a buyer's place.

They are not part of the public API; their shape follows what the CLI sends.
"""

from collections.abc import Callable
from typing import Any

from sandbox.stripe_api import Call, Endpoint
from sandbox.stripe_cashier import Cashier
from sandbox.stripe_errors import StripeRefusal, missing
from sandbox.stripe_intents import declined
from sandbox.stripe_methods import FAIL, PaymentMethods
from sandbox.stripe_params import Field
from sandbox.stripe_sessions import KIND
from sandbox.stripe_state import StripeObject, StripeState

PATH = "/v1/payment_pages/{id}"
TEXT = Field(text=True)
INIT = {"eid": TEXT, "key": TEXT, "browser_locale": TEXT, "redirect_type": TEXT}
CONFIRM = {"eid": TEXT, "key": TEXT, "payment_method": TEXT, "expected_amount": Field(integer=True)}


class PaymentPages:
    """
    Payment pages of Checkout Sessions.

    Args:
        state: the sessions and their line items.
        cashier: takes the money.
        methods: what it is taken from.
        settle_later: called with a session that waits for its bank, and whether the bank will pay.

    """

    def __init__(
        self,
        state: StripeState,
        cashier: Cashier,
        methods: PaymentMethods,
        *,
        settle_later: Callable[[StripeObject, bool], None],
    ) -> None:
        self._state = state
        self._cashier = cashier
        self._methods = methods
        self._settle_later = settle_later

    def endpoints(self) -> list[Endpoint]:
        """Return the methods that read and confirm a page."""
        return [
            Endpoint(method="GET", path=PATH, handle=self._init, params=INIT),
            Endpoint(method="POST", path=PATH, handle=self._init, params=INIT),
            Endpoint(method="POST", path=f"{PATH}/init", handle=self._init, params=INIT),
            Endpoint(method="POST", path=f"{PATH}/confirm", handle=self._confirm, params=CONFIRM),
        ]

    def _init(self, call: Call) -> dict[str, Any]:
        return self._page(self._state.get(KIND, call.ids["id"], live=call.live))

    def _confirm(self, call: Call) -> dict[str, Any]:
        session = self._state.get(KIND, call.ids["id"], live=call.live)
        if "payment_method" not in call.params:
            raise missing("payment_method")
        if call.params.get("expected_amount", session["amount_total"]) != session["amount_total"]:
            raise StripeRefusal(
                f"The amount shown to the buyer ({call.params['expected_amount']}) is not the amount due "
                f"({session['amount_total']}).",
                code="checkout_amount_mismatch",
                param="expected_amount",
            )
        name = call.params["payment_method"]
        method = self._methods.resolve(name, live=call.live, param="payment_method")
        if method["type"] not in session["payment_method_types"]:
            raise StripeRefusal(
                f"The payment method type `{method['type']}` is not on offer here.", param="payment_method"
            )
        intent = self._cashier.pay_with(session, method)
        if intent is not None and intent["status"] == "requires_payment_method":
            raise declined(intent)
        if self._cashier.waiting(session) is not None:
            self._settle_later(session, self._methods.decline_code(method["id"]) != FAIL)
        return self._page(session)

    def _page(self, session: StripeObject) -> dict[str, Any]:
        return {
            "id": f"ppage_{session['id'][-24:]}",
            "object": "payment_page",
            "session_id": session["id"],
            "livemode": session["livemode"],
            "mode": session["mode"],
            "state": "active" if session["status"] == "open" else "inactive",
            "status": session["status"],
            "payment_status": session["payment_status"],
            "currency": session["currency"],
            "payment_method_types": session["payment_method_types"],
            "success_url": session["success_url"],
            "cancel_url": session["cancel_url"],
            "total_summary": {"due": session["amount_total"], "subtotal": session["amount_subtotal"]},
            "line_item_group": {"line_items": self._state.items(session["id"])},
        }
