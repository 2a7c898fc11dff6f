"""Form bodies: what they spell, and that no body at all breaks the reading of them."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe.params.checkout import SessionCreateParams

from sandbox.stripe_errors import StripeRefusal
from sandbox.stripe_forms import checked, decode, merged_metadata
from sandbox.stripe_params import members_of

MEMBERS = members_of(SessionCreateParams)
NAMES = st.sampled_from(
    [*MEMBERS, "price_data", "currency", "0", "1", "", "x", "product_data", "name", "expand"]
)
KEYS = st.builds(
    lambda head, rest: head + "".join(f"[{one}]" for one in rest), NAMES, st.lists(NAMES, max_size=9)
)
WORDS = st.one_of(
    st.text(max_size=8), st.sampled_from(["true", "1499", "eur", "payment", "-1", "9" * 25, "NaN"])
)


def test_nested_keys_become_objects_and_arrays() -> None:
    """Indexes order an array, `[]` appends to it, and every value gets its own type."""
    pairs = [
        ("line_items[1][quantity]", "2"),
        ("line_items[0][quantity]", "1"),
        ("expand[]", "line_items"),
        ("expand[]", "customer"),
        ("metadata[2]", "two"),
        ("allow_promotion_codes", "false"),
        ("line_items[0][price_data][currency]", "eur"),
        ("line_items[0][price_data][unit_amount_decimal]", "14.5"),
    ]

    assert checked(decode(pairs), MEMBERS) == {
        "line_items": [
            {"quantity": 1, "price_data": {"currency": "eur", "unit_amount_decimal": "14.5"}},
            {"quantity": 2},
        ],
        "expand": ["line_items", "customer"],
        "metadata": {"2": "two"},
        "allow_promotion_codes": False,
    }


@pytest.mark.parametrize(
    "pairs",
    [
        [("a[b", "1")],
        [("[a]", "1")],
        [("a[b]c", "1")],
        [("a[[b]]", "1")],
        [("a", "1"), ("a[b]", "2")],
        [("a[b]", "1"), ("a", "2")],
        [("a" + "[b]" * 9, "1")],
        [("line_items[x][quantity]", "1")],
        [("line_items", "1")],
        [("metadata", "text")],
        [("mode[payment]", "1")],
        [("expires_at", "1.5")],
        [("expires_at", "9" * 30)],
    ],
)
def test_malformed_bodies_are_refused(pairs: list[tuple[str, str]]) -> None:
    """Torn brackets, contradictions, depth, and values of another kind."""
    with pytest.raises(StripeRefusal) as caught:
        checked(decode(pairs), MEMBERS)

    assert caught.value.status == 400


@given(st.lists(st.tuples(st.one_of(KEYS, st.text(max_size=12)), WORDS), max_size=12))
def test_no_body_breaks_the_reader(pairs: list[tuple[str, str]]) -> None:
    """Whatever is sent is read or refused."""
    with contextlib.suppress(StripeRefusal):
        checked(decode(pairs), MEMBERS)


def test_metadata_is_merged_key_by_key() -> None:
    """An empty value unsets one key, an empty map all of them."""
    old = {"a": "1", "b": "2"}

    assert merged_metadata(old, {"a": "", "c": "3"}) == {"b": "2", "c": "3"}
    assert merged_metadata(old, "") == {}
    assert merged_metadata(old, None) == old
