"""What an account had at a moment that is gone, from its entries alone."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from quota_core.account_walk import BrokenChainError
from quota_core.accounts import AccountRef
from quota_core.past_balance import PastBalance, past_balance
from tests.core.catalogs import everything
from tests.core.opened_ledger import DAY_MS, NOON_MS, OPERATOR, OpenLedger, SteerableClock, open_ledger
from tests.core.rich_ledger import ANA, lived_in

UTC = ZoneInfo("UTC")


async def at(ledger: OpenLedger, at_ms: int, account: AccountRef = ANA) -> PastBalance:
    """Look back."""
    return await past_balance(ledger.database, account, at_ms, zone=UTC)


async def test_each_moment_has_its_balance(ledger: OpenLedger, clock: SteerableClock) -> None:
    """Before the first entry nothing; then what was given, used and left until the next entry."""
    await ledger.grants.add(ANA, 30, actor=OPERATOR, reason="", key="g")
    clock.move(hours=1)
    await ledger.quota.consume(ANA, 60, key="c1")
    clock.move(days=1)
    await ledger.grants.set_plan(ANA, "pro", until_ms=clock() + DAY_MS, actor=OPERATOR, reason="", key="p")
    await ledger.quota.consume(ANA, 3, key="c2")
    moments = [NOON_MS - 1, NOON_MS, NOON_MS + 3_600_000, clock(), clock() + DAY_MS]
    found = [await at(ledger, at_ms) for at_ms in moments]

    assert [past.version for past in found] == [0, 1, 2, 4, 4]
    assert [past.plan for past in found] == [None, None, None, "pro", None]
    assert [past.metrics[0].left if past.metrics else None for past in found] == [None, 30, 20, 20, 20]
    assert [past.metrics[0].windows if past.metrics else () for past in found] == [
        (),
        (),
        (("2026-11-20", 50, 0),),
        (("2026-11-21", 3, 0),),
        (),
    ]


async def test_the_present_is_what_the_rows_say(tmp_path: Path, clock: SteerableClock) -> None:
    """Two ways to the same numbers: the entries, and what was kept of them."""
    ledger = await open_ledger(tmp_path / "quota.db", catalog=everything(), clock=clock)
    await lived_in(ledger)
    now = {one.metric: one for one in (await at(ledger, clock())).metrics}
    told = {one.metric: one for one in (await ledger.balances.of(ANA)).metrics}
    await ledger.close()

    assert now["requests"].left == told["requests"].purchased_left + told["requests"].expiring_left
    assert now["requests"].debt == told["requests"].debt
    assert sum(used for _, used, _ in now["requests"].windows) == sum(
        w.used for w in told["requests"].windows
    )
    assert now["renders"].windows[0][1:] == (1, 0)


async def test_units_that_ended_are_told_apart(tmp_path: Path, clock: SteerableClock) -> None:
    """A lot says in its entry when it ends."""
    ledger = await open_ledger(tmp_path / "quota.db", catalog=everything(), clock=clock)
    await lived_in(ledger)
    account = AccountRef("user", "2")
    before, after = await at(ledger, NOON_MS, account), await at(ledger, NOON_MS + 900 * DAY_MS, account)
    await ledger.close()

    assert (before.metrics[0].left, before.metrics[0].ended) == (5, 0)
    assert (after.metrics[0].left, after.metrics[0].ended) == (0, 5)


async def test_an_altered_past_is_not_told(ledger: OpenLedger) -> None:
    """The walk checks each digest, and a break ends it."""
    for number in range(5):
        await ledger.quota.consume(ANA, 1, key=f"c{number}")
    await ledger.tamper("UPDATE entries SET at_ms = at_ms - 1 WHERE version = 2")

    with pytest.raises(BrokenChainError, match="is not what was written"):
        await at(ledger, NOON_MS)


async def test_nobody_has_no_past(ledger: OpenLedger) -> None:
    """An account that was never seen."""
    with pytest.raises(LookupError, match="user:9"):
        await at(ledger, NOON_MS, AccountRef("user", "9"))
