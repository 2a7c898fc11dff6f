"""Keys: time-ordered ones as they are, all others as digests, no two alike by accident."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quota_core.keys import derived_key, key_bytes, keys_bytes

UUID7 = UUID("01932c07-8f1a-7c3e-9d2a-5b6c7d8e9f00")
SNOWFLAKE = 1_308_792_310_374_965_248


def test_a_snowflake_is_kept_as_itself_in_both_spellings() -> None:
    """Discord sends ids as strings; they sort by time in the index."""
    assert key_bytes(SNOWFLAKE) == key_bytes(str(SNOWFLAKE)) == SNOWFLAKE.to_bytes(16, "big")
    assert key_bytes(SNOWFLAKE) < key_bytes(SNOWFLAKE + 1)


def test_a_uuid7_is_kept_as_itself_and_another_uuid_is_not() -> None:
    """Version 7 grows with time; version 4 would make the index cold."""
    random = uuid4()

    assert key_bytes(UUID7) == key_bytes(str(UUID7)) == UUID7.bytes
    assert key_bytes(random) == key_bytes(str(random)) != random.bytes


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (str(UUID7), str(UUID7).upper()),
        ("123456789012345678", "0123456789012345678"),
        ("123456789012345678", "１２３４５６７８９０１２３４５６７８"),  # noqa: RUF001 - digits, but not ours
        ("a", "a "),
        ("é", "e\u0301"),
        ("5", "05"),
    ],
)
def test_two_spellings_are_two_keys(one: str, other: str) -> None:
    """A key is what the caller wrote, to the letter."""
    assert key_bytes(one) != key_bytes(other)


@given(st.one_of(st.text(min_size=1, max_size=200), st.integers(), st.uuids()))
def test_every_key_has_sixteen_bytes(key: str | int | UUID) -> None:
    """And the operation that follows from it has another key."""
    stored = key_bytes(key)

    assert len(stored) == 16
    assert derived_key("give_back", stored) not in (stored, derived_key("release", stored))


@pytest.mark.parametrize("key", ["", "x" * 201])
def test_an_empty_or_endless_key_is_refused(key: str) -> None:
    """1 to 200 characters."""
    with pytest.raises(ValueError, match="1 to 200"):
        key_bytes(key)


def test_a_number_is_the_same_key_in_both_spellings_up_to_its_last_bit() -> None:
    """The first snowflake with its highest bit set comes in 2084."""
    assert key_bytes(9_300_000_000_000_000_000) == key_bytes("9300000000000000000")


texts = st.sampled_from(
    [
        str(UUID7),
        str(UUID7).upper(),
        str(UUID7).replace("-", " ", 1),
        "0" + str(UUID7)[1:],
        str(SNOWFLAKE),
        "a",
    ]
) | st.uuids(version=4).map(str)


@given(st.lists(texts | st.just(str(UUID7))))
def test_several_keys_are_each_its_own(keys: list[str]) -> None:
    """However they are mixed."""
    assert keys_bytes(keys) == [key_bytes(key) for key in keys]


@given(st.integers(0, 35), st.sampled_from("0789aAbBfFgG-_ \n"))
def test_one_letter_makes_another_key_among_others_too(place: int, letter: str) -> None:
    """All that tells a UUIDv7 from other texts is looked at in each place."""
    text = str(UUID7)
    changed = text[:place] + letter + text[place + 1 :]

    assert keys_bytes([text, changed, text]) == [key_bytes(text), key_bytes(changed), key_bytes(text)]
