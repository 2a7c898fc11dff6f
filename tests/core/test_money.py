"""Money with no, two and three decimals."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quota_core.money import exponent_of, major, margin, savings_percent, unit_cost


@pytest.mark.parametrize(
    ("currency", "amount_minor", "amount"),
    [
        ("EUR", 1499, "14.99"),
        ("eur", 1, "0.01"),
        ("XOF", 1500, "1500"),
        ("JPY", 1, "1"),
        ("KWD", 1499, "1.499"),
    ],
)
def test_minor_units_are_the_currencys_own(currency: str, amount_minor: int, amount: str) -> None:
    """Never a bare division by 100."""
    assert major(amount_minor, currency) == Decimal(amount)


@pytest.mark.parametrize(("currency", "cost"), [("EUR", "0.0150"), ("XOF", "1.50"), ("KWD", "0.00150")])
def test_a_unit_costs_two_decimals_beyond_the_currencys(currency: str, cost: str) -> None:
    """1 500 minor units for 1 000 units."""
    assert str(unit_cost(1500, 1000, currency)) == cost


@given(st.integers(1, 10**8), st.integers(1, 10**9), st.sampled_from(("EUR", "XOF", "KWD")))
def test_a_unit_cost_is_exact_to_its_last_digit(price_minor: int, units: int, currency: str) -> None:
    """Rounding moves it by half of the last digit at most."""
    exact = major(price_minor, currency) / units
    last_digit = Decimal(1).scaleb(-exponent_of(currency) - 2)

    assert abs(unit_cost(price_minor, units, currency) - exact) <= last_digit / 2


@given(st.integers(1, 10**8), st.integers(1, 10**9), st.integers(1, 10**8), st.integers(1, 10**9))
def test_savings_are_never_negative_and_below_all(
    price_minor: int, units: int, reference_price_minor: int, reference_units: int
) -> None:
    """A dearer package saves nothing, the same one nothing, and none everything but by rounding."""
    saved = savings_percent(
        price_minor, units, reference_price_minor=reference_price_minor, reference_units=reference_units
    )
    cheaper = price_minor * reference_units < reference_price_minor * units

    assert 0 <= saved <= 100
    assert cheaper or saved == 0


def test_a_margin_may_be_a_loss() -> None:
    """Half a unit of money for each unit, on one that brings a third."""
    assert margin(300, 1000, unit_cost_minor=Decimal("0.15")) == Decimal("0.5")
    assert margin(300, 1000, unit_cost_minor=Decimal("0.6")) == -1
