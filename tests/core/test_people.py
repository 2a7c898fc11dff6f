"""What is remembered of a person, and what a look at somebody writes: nothing."""

from quota_core.accounts import AccountRef
from tests.core.opened_ledger import OpenLedger

ANA = AccountRef("user", "1")


async def test_a_language_is_remembered_once_seen(ledger: OpenLedger) -> None:
    """In memory, in the file, and in what is told of the account."""
    before = await ledger.people.locale_of(ANA)
    await ledger.people.seen(ANA, "fr")
    await ledger.people.seen(ANA, "fr")
    ledger.book.forget()

    assert (before, await ledger.people.locale_of(ANA)) == (None, "fr")
    assert (await ledger.balances.of(ANA)).locale == "fr"
    await ledger.people.seen(ANA, "en-GB")
    assert await ledger.people.locale_of(ANA) == "en-GB"


async def test_looking_writes_nothing(ledger: OpenLedger) -> None:
    """A4: an account that nobody opened has what its plan gives, and still does not exist."""
    balance = await ledger.balances.of(ANA)
    await ledger.people.locale_of(ANA)
    await ledger.history.page(ANA, 0)
    await ledger.notices.kept(ANA)
    part = balance.of("requests")

    assert (balance.exists, balance.plan, balance.blocked) == (False, "free", False)
    assert part is not None
    assert (part.allowance_left, part.total_left, part.purchased_used) == (50, 50, 0)
    assert balance.of("tokens") is None
    assert await ledger.rows("SELECT 1 FROM accounts UNION ALL SELECT 1 FROM balances") == []


async def test_a_direct_channel_is_remembered_by_account(ledger: OpenLedger) -> None:
    """Ids beyond 2^53 stay exact."""
    await ledger.people.direct_channel(ANA, 2**63 + 1)

    assert await ledger.rows("SELECT dm_channel_id FROM accounts") == [(str(2**63 + 1),)]
