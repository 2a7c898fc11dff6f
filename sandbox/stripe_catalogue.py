"""Products and prices: what is sold and for how much, made ahead or on the spot by a checkout."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from stripe.params import (
    PriceCreateParams,
    PriceListParams,
    PriceUpdateParams,
    ProductCreateParams,
    ProductListParams,
    ProductUpdateParams,
)

from sandbox.stripe_api import Call, Endpoint
from sandbox.stripe_errors import StripeRefusal, missing, not_simulated
from sandbox.stripe_events import EventLog
from sandbox.stripe_forms import merged_metadata
from sandbox.stripe_lists import matching, page
from sandbox.stripe_money import MAXIMUM_CHARGE, checked_currency
from sandbox.stripe_objects import new_id, shaped
from sandbox.stripe_params import members_of
from sandbox.stripe_state import StripeObject, StripeState

PRODUCTS, PRICES = "/v1/products", "/v1/prices"
# Ways to price that no bot of this project uses.
NOT_SIMULATED_PRICES = ("tiers", "tiers_mode", "transform_quantity", "currency_options", "custom_unit_amount")
PAGING = frozenset({"limit", "starting_after", "ending_before", "created"})


class Catalogue:
    """The account's products and prices."""

    def __init__(self, state: StripeState, events: EventLog) -> None:
        self._state = state
        self._events = events

    def endpoints(self) -> list[Endpoint]:
        """Return the methods that make, read and change products and prices."""
        made = []
        for path, create, retrieve, change, rows, params in (
            (
                PRODUCTS,
                self._create_product,
                self._retrieve_product,
                self._update_product,
                self._list_products,
                (ProductCreateParams, ProductUpdateParams, ProductListParams),
            ),
            (
                PRICES,
                self._create_price,
                self._retrieve_price,
                self._update_price,
                self._list_prices,
                (PriceCreateParams, PriceUpdateParams, PriceListParams),
            ),
        ):
            one = f"{path}/{{id}}"
            made += [
                Endpoint(method="POST", path=path, handle=create, params=members_of(params[0])),
                Endpoint(method="GET", path=one, handle=retrieve),
                Endpoint(method="POST", path=one, handle=change, params=members_of(params[1])),
                Endpoint(method="GET", path=path, handle=rows, params=members_of(params[2])),
            ]
        return made

    def product_from(self, data: Mapping[str, Any], *, live: bool, param: str = "") -> StripeObject:
        """Return a new product of `data`, the parameters of a creation or a checkout's `product_data`."""
        if "default_price_data" in data:
            raise not_simulated("a price made with its product", param="default_price_data")
        values = {name: value for name, value in data.items() if name not in ("expand", "shippable")}
        values["metadata"] = merged_metadata({}, data.get("metadata"))
        if not data.get("name"):
            raise missing(f"{param}[name]" if param else "name")
        values = {name: value for name, value in values.items() if name in shaped("product") and value != ""}
        made = shaped("product", **{"id": new_id("prod", length=14), "updated": self._state.now()} | values)
        if self._state.find(made["id"]) is not None:
            raise StripeRefusal("Product already exists.", code="resource_already_exists", param="id")
        return self._state.add(made, live=live)

    def price_from(self, data: Mapping[str, Any], *, live: bool, param: str = "") -> StripeObject:
        """
        Return a new price of `data`, the parameters of a creation or a line item's `price_data`.

        Args:
            data: checked parameters.
            live: the mode.
            param: where `data` was found, such as `line_items[0][price_data]`; empty for the whole request.

        """

        def spelled(name: str) -> str:
            return f"{param}[{name}]" if param else name

        for name in NOT_SIMULATED_PRICES:
            if name in data:
                raise not_simulated("this way to price", param=spelled(name))
        if data.get("billing_scheme", "per_unit") != "per_unit":
            raise not_simulated("tiered prices", param=spelled("billing_scheme"))
        currency = checked_currency(data["currency"], param=spelled("currency"))
        amount, exact = _unit_amount(data, spelled("unit_amount"))
        if ("product" in data) == ("product_data" in data):
            raise StripeRefusal(
                "You must specify either `product` or `product_data` when creating a price.",
                code="parameter_missing" if "product" not in data else "",
                param=spelled("product"),
            )
        if "product" in data:
            product = self._state.get("product", data["product"], live=live, param=spelled("product"))
        else:
            product = self.product_from(data["product_data"], live=live, param=spelled("product_data"))
        recurring = data.get("recurring")
        if recurring:
            recurring = {
                "interval_count": 1,
                "meter": None,
                "trial_period_days": None,
                "usage_type": "licensed",
            } | recurring
        made = shaped(
            "price",
            id=new_id("price"),
            product=product["id"],
            currency=currency,
            unit_amount=amount,
            unit_amount_decimal=exact,
            recurring=recurring or None,
            type="recurring" if recurring else "one_time",
            tax_behavior=data.get("tax_behavior", "unspecified"),
            active=data.get("active", True),
            nickname=data.get("nickname"),
            lookup_key=data.get("lookup_key"),
            metadata=merged_metadata({}, data.get("metadata")),
        )
        return self._state.add(made, live=live)

    def _create_product(self, call: Call) -> dict[str, Any]:
        made = self.product_from(call.params, live=call.live)
        self._events.emit("product.created", made, call)
        return made

    def _retrieve_product(self, call: Call) -> dict[str, Any]:
        return self._state.get("product", call.ids["id"], live=call.live)

    def _update_product(self, call: Call) -> dict[str, Any]:
        product = self._retrieve_product(call)
        if price := call.params.get("default_price"):
            self._state.get("price", price, live=call.live, param="default_price")
        changes = {name: value for name, value in call.params.items() if name in product}
        return self._changed(product, changes, "product.updated", call)

    def _list_products(self, call: Call) -> dict[str, Any]:
        rows = self._state.newest_first("product", live=call.live)
        if "ids" in call.params:
            rows = [row for row in rows if row["id"] in call.params["ids"]]
        wanted = {
            name: call.params[name] for name in ("active", "shippable", "url", "type") if name in call.params
        }
        return page(matching(rows, wanted), call.params, url=PRODUCTS)

    def _create_price(self, call: Call) -> dict[str, Any]:
        key = call.params.get("lookup_key")
        holders = (
            matching(self._state.newest_first("price", live=call.live), {"lookup_key": key}) if key else []
        )
        if holders and not call.params.get("transfer_lookup_key"):
            raise StripeRefusal(
                f"A price (`{holders[0]['id']}`) already uses that lookup key.", param="lookup_key"
            )
        made = self.price_from(call.params, live=call.live)
        for holder in holders:
            holder["lookup_key"] = None
        self._events.emit("price.created", made, call)
        return made

    def _retrieve_price(self, call: Call) -> dict[str, Any]:
        return self._state.get("price", call.ids["id"], live=call.live)

    def _update_price(self, call: Call) -> dict[str, Any]:
        price = self._retrieve_price(call)
        changes = {name: value for name, value in call.params.items() if name in price}
        return self._changed(price, changes, "price.updated", call)

    def _list_prices(self, call: Call) -> dict[str, Any]:
        rows = self._state.newest_first("price", live=call.live)
        if "lookup_keys" in call.params:
            rows = [row for row in rows if row["lookup_key"] in call.params["lookup_keys"]]
        wanted = {name: value for name, value in call.params.items() if name not in PAGING | {"lookup_keys"}}
        return page(matching(rows, wanted), call.params, url=PRICES)

    def _changed(self, found: StripeObject, changes: dict[str, Any], kind: str, call: Call) -> dict[str, Any]:
        if "metadata" in changes:
            changes["metadata"] = merged_metadata(found["metadata"], changes["metadata"])
        found.update({name: None if value == "" else value for name, value in changes.items()})
        if "updated" in found:
            found["updated"] = self._state.now()
        self._events.emit(kind, found, call)
        return found


def _unit_amount(data: Mapping[str, Any], param: str) -> tuple[int | None, str]:
    """Return a price's amount in minor units, None when it has a fraction, and its exact form."""
    if ("unit_amount" in data) == ("unit_amount_decimal" in data):
        raise StripeRefusal(
            "You must specify either `unit_amount` or `unit_amount_decimal`.",
            code="parameter_missing",
            param=param,
        )
    exact = Decimal(str(data.get("unit_amount", data.get("unit_amount_decimal"))))
    if exact < 0:
        raise StripeRefusal("Invalid non-negative integer", code="parameter_invalid_integer", param=param)
    if exact > MAXIMUM_CHARGE:
        raise StripeRefusal("Invalid amount: at most eight digits.", code="amount_too_large", param=param)
    whole = int(exact) if exact == int(exact) else None
    return whole, format(exact.normalize(), "f")
