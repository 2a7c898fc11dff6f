"""Use that is corrected by hand: by entries, under audit, up and down, and the ledger stays sound."""

from collections.abc import AsyncIterator

import pytest

from quota_core.accounts import AccountRef
from quota_core.corrections import Corrected, Corrections, UnknownAccountError
from quota_core.errors import AmountError, OutOfQuotaError, UnknownMetricError
from tests.core.catalogs import everything
from tests.core.opened_ledger import OPERATOR, OpenLedger, Place, SteerableClock, open_ledger
from tests.core.recounting import assert_sound, used_windows

ANA = AccountRef("user", "1")


@pytest.fixture
async def wide(place: Place, clock: SteerableClock) -> AsyncIterator[OpenLedger]:
    """Return a ledger with every kind of pot."""
    opened = await open_ledger(place, catalog=everything(), clock=clock)
    yield opened
    await opened.close()


@pytest.fixture
def corrections(wide: OpenLedger) -> Corrections:
    """Return what corrects on it."""
    return Corrections(wide.database, wide.book, clock=wide.clock)


async def to(corrections: Corrections, percent: int, **options: str) -> list[Corrected]:
    """Correct Ana's use."""
    named = {"metric": "requests", "reason": "demo", **options}
    return await corrections.bring_to(
        ANA, percent, metric=named["metric"], actor="terminal:root", reason=named["reason"], create=True
    )


async def test_use_goes_up_and_down_to_the_share(wide: OpenLedger, corrections: Corrections) -> None:
    """Rounded up, so that 95 % of 10 are reached and not nearly; the rule goes on from there."""
    up = await to(corrections, 95)
    with pytest.raises(OutOfQuotaError):
        await wide.quota.consume(ANA, 1, key="a")
    down = await to(corrections, 50)
    spend = await wide.quota.consume(ANA, 1, key="a")

    assert up == [Corrected(kind="day", limit=10, before=0, after=10)]
    assert down == [Corrected(kind="day", limit=10, before=10, after=5)]
    assert spend.allowance_left == 4
    await assert_sound(wide)


async def test_each_window_is_brought_to_its_own_share(wide: OpenLedger, corrections: Corrections) -> None:
    """A day of 20 and a month of 45 are two windows; overage goes with the use that held it."""
    await wide.grants.set_plan(ANA, "pro", until_ms=None, actor=OPERATOR, reason="", key="p")
    await wide.quota.consume(ANA, 3, key="a")
    pro = await to(corrections, 90)
    await wide.grants.set_plan(ANA, "charged", until_ms=None, actor=OPERATOR, reason="", key="q")
    await to(corrections, 50)
    await wide.quota.consume(ANA, 8, key="b")
    charged = await to(corrections, 50)

    assert [(one.kind, one.before, one.after) for one in pro] == [("day", 3, 18), ("month", 3, 41)]
    assert [(one.kind, one.before, one.after) for one in charged] == [("day", 13, 5), ("month", 38, 30)]
    assert all(overage == 0 for _, overage in (await used_windows(wide)).values())
    await assert_sound(wide)


async def test_an_account_that_never_was_is_not_opened_by_mistake(
    wide: OpenLedger, corrections: Corrections
) -> None:
    """A typing error names nobody; nothing is written."""
    with pytest.raises(UnknownAccountError, match="user:1"):
        await corrections.bring_to(ANA, 50, metric=None, actor="terminal:root", reason="")

    assert await wide.rows("SELECT count(*) FROM accounts") == [(0,)]


async def test_who_did_it_and_why_is_kept(wide: OpenLedger, corrections: Corrections) -> None:
    """One audit row for each entry; what is as it should be gets none."""
    await to(corrections, 90, reason="the demo on Monday")
    again = await to(corrections, 90)
    rows = await wide.rows("SELECT actor, action, reason FROM audit")
    line = (await wide.history.page(ANA, 0)).lines[0]

    assert rows == [("terminal:root", "correct", "the demo on Monday")]
    assert [(one.before, one.after) for one in again] == [(9, 9)]
    assert (line.kind, line.units) == ("correct", 9)


async def test_nonsense_changes_nothing(wide: OpenLedger, corrections: Corrections) -> None:
    """More than everything, or of what does not exist."""
    with pytest.raises(AmountError):
        await to(corrections, 101)
    with pytest.raises(UnknownMetricError):
        await to(corrections, 50, metric="teapots")

    assert await wide.entries() == []


@pytest.mark.parametrize("ends", ["settle", "release", "time", "give_back"])
async def test_units_that_were_taken_before_a_correction_still_go_back(
    wide: OpenLedger, corrections: Corrections, ends: str
) -> None:
    """A hold that could not end would make every request of its account fail, for ever."""
    await wide.grants.set_plan(ANA, "charged", until_ms=None, actor=OPERATOR, reason="", key="q")
    await wide.quota.hold(ANA, 13, key="held", ttl_seconds=60)
    await wide.quota.consume(ANA, 2, key="spent")
    await to(corrections, 0)
    if ends == "settle":
        await wide.quota.settle(ANA, key="held", units=4)
    elif ends == "release":
        await wide.quota.release(ANA, key="held")
    elif ends == "give_back":
        await wide.quota.give_back(ANA, key="spent")
    wide.clock.move(seconds=61)
    await wide.quota.holds.end_due()
    spend = await wide.quota.consume(ANA, 1, key="next")

    assert spend.allowance_left == 9
    assert (await wide.balances.of(ANA)).metrics[0].held == 0
    await assert_sound(wide)
