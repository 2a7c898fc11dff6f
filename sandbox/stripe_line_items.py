"""Line items of a checkout: a price from the catalogue or one made on the spot, times a quantity."""

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.stripe_catalogue import Catalogue
from sandbox.stripe_errors import StripeRefusal, missing, not_simulated
from sandbox.stripe_objects import new_id, shaped
from sandbox.stripe_state import StripeObject, StripeState

MAX_ITEMS = 100
MAX_QUANTITY = 999_999


def items_from(
    rows: Sequence[Mapping[str, Any]], *, live: bool, state: StripeState, catalogue: Catalogue
) -> list[StripeObject]:
    """
    Return the line items that a checkout's `line_items` describe, all in one currency.

    Raises:
        StripeRefusal: none or more than 100, neither or both of `price` and `price_data`, a recurring or inactive
            price, no quantity, or two currencies.

    """
    if not rows:
        raise missing("line_items")
    if len(rows) > MAX_ITEMS:
        raise StripeRefusal(f"You can pass up to {MAX_ITEMS} line items.", param="line_items")
    items = []
    for index, row in enumerate(rows):
        where = f"line_items[{index}]"
        price = _price(row, where, live=live, state=state, catalogue=catalogue)
        items.append(_item(price, row, where, state=state))
    if len({item["currency"] for item in items}) > 1:
        raise StripeRefusal(
            "All line items of a Checkout Session must have the same currency.", param="line_items"
        )
    return items


def _price(
    row: Mapping[str, Any], where: str, *, live: bool, state: StripeState, catalogue: Catalogue
) -> StripeObject:
    if "price" in row and "price_data" in row:
        raise StripeRefusal("You may only specify one of these parameters: price, price_data.", param=where)
    if "price_data" in row:
        # Made for this checkout alone, so nothing else can be sold by it.
        data = {**row["price_data"], "active": False}
        price = catalogue.price_from(data, live=live, param=f"{where}[price_data]")
    elif "price" in row:
        price = state.get("price", row["price"], live=live, param=f"{where}[price]")
        if not price["active"]:
            raise StripeRefusal(
                "The price specified is inactive. This field only accepts active prices.",
                param=f"{where}[price]",
            )
    else:
        raise missing(f"{where}[price]")
    if price["type"] == "recurring":
        raise StripeRefusal(
            "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or "
            "use only one-time prices.",
            param=where,
        )
    if price["unit_amount"] is None:
        raise not_simulated("prices with a fraction of the smallest unit", param=where)
    return price


def _item(price: StripeObject, row: Mapping[str, Any], where: str, *, state: StripeState) -> StripeObject:
    for name in ("adjustable_quantity", "dynamic_tax_rates", "tax_rates"):
        if row.get(name) and row[name] != {"enabled": False}:
            raise not_simulated(f"`{name}`", param=f"{where}[{name}]")
    if "quantity" not in row:
        raise missing(f"{where}[quantity]")
    if not 1 <= row["quantity"] <= MAX_QUANTITY:
        raise StripeRefusal(
            f"This value must be between 1 and {MAX_QUANTITY} (it currently is '{row['quantity']}').",
            code="parameter_invalid_integer",
            param=f"{where}[quantity]",
        )
    product = state.find(price["product"])
    assert product is not None
    amount_minor = price["unit_amount"] * row["quantity"]
    return shaped(
        "item",
        id=new_id("li"),
        amount_subtotal=amount_minor,
        amount_total=amount_minor,
        currency=price["currency"],
        description=product["name"],
        price=price,
        quantity=row["quantity"],
        metadata=row.get("metadata") or {},
    )


def add_tax(items: Sequence[StripeObject], *, percent: int) -> int:
    """
    Put tax on every item, within the price when it is inclusive, and return what it adds to the total.

    Args:
        items: changed in place, in minor units.
        percent: the rate; a price that does not say how it behaves is taken for one without tax.

    """
    added_minor = 0
    for item in items:
        amount_minor = item["amount_subtotal"]
        if item["price"]["tax_behavior"] == "inclusive":
            item["amount_tax"] = amount_minor - amount_minor * 100 // (100 + percent)
        else:
            item["amount_tax"] = amount_minor * percent // 100
            item["amount_total"] = amount_minor + item["amount_tax"]
            added_minor += item["amount_tax"]
    return added_minor
