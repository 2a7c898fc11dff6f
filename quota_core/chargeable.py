"""Which prices can be charged: what Stripe refuses is refused when the catalog is read, and not at a sale."""

from __future__ import annotations

from quota_core.money import THREE_DECIMAL

# https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
MINIMUM_MINOR = {
    "AED": 200,
    "AUD": 50,
    "BGN": 100,
    "BRL": 50,
    "CAD": 50,
    "CHF": 50,
    "CZK": 1500,
    "DKK": 250,
    "EUR": 50,
    "GBP": 30,
    "HKD": 400,
    "HUF": 17500,
    "INR": 50,
    "JPY": 50,
    "MXN": 1000,
    "MYR": 200,
    "NOK": 300,
    "NZD": 50,
    "PLN": 200,
    "RON": 200,
    "SEK": 300,
    "SGD": 50,
    "THB": 1000,
    "USD": 50,
}

# https://docs.stripe.com/currencies#special-cases: sent in hundredths, and only whole amounts are taken.
WHOLE_HUNDREDTHS = frozenset(("ISK", "UGX"))


def price_problem(price_minor: int, currency: str) -> str | None:
    """Return why a price cannot be charged and what to write instead; None when it can, or costs nothing."""
    if not price_minor:
        return None
    least = MINIMUM_MINOR.get(currency, 1)
    if price_minor < least:
        return f"{price_minor} is too little to be charged in {currency}: write {least} or more"
    step = 10 if currency in THREE_DECIMAL else 100 if currency in WHOLE_HUNDREDTHS else 1
    if price_minor % step:
        below = price_minor - price_minor % step
        zeros = str(step)[1:]
        return (
            f"{price_minor} cannot be charged in {currency}, where amounts end in {zeros}:"
            f" write {below} or {below + step}"
        )
    return None
