"""Money as integer minor units with their ISO 4217 currency. No floats, and never a bare division by 100."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

# https://docs.stripe.com/currencies#zero-decimal and #three-decimal; every other currency has two.
ZERO_DECIMAL = frozenset(
    "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split()  # noqa: SIM905 - a list of 15 codes reads better in one line
)
THREE_DECIMAL = frozenset(("BHD", "JOD", "KWD", "OMR", "TND"))


def exponent_of(currency: str) -> int:
    """Return how many decimals the currency has: 0, 2 or 3."""
    code = currency.upper()
    if code in ZERO_DECIMAL:
        return 0
    return 3 if code in THREE_DECIMAL else 2


def major(amount_minor: int | Decimal, currency: str) -> Decimal:
    """Return the amount in the currency's main unit: 1499 EUR minor is 14.99, 1500 XOF is 1500."""
    return Decimal(amount_minor).scaleb(-exponent_of(currency))


def unit_cost(price_minor: int, units: int, currency: str) -> Decimal:
    """Return the price of one unit in the currency's main unit, exact to four decimals beyond it."""
    quantum = Decimal(1).scaleb(-exponent_of(currency) - 2)
    return (major(price_minor, currency) / units).quantize(quantum, rounding=ROUND_HALF_EVEN)


def savings_percent(price_minor: int, units: int, *, reference_price_minor: int, reference_units: int) -> int:
    """
    Return how much cheaper a unit is than in the reference package, in whole percent.

    A package that is dearer per unit saves nothing: the answer is never negative.
    """
    cost = Decimal(price_minor) / units
    reference = Decimal(reference_price_minor) / reference_units
    percent = ((1 - cost / reference) * 100).quantize(Decimal(1), rounding=ROUND_HALF_EVEN)
    return max(0, int(percent))


def margin(price_minor: int, units: int, *, unit_cost_minor: Decimal) -> Decimal:
    """Return the share of the price that is left when a unit costs `unit_cost_minor`; below 0 is a loss."""
    return 1 - unit_cost_minor * units / price_minor
