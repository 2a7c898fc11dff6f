"""Prices in currencies with 0, 2 and 3 decimals: what Stripe refuses is refused when the catalog is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quota_core.catalog_file import parse
from quota_core.chargeable import price_problem
from quota_core.errors import CatalogError
from quota_core.money import exponent_of
from tests.core.catalogs import EVERYTHING


@pytest.mark.parametrize(
    ("currency", "price_minor", "instead"),
    [
        ("KWD", 1234, "write 1230 or 1240"),
        ("ISK", 1250, "write 1200 or 1300"),
        ("EUR", 49, "write 50 or more"),
        ("JPY", 49, "write 50 or more"),
    ],
)
def test_a_price_that_stripe_refuses_is_named_with_what_to_write(
    currency: str, price_minor: int, instead: str
) -> None:
    """With file and key, for packages and for plans."""
    text = EVERYTHING.replace('currency = "EUR"', f'currency = "{currency}"')
    for name in ("299", "399"):
        text = text.replace(f"price_minor = {name}", f"price_minor = {price_minor}")
    text = text.replace("rank = 3\n", f'rank = 3\nprice_minor = {price_minor}\ninterval = "month"\n')
    with pytest.raises(CatalogError) as refusal:
        parse(text, name="bad.toml")
    problems = refusal.value.problems

    assert [problem.split(": ")[1] for problem in problems] == [
        "packages.five.price_minor",
        "packages.eight.price_minor",
        "plans.endless.price_minor",
    ]
    assert all(problem.endswith(instead) for problem in problems)


@pytest.mark.parametrize(
    ("currency", "price_minor"),
    [("XOF", 1501), ("EUR", 50), ("USD", 2999), ("DZD", 200_001), ("KWD", 1230), ("ISK", 1200), ("EUR", 0)],
)
def test_what_can_be_charged_is_no_problem(currency: str, price_minor: int) -> None:
    """Whole francs, cents, centimes, and fils that end in 0; what is free costs nothing anywhere."""
    assert price_problem(price_minor, currency) is None


@given(
    currency=st.sampled_from(("XOF", "EUR", "DZD", "KWD", "ISK", "JPY")), price_minor=st.integers(1, 10**8)
)
def test_what_is_named_instead_can_be_charged(currency: str, price_minor: int) -> None:
    """Whoever does what the problem says has none afterwards."""
    problem = price_problem(price_minor, currency)
    if problem is None:
        assert exponent_of(currency) != 3 or price_minor % 10 == 0
    else:
        numbers = [int(word) for word in problem.partition("write")[2].split() if word.isdecimal()]
        assert all(price_problem(number, currency) is None for number in numbers)
        assert any(numbers)
