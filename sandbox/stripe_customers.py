"""Customers, and what the account says about itself."""

from typing import Any

from stripe.params import CustomerCreateParams, CustomerListParams, CustomerUpdateParams

from sandbox.stripe_api import Call, Endpoint
from sandbox.stripe_errors import not_simulated
from sandbox.stripe_events import EventLog
from sandbox.stripe_forms import merged_metadata
from sandbox.stripe_lists import matching, page
from sandbox.stripe_objects import new_id, random_text, shaped
from sandbox.stripe_params import members_of
from sandbox.stripe_state import StripeObject, StripeState

CUSTOMERS = "/v1/customers"
TAKEN = ("name", "email", "phone", "description", "address", "shipping", "preferred_locales", "tax_exempt")
SIMULATED = frozenset({"metadata", "expand", *TAKEN})


class Customers:
    """The account's customers, its balance and the account itself."""

    def __init__(self, state: StripeState, events: EventLog) -> None:
        self._state = state
        self._events = events
        self._account_id: str = state.shelf("account").setdefault("id", new_id("acct", length=16))

    def endpoints(self) -> list[Endpoint]:
        """Return the methods on customers, and those that read the account and its balance."""
        one = f"{CUSTOMERS}/{{id}}"
        create, change = members_of(CustomerCreateParams), members_of(CustomerUpdateParams)
        return [
            Endpoint(method="POST", path=CUSTOMERS, handle=self._create, params=create),
            Endpoint(method="GET", path=CUSTOMERS, handle=self._list, params=members_of(CustomerListParams)),
            Endpoint(method="GET", path=one, handle=self._retrieve),
            Endpoint(method="POST", path=one, handle=self._update, params=change),
            Endpoint(method="GET", path="/v1/account", handle=self._account),
            Endpoint(method="GET", path="/v1/balance", handle=self._balance),
        ]

    def add(self, *, live: bool, call: Call | None = None, **values: Any) -> StripeObject:
        """Keep a new customer and say so."""
        made = shaped(
            "customer", id=new_id("cus", length=14), invoice_prefix=random_text(8).upper(), **values
        )
        self._state.add(made, live=live)
        self._events.emit("customer.created", made, call)
        return made

    def _create(self, call: Call) -> dict[str, Any]:
        _check(call)
        values = {name: value for name, value in call.params.items() if name in TAKEN and value != ""}
        metadata = merged_metadata({}, call.params.get("metadata"))
        return self.add(live=call.live, call=call, metadata=metadata, **values)

    def _retrieve(self, call: Call) -> dict[str, Any]:
        return self._state.get("customer", call.ids["id"], live=call.live)

    def _update(self, call: Call) -> dict[str, Any]:
        customer = self._retrieve(call)
        _check(call)
        changes = {name: value for name, value in call.params.items() if name in TAKEN}
        customer.update({name: None if value == "" else value for name, value in changes.items()})
        if "metadata" in call.params:
            customer["metadata"] = merged_metadata(customer["metadata"], call.params["metadata"])
        self._events.emit("customer.updated", customer, call)
        return customer

    def _list(self, call: Call) -> dict[str, Any]:
        rows = self._state.newest_first("customer", live=call.live)
        wanted = {"email": call.params["email"]} if "email" in call.params else {}
        return page(matching(rows, wanted), call.params, url=CUSTOMERS)

    def _account(self, call: Call) -> dict[str, Any]:
        del call
        return shaped("account", id=self._account_id)

    def _balance(self, call: Call) -> dict[str, Any]:
        """Return what was charged in each currency; the sandbox pays nothing out."""
        sums: dict[str, int] = {}
        for charge in self._state.newest_first("charge", live=call.live):
            if charge["status"] == "succeeded":
                sums[charge["currency"]] = sums.get(charge["currency"], 0) + charge["amount"]
        rows = [
            {"amount": amount, "currency": code, "source_types": {"card": amount}}
            for code, amount in sums.items()
        ]
        nothing = [{"amount": 0, "currency": "eur", "source_types": {"card": 0}}]
        return shaped("balance", livemode=call.live, pending=rows or nothing, available=nothing)


def _check(call: Call) -> None:
    for name in call.params:
        if name not in SIMULATED:
            raise not_simulated("this part of a customer", param=name)
