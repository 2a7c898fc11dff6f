"""
Disputes: inquiries, chargebacks, and how they end.

https://docs.stripe.com/disputes/how-disputes-work: an inquiry moves no money; a chargeback takes it at once, and
gives it back when it is won.
"""

from typing import Any

from stripe.params import DisputeListParams, DisputeUpdateParams

from sandbox.stripe_api import Call, Endpoint
from sandbox.stripe_errors import StripeRefusal
from sandbox.stripe_events import EventLog
from sandbox.stripe_forms import merged_metadata
from sandbox.stripe_lists import matching, page
from sandbox.stripe_objects import new_id, shaped
from sandbox.stripe_params import members_of
from sandbox.stripe_state import StripeObject, StripeState

PATH = "/v1/disputes"
FEE_MINOR = 1500
ANSWER_SECONDS = 9 * 24 * 60 * 60
ENDED = frozenset({"won", "lost", "warning_closed"})
# https://docs.stripe.com/testing#evidence
VERDICTS = {"winning_evidence": "won", "losing_evidence": "lost"}
STEPS = ("review", "escalated", "withdrawn", "won", "lost", "closed")


class Disputes:
    """The account's disputes."""

    def __init__(self, state: StripeState, events: EventLog) -> None:
        self._state = state
        self._events = events

    def endpoints(self) -> list[Endpoint]:
        """Return the methods that read, answer and give up disputes."""
        one = f"{PATH}/{{id}}"
        answer = members_of(DisputeUpdateParams)
        return [
            Endpoint(method="GET", path=PATH, handle=self._list, params=members_of(DisputeListParams)),
            Endpoint(method="GET", path=one, handle=self._retrieve),
            Endpoint(method="POST", path=one, handle=self._update, params=answer),
            Endpoint(method="POST", path=f"{one}/close", handle=self._close),
        ]

    def of(self, charge: StripeObject) -> StripeObject | None:
        """Return the dispute of a charge, if there is one."""
        rows = self._state.newest_first("dispute") if charge["disputed"] else []
        return next((one for one in rows if one["charge"] == charge["id"]), None)

    def open(
        self, charge: StripeObject, *, inquiry: bool, withdrawn: bool = True, call: Call | None = None
    ) -> StripeObject:
        """
        Let the buyer's bank ask about a charge, or take its money back; `withdrawn` False: it takes it later.

        Raises:
            StripeRefusal: it was not paid, or is disputed.

        """
        if not charge["paid"] or charge["disputed"]:
            raise StripeRefusal("Only a paid charge without a dispute can be disputed.")
        made = shaped(
            "dispute",
            id=new_id("du"),
            amount=charge["amount_captured"] - charge["amount_refunded"],
            currency=charge["currency"],
            charge=charge["id"],
            payment_intent=charge["payment_intent"],
            status="warning_needs_response" if inquiry else "needs_response",
            is_charge_refundable=inquiry,
        )
        made["payment_method_details"]["card"]["case_type"] = "inquiry" if inquiry else "chargeback"
        made["evidence_details"]["due_by"] = self._state.now() + ANSWER_SECONDS
        charge["disputed"] = True
        self._state.add(made, live=self._state.is_live(charge["id"]))
        self._events.emit("charge.dispute.created", made, call)
        if not inquiry and withdrawn:
            self._withdraw(made, call)
        return made

    def move(self, dispute: StripeObject, step: str) -> StripeObject:
        """
        Take a dispute one of `STEPS` further.

        Raises:
            StripeRefusal: it has ended.

        """
        if dispute["status"] in ENDED:
            raise StripeRefusal(f"This dispute is {dispute['status']}.")
        if step == "withdrawn":
            self._withdraw(dispute, None)
        elif step == "review":
            warning = "warning_" if dispute["status"].startswith("warning_") else ""
            dispute["status"] = f"{warning}under_review"
            self._events.emit("charge.dispute.updated", dispute)
        elif step == "escalated":
            dispute |= {"status": "needs_response", "is_charge_refundable": False}
            self._events.emit("charge.dispute.updated", dispute)
            self._withdraw(dispute, None)
        else:
            self._end(dispute, "warning_closed" if step == "closed" else step, None)
        return dispute

    def _withdraw(self, dispute: StripeObject, call: Call | None) -> None:
        self._book(dispute, -dispute["amount"], FEE_MINOR)
        self._events.emit("charge.dispute.funds_withdrawn", dispute, call)

    def _end(self, dispute: StripeObject, status: str, call: Call | None) -> None:
        dispute["status"] = status
        if status == "won" and dispute["balance_transactions"]:
            self._book(dispute, dispute["amount"], 0)
            self._events.emit("charge.dispute.funds_reinstated", dispute, call)
        self._events.emit("charge.dispute.closed", dispute, call)

    def _book(self, dispute: StripeObject, amount_minor: int, fee_minor: int) -> None:
        dispute["balance_transactions"].append(
            {
                "id": new_id("txn"),
                "object": "balance_transaction",
                "amount": amount_minor,
                "currency": dispute["currency"],
                "fee": fee_minor,
                "net": amount_minor - fee_minor,
                "source": dispute["id"],
                "type": "adjustment",
            }
        )

    def _retrieve(self, call: Call) -> StripeObject:
        return self._state.get("dispute", call.ids["id"], live=call.live)

    def _list(self, call: Call) -> dict[str, Any]:
        rows = self._state.newest_first("dispute", live=call.live)
        wanted = {name: call.params[name] for name in ("charge", "payment_intent") if name in call.params}
        return page(matching(rows, wanted), call.params, url=PATH)

    def _update(self, call: Call) -> StripeObject:
        dispute, params = self._retrieve(call), call.params
        if "evidence" in params and dispute["status"] in ENDED:
            raise StripeRefusal("This dispute is already closed", code="dispute_closed")
        dispute["metadata"] = merged_metadata(dispute["metadata"], params.get("metadata"))
        evidence = params.get("evidence", {})
        if evidence:
            dispute["evidence"] |= evidence
            dispute["evidence_details"]["has_evidence"] = True
            if params.get("submit", True):
                dispute["evidence_details"]["submission_count"] += 1
        self._events.emit("charge.dispute.updated", dispute, call)
        verdict = VERDICTS.get(evidence.get("uncategorized_text", ""))
        if verdict is not None and params.get("submit", True):
            self._end(dispute, verdict, call)
        return dispute

    def _close(self, call: Call) -> StripeObject:
        """Give a dispute up: a chargeback is lost, an inquiry ends."""
        dispute = self._retrieve(call)
        if dispute["status"] in ENDED:
            raise StripeRefusal("This dispute is already closed", code="dispute_closed")
        warning = dispute["status"].startswith("warning_")
        self._end(dispute, "warning_closed" if warning else "lost", call)
        return dispute
