"""How accounts are spelled."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quota_core.accounts import AccountRef, users_of


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("123456789012345678", "user", "123456789012345678"),
        ("user:1", "user", "1"),
        ("guild:77", "guild", "77"),
        ("project:x", "external", "project:x"),
        ("external:x", "external", "external:x"),
        ("team:a:b", "external", "team:a:b"),
    ],
)
def test_an_account_is_read_as_it_is_meant(text: str, kind: str, name: str) -> None:
    """Bare digits mean a user; what is neither user nor guild is external, with its own kind in the name."""
    assert AccountRef.parse(text) == (kind, name)
    assert AccountRef.parse(str(AccountRef.parse(text))) == (kind, name)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "user:",
        "user:0",
        "user:01",
        "user:x",
        "guild:1 2",
        ":x",
        "x",
        "a:",
        "user:" + "1" * 21,
        "a:b\n",
        "١٢٣",
        "x" * 201,
    ],
)
def test_a_bad_spelling_is_refused(text: str) -> None:
    """Empty parts, blanks, control characters, digits of other scripts, too much."""
    with pytest.raises(ValueError, match=r"Discord id|an account is"):
        AccountRef.parse(text)


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused_and_survives_its_spelling(text: str) -> None:
    """Nothing else happens."""
    try:
        account = AccountRef.parse(text)
    except ValueError:
        return

    assert AccountRef.parse(str(account)) == account


@given(
    st.lists(
        st.sampled_from(["1", "20", "9" * 20, "9" * 21, "0", "01", "", "user:1", "٣", "1 ", "x"]) | st.text()
    )
)
def test_bare_ids_together_are_what_each_is_alone(ids: list[str]) -> None:
    """All of them users, or none is told."""
    found = users_of(ids)
    if found is not None:
        assert found == [AccountRef.parse(one) for one in ids]
    elif ids:
        assert not all(one.isascii() and one.isdigit() and one[0] != "0" and len(one) <= 20 for one in ids)
