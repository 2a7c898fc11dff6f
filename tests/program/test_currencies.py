"""A purchase and its refund from shop to ledger in currencies with no, two and three decimals."""

import pytest

from sandbox.places import MEMBER_ID
from tests.program.place import Place, labels, text_of

CATALOG = """
currency = "{currency}"
default_plan = "free"
primary_metric = "requests"

[metrics.requests]
label = {{ en = "requests", fr = "requêtes" }}

[plans.free]
rank = 0
label = {{ en = "Free", fr = "Gratuit" }}
description = {{ en = "One", fr = "Un" }}
[[plans.free.allowances]]
metric = "requests"
limit = 5
period = "day"

[packages.big]
label = {{ en = "Big", fr = "Grand" }}
description = {{ en = "One", fr = "Un" }}
metric = "requests"
units = 100
price_minor = {price_minor}
"""


PRICES = [
    ("XOF", 9_900, "F\u202fCFA\u00a09,900", "F\u202fCFA\u00a04,950"),
    ("DZD", 149_900, "DZD\u00a01,499.00", "DZD\u00a0749.50"),
    ("KWD", 5_000, "KWD\u00a05.000", "KWD\u00a02.500"),
]


@pytest.mark.parametrize(("currency", "price_minor", "price", "half"), PRICES)
async def test_the_amount_is_the_same_on_every_side(
    place: Place, currency: str, price_minor: int, price: str, half: str
) -> None:
    """Shop, page, order, message and refund agree, and nobody divides by a hundred."""
    file = place.cwd / "catalog.toml"
    file.write_text(CATALOG.format(currency=currency, price_minor=price_minor), encoding="utf-8")
    async with place.bot(CATALOG=str(file)) as bot:
        shop = await place.people.answer_to("!buy_quota")
        checkout = await place.buy("big")
        await place.pay(checkout)
        credited = await place.direct_message()
        key = await bot.key("quota:read")
        asked = {"user_id": str(MEMBER_ID)}
        history = await bot.json("/api/billing/topups/history", params=asked, headers=key)
        await place.people.post("stripe/refund", checkout=checkout, amount=price_minor // 2)
        refunded = await place.direct_message(after=credited["id"])
        quota = await bot.json(f"/api/quota/{MEMBER_ID}", headers=key)

    assert labels(shop) == [f"100 · {price}"]
    assert price in text_of(credited)
    assert [(one["price"], one["currency"]) for one in history["top_ups"]] == [(price_minor, currency)]
    assert half in text_of(refunded)
    assert quota["purchased_quota"] == 50
