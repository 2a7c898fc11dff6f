"""Invoices of checkouts that ask for one: made when the money is in, already paid."""

from collections.abc import Mapping
from typing import Any

from stripe.params import InvoiceListParams

from sandbox.stripe_api import Call, Endpoint
from sandbox.stripe_events import EventLog
from sandbox.stripe_lists import matching, page
from sandbox.stripe_objects import listed, new_id, shaped
from sandbox.stripe_params import members_of
from sandbox.stripe_state import StripeObject, StripeState

PATH = "/v1/invoices"


class Invoices:
    """The account's invoices, numbered without a gap."""

    def __init__(self, state: StripeState, events: EventLog) -> None:
        self._state = state
        self._events = events

    def endpoints(self) -> list[Endpoint]:
        """Return the methods that read invoices."""
        return [
            Endpoint(method="GET", path=PATH, handle=self._list, params=members_of(InvoiceListParams)),
            Endpoint(method="GET", path=f"{PATH}/{{id}}", handle=self._retrieve),
        ]

    def paid_for(self, session: Mapping[str, Any], intent: Mapping[str, Any]) -> StripeObject:
        """Return the new, paid invoice of a session whose money is in. `intent` took the money."""
        number = len(self._state.newest_first("invoice")) + 1
        now_seconds, total_minor = self._state.now(), session["amount_total"]
        charge = self._state.find(intent["latest_charge"])
        asked = session["invoice_creation"]["invoice_data"]
        tax_minor = session["total_details"]["amount_tax"]
        made = shaped(
            "invoice",
            id=new_id("in"),
            number=f"SANDBOX-{number:04d}",
            status="paid",
            currency=session["currency"],
            customer=session["customer"],
            customer_email=session["customer_details"]["email"],
            customer_name=session["customer_details"]["name"],
            amount_due=total_minor,
            amount_paid=total_minor,
            subtotal=session["amount_subtotal"],
            subtotal_excluding_tax=total_minor - tax_minor,
            total=total_minor,
            total_excluding_tax=total_minor - tax_minor,
            attempted=True,
            period_start=now_seconds,
            period_end=now_seconds,
            effective_at=now_seconds,
            description=asked["description"],
            footer=asked["footer"],
            metadata=asked["metadata"] or {},
            hosted_invoice_url=None if charge is None else charge["receipt_url"],
            status_transitions={
                "finalized_at": now_seconds,
                "marked_uncollectible_at": None,
                "paid_at": now_seconds,
                "voided_at": None,
            },
        )
        lines = [self._line(item, made["id"], now_seconds) for item in self._state.items(session["id"])]
        made["lines"] = listed(lines, url=f"{PATH}/{made['id']}/lines")
        self._state.add(made, live=self._state.is_live(session["id"]))
        for step in ("created", "finalized", "paid", "payment_succeeded"):
            self._events.emit(f"invoice.{step}", made)
        return made

    def _line(self, item: Mapping[str, Any], invoice: str, now_seconds: int) -> StripeObject:
        return shaped(
            "line_item",
            id=new_id("il"),
            invoice=invoice,
            amount=item["amount_subtotal"],
            subtotal=item["amount_subtotal"],
            currency=item["currency"],
            description=item["description"],
            quantity=item["quantity"],
            period={"start": now_seconds, "end": now_seconds},
            pricing={
                "type": "price_details",
                "price_details": {"price": item["price"]["id"], "product": item["price"]["product"]},
                "unit_amount_decimal": item["price"]["unit_amount_decimal"],
            },
        )

    def _retrieve(self, call: Call) -> StripeObject:
        return self._state.get("invoice", call.ids["id"], live=call.live)

    def _list(self, call: Call) -> dict[str, Any]:
        rows = self._state.newest_first("invoice", live=call.live)
        wanted = {name: call.params[name] for name in ("customer", "status") if name in call.params}
        return page(matching(rows, wanted), call.params, url=PATH)
