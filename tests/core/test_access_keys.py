"""API keys: shown once, stored as a digest, ended at once."""

from pathlib import Path

import pytest

from quota_core.access_keys import Scope
from quota_core.accounts import AccountRef
from quota_core.catalog import Catalog
from tests.core.opened_ledger import OpenLedger, SteerableClock, open_ledger

ANA, BEN = AccountRef("user", "1"), AccountRef("user", "2")


async def test_a_key_is_what_it_was_made_for(ledger: OpenLedger) -> None:
    """Name, scopes, account; a service's key stands for any account."""
    service = await ledger.keys.check(
        await ledger.keys.create("panel", [Scope.QUOTA_READ, Scope.QUOTA_CONSUME])
    )
    own = await ledger.keys.check(await ledger.keys.create("ana", [Scope.QUOTA_READ], account=ANA))

    assert service is not None
    assert own is not None
    assert (service.name, service.account) == ("panel", None)
    assert service.allows(Scope.QUOTA_CONSUME, BEN)
    assert not service.allows(Scope.ADMIN_WRITE, BEN)
    assert own.allows(Scope.QUOTA_READ, ANA)
    assert not own.allows(Scope.QUOTA_READ, BEN)


@pytest.mark.parametrize("account", [AccountRef("external", "project:x"), AccountRef("guild", "7"), ANA])
async def test_a_key_may_be_bound_to_any_kind_of_account(ledger: OpenLedger, account: AccountRef) -> None:
    """Also to one whose name holds a colon."""
    key = await ledger.keys.check(await ledger.keys.create("bound", [Scope.QUOTA_READ], account=account))

    assert key is not None
    assert key.account == account


async def test_the_secret_is_nowhere_in_the_file(
    tmp_path: Path, catalog: Catalog, clock: SteerableClock
) -> None:
    """T17: a stolen back-up opens nothing."""
    ledger = await open_ledger(tmp_path / "quota.db", catalog=catalog, clock=clock)
    token = await ledger.keys.create("panel", list(Scope))
    key = await ledger.keys.check(token)
    await ledger.close()
    content = (tmp_path / "quota.db").read_bytes()
    secret = token.split("_", 2)[2]

    assert key is not None
    assert key.id.encode() in content
    assert secret.encode() not in content
    assert secret not in repr(key)


async def test_a_revoked_key_is_refused_at_once(ledger: OpenLedger) -> None:
    """And stays in the list, with the moment of its first end."""
    token = await ledger.keys.create("panel", [Scope.QUOTA_READ])
    key = await ledger.keys.check(token)
    assert key is not None
    revoked = await ledger.keys.revoke(key.id)
    ledger.clock.move(hours=1)
    await ledger.keys.revoke(key.id)

    assert revoked
    assert await ledger.keys.check(token) is None
    assert [listed.revoked_ms for listed in await ledger.keys.list()] == [ledger.clock() - 3_600_000]
    assert not await ledger.keys.revoke("000000000000")


async def test_a_key_ends_at_its_moment(ledger: OpenLedger) -> None:
    """Good until, and not at, its expiry."""
    token = await ledger.keys.create("panel", [Scope.QUOTA_READ], expires_ms=ledger.clock() + 1000)
    ledger.clock.move(ms=999)
    good = await ledger.keys.check(token)
    ledger.clock.move(ms=1)

    assert good is not None
    assert await ledger.keys.check(token) is None


async def test_anything_else_is_no_key(ledger: OpenLedger) -> None:
    """Near misses, other alphabets, nothing, too much; never an exception."""
    token = await ledger.keys.create("panel", [Scope.QUOTA_READ])
    other = await ledger.keys.create("panel", [Scope.QUOTA_READ])
    mixed = token[:18] + other[18:]
    wrong = [
        token[:-1],
        token + "A",
        token.upper(),
        f" {token}",
        f"{token}\n",
        mixed,
        "",
        "é" * 62,
        "jauge__",
        "x" * 10**6,
    ]

    assert [await ledger.keys.check(text) for text in wrong] == [None] * len(wrong)
