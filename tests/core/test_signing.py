"""Keys that are made once, and signatures that fit or do not."""

import stat
from pathlib import Path

import pytest

from quota_core import own_keys
from quota_core.errors import UnavailableError
from quota_core.signing import SigningKey, canonical, is_signed


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    """The file has mode 0600, and what is in it stays."""
    first = own_keys.signing_key(tmp_path / "data")
    again = own_keys.signing_key(tmp_path / "data")

    assert first.public_key == again.public_key
    assert stat.S_IMODE((tmp_path / "data" / "signing.key").stat().st_mode) == 0o600
    assert [file.name for file in (tmp_path / "data").iterdir()] == ["signing.key"]


def test_what_is_no_key_is_not_replaced(tmp_path: Path) -> None:
    """Whoever put something there wants to know."""
    (tmp_path / "signing.key").write_text("hello")

    with pytest.raises(UnavailableError, match="holds no Ed25519 key"):
        own_keys.signing_key(tmp_path)
    assert (tmp_path / "signing.key").read_text() == "hello"


def test_a_given_secret_wins_over_the_file(tmp_path: Path) -> None:
    """Without one, a file is made."""
    made = own_keys.secret_key(tmp_path, None)

    assert own_keys.secret_key(tmp_path, None) == made
    assert own_keys.secret_key(tmp_path, "x" * 32) == b"x" * 32
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600


def test_a_signature_fits_what_was_signed_and_nothing_else() -> None:
    """The order of names does not matter, every value does."""
    key = SigningKey.new()
    signed = key.signed({"b": [1, None, "é"], "a": {"c": 2}})

    assert is_signed(signed)
    assert is_signed(dict(reversed(signed.items())))
    assert not is_signed(signed | {"b": [1, None, "e"]})
    assert not is_signed(signed | {"more": 1})
    assert not is_signed(signed | {"public_key": SigningKey.new().public_key})
    assert not is_signed({name: value for name, value in signed.items() if name != "signature"})
    assert canonical({"b": 1, "a": "é"}) == '{"a":"é","b":1}'.encode()


def test_the_private_key_never_shows(tmp_path: Path) -> None:
    """Not in a `repr`, which ends in logs."""
    key = own_keys.signing_key(tmp_path)

    assert "PRIVATE" not in repr(key)
    assert key.to_pem().decode() not in repr(vars(key))
