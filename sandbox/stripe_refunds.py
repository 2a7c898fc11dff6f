"""Refunds: made whole or in part, listed, and failing days later when the card's bank sends the money back."""

from typing import Any

from stripe.params import RefundCreateParams, RefundListParams, RefundUpdateParams

from sandbox.stripe_api import Call, Endpoint
from sandbox.stripe_disputes import ENDED, Disputes
from sandbox.stripe_errors import StripeRefusal, missing, not_simulated
from sandbox.stripe_events import EventLog
from sandbox.stripe_forms import merged_metadata
from sandbox.stripe_lists import matching, page
from sandbox.stripe_methods import PENDING_REFUND, REFUND_FAILS, PaymentMethods
from sandbox.stripe_objects import new_id, shaped
from sandbox.stripe_params import members_of
from sandbox.stripe_state import StripeObject, StripeState

PATH = "/v1/refunds"
HARMLESS_PARAMS = frozenset({"amount", "charge", "payment_intent", "metadata", "reason"})


class Refunds:
    """The account's refunds; a charge carries what they come to."""

    def __init__(
        self, state: StripeState, events: EventLog, methods: PaymentMethods, disputes: Disputes
    ) -> None:
        self._state = state
        self._disputes = disputes
        self._events = events
        self._methods = methods

    def endpoints(self) -> list[Endpoint]:
        """Return the methods that make, change and read refunds."""
        one = f"{PATH}/{{id}}"
        create, change = members_of(RefundCreateParams), members_of(RefundUpdateParams)
        return [
            Endpoint(method="POST", path=PATH, handle=self._create, params=create),
            Endpoint(method="GET", path=PATH, handle=self._list, params=members_of(RefundListParams)),
            Endpoint(method="GET", path=one, handle=self._retrieve),
            Endpoint(method="POST", path=one, handle=self._update, params=change),
        ]

    def refund(
        self, charge: StripeObject, amount_minor: int | None = None, call: Call | None = None, **values: Any
    ) -> StripeObject:
        """
        Refund a charge, all that is left of it unless an amount is given.

        Raises:
            StripeRefusal: it was not paid, is disputed, or less than that is left of it.

        """
        left_minor = charge["amount_captured"] - charge["amount_refunded"]
        if not charge["paid"]:
            raise StripeRefusal(
                f"Charge {charge['id']} is not paid, so it cannot be refunded.", param="charge"
            )
        dispute = self._disputes.of(charge)
        if dispute is not None and not dispute["is_charge_refundable"]:
            raise StripeRefusal(f"Charge {charge['id']} has been charged back.", code="charge_disputed")
        if not left_minor:
            raise StripeRefusal(
                f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
            )
        amount_minor = left_minor if amount_minor is None else amount_minor
        if amount_minor < 1:
            raise StripeRefusal("Invalid positive integer", code="parameter_invalid_integer", param="amount")
        if amount_minor > left_minor:
            raise StripeRefusal(
                f"Refund amount ({amount_minor}) is greater than unrefunded amount on charge ({left_minor})",
                param="amount",
            )
        behaviour = self._methods.afterwards(charge["payment_method"])
        made = shaped(
            "refund",
            id=new_id("re"),
            amount=amount_minor,
            currency=charge["currency"],
            charge=charge["id"],
            payment_intent=charge["payment_intent"],
            balance_transaction=new_id("txn"),
            status="pending" if behaviour == PENDING_REFUND else "succeeded",
            **values,
        )
        self._state.add(made, live=self._state.is_live(charge["id"]))
        del made["livemode"]  # a refund has none; its events do
        self._count(charge, amount_minor)
        self._events.emit("refund.created", made, call)
        self._events.emit("charge.refunded", charge, call)
        if dispute is not None and charge["refunded"] and dispute["status"] not in ENDED:
            self._disputes.move(dispute, "closed")
        if behaviour == PENDING_REFUND:
            self.settle(made, paid=True)
        elif behaviour == REFUND_FAILS:
            self.settle(made, paid=False)
        return made

    def settle(self, refund: StripeObject, *, paid: bool) -> StripeObject:
        """
        Let the bank of the buyer take the money, or send it back, also after it was taken.

        Raises:
            StripeRefusal: it has failed before.

        """
        if refund["status"] == "failed":
            raise StripeRefusal("This refund has failed.")
        refund["status"] = "succeeded" if paid else "failed"
        if not paid:
            refund |= {"failure_reason": "unknown", "failure_balance_transaction": new_id("txn")}
            charge = self._state.find(refund["charge"])
            assert charge is not None
            self._count(charge, -refund["amount"])
            self._events.emit("refund.failed", refund)
        self._events.emit("refund.updated", refund)
        self._events.emit("charge.refund.updated", refund)
        return refund

    def _count(self, charge: StripeObject, amount_minor: int) -> None:
        charge["amount_refunded"] += amount_minor
        charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]

    def _create(self, call: Call) -> StripeObject:
        params = call.params
        for name in params:
            if name not in HARMLESS_PARAMS:
                raise not_simulated("this part of a refund", param=name)
        if "charge" not in params and "payment_intent" not in params:
            raise missing("charge")
        charge_id, param = params.get("charge", ""), "charge"
        if "payment_intent" in params:
            param = "payment_intent"
            intent = self._state.get(param, params[param], live=call.live, param=param)
            charge_id = intent["latest_charge"]
            if not charge_id:
                raise StripeRefusal(
                    f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
                    param=param,
                )
        charge = self._state.get("charge", charge_id, live=call.live, param=param)
        values = {"metadata": merged_metadata({}, params.get("metadata")), "reason": params.get("reason")}
        return self.refund(charge, params.get("amount"), call, **values)

    def _retrieve(self, call: Call) -> StripeObject:
        return self._state.get("refund", call.ids["id"], live=call.live)

    def _update(self, call: Call) -> StripeObject:
        refund = self._retrieve(call)
        refund["metadata"] = merged_metadata(refund["metadata"], call.params.get("metadata"))
        self._events.emit("refund.updated", refund, call)
        self._events.emit("charge.refund.updated", refund, call)
        return refund

    def _list(self, call: Call) -> dict[str, Any]:
        rows = self._state.newest_first("refund", live=call.live)
        wanted = {name: call.params[name] for name in ("charge", "payment_intent") if name in call.params}
        return page(matching(rows, wanted), call.params, url=PATH)
