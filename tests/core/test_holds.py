"""Holds by example: taken at once, settled, released, over by their time; each ends once."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from quota_core.accounts import AccountRef
from quota_core.catalog import Catalog
from quota_core.errors import (
    AmountError,
    ConflictingReplayError,
    HoldEndedError,
    OutOfQuotaError,
    UnknownHoldError,
    UnknownSpendError,
)
from quota_core.holds import LOOK_SECONDS
from quota_core.ledger import EntryKind
from tests.core.catalogs import everything
from tests.core.opened_ledger import OPERATOR, OpenLedger, Place, SteerableClock, open_ledger
from tests.core.recounting import assert_sound, used_windows

ANA, BEN, POOL = AccountRef("user", "1"), AccountRef("user", "2"), AccountRef("guild", "7")
PROJECT = Path(__file__).parents[2]


@pytest.fixture
async def wide(place: Place, clock: SteerableClock) -> AsyncIterator[OpenLedger]:
    """Return a ledger with every kind of pot."""
    opened = await open_ledger(place, catalog=everything(), clock=clock)
    yield opened
    await opened.close()


async def used(ledger: OpenLedger) -> dict[str, tuple[int, int]]:
    """Return what the windows have used, by their keys."""
    return {period: counts for (_, _, period), counts in (await used_windows(ledger)).items()}


async def test_a_hold_is_used_until_it_ends(ledger: OpenLedger) -> None:
    """Nobody spends held units; what was not used can be spent again."""
    held = await ledger.quota.hold(ANA, 40, key="h", ttl_seconds=60)
    during = (await ledger.balances.of(ANA)).of("requests")
    with pytest.raises(OutOfQuotaError):
        await ledger.quota.consume(ANA, 11, key="m")
    end = await ledger.quota.settle(ANA, key="h", units=15)
    after = (await ledger.balances.of(ANA)).of("requests")
    await assert_sound(ledger)

    assert (held.spend.units, held.spend.allowance_left) == (40, 10)
    assert held.expires_ms == ledger.clock() + 60_000
    assert during is not None
    assert (during.held, during.allowance_left) == (40, 10)
    assert (end.how, end.units_held, end.units_used, end.units_back) == ("settled", 40, 15, 25)
    assert end.allowance_left == 35
    assert after is not None
    assert (after.held, after.allowance_left) == (0, 35)


async def test_what_goes_back_goes_where_it_came_from(wide: OpenLedger) -> None:
    """Overage first, then lots, then windows; also of the second payer, and after the day has turned."""
    await wide.grants.set_plan(ANA, "charged", until_ms=None, actor=OPERATOR, reason="", key="p")
    await wide.grants.add(ANA, 3, actor=OPERATOR, reason="", key="g")
    await wide.quota.hold(ANA, 25, key="h", payers=(POOL,), ttl_seconds=80_000)
    taken = await used(wide)
    wide.clock.move(hours=20)
    end = await wide.quota.settle(ANA, key="h", units=12)
    left = await used(wide)
    lots = await wide.rows("SELECT left_units FROM lots")
    kinds = [(entry.account, entry.kind, entry.units) for entry in (await wide.entries())[2:]]
    await assert_sound(wide)

    # 10 of the day, 3 of the lot, 10 of the pool's day, 2 beyond.
    assert taken["2026-11"] == (12, 0)
    assert end.units_back == 13
    assert left["2026-11"] == (10, 0)
    assert lots == [(1,)]
    assert kinds == [(1, 8, 15), (2, 8, 10), (1, 9, 3), (2, 9, 10)]


async def test_each_end_is_once(ledger: OpenLedger) -> None:
    """The same end again gets the same answer; another one is refused."""
    await ledger.quota.hold(ANA, 10, key="s")
    await ledger.quota.hold(ANA, 10, key="r")
    settled = [await ledger.quota.settle(ANA, key="s", units=4) for _ in range(2)]
    released = [await ledger.quota.release(ANA, key="r") for _ in range(2)]
    with pytest.raises(ConflictingReplayError):
        await ledger.quota.settle(ANA, key="s", units=5)
    with pytest.raises(HoldEndedError) as late:
        await ledger.quota.release(ANA, key="s")
    with pytest.raises(HoldEndedError):
        await ledger.quota.settle(ANA, key="r", units=0)
    await assert_sound(ledger)

    assert [end.replayed for end in (*settled, *released)] == [False, True, False, True]
    assert (settled[1].units_used, released[1].units_used) == (4, 0)
    assert (settled[0].allowance_left, settled[1].allowance_left) == (36, 36)
    assert (late.value.how, late.value.units_used) == ("settled", 4)
    assert len(await ledger.entries()) == 4


async def test_no_more_is_settled_than_was_held(ledger: OpenLedger) -> None:
    """It stays held, so that the caller can try again."""
    await ledger.quota.hold(ANA, 10, key="h")
    for units in (11, -1):
        with pytest.raises(AmountError) as refusal:
            await ledger.quota.settle(ANA, key="h", units=units)
        assert (refusal.value.minimum, refusal.value.maximum) == (0, 10)
    end = await ledger.quota.settle(ANA, key="h", units=10)

    assert (end.units_used, end.units_back) == (10, 0)
    await assert_sound(ledger)


async def test_the_same_hold_again_is_the_same_hold(ledger: OpenLedger) -> None:
    """Also after it has ended; with other units, another time or as another operation it is refused."""
    first = await ledger.quota.hold(ANA, 10, key="h", ttl_seconds=60)
    ledger.clock.move(seconds=5)
    again = await ledger.quota.hold(ANA, 10, key="h", ttl_seconds=60)
    await ledger.quota.release(ANA, key="h")
    late = await ledger.quota.hold(ANA, 10, key="h", ttl_seconds=60)
    for other in (
        ledger.quota.hold(ANA, 11, key="h", ttl_seconds=60),
        ledger.quota.hold(ANA, 10, key="h", ttl_seconds=61),
        ledger.quota.consume(ANA, 10, key="h"),
    ):
        with pytest.raises(ConflictingReplayError):
            await other
    await ledger.quota.consume(ANA, 10, key="m")
    with pytest.raises(ConflictingReplayError):
        await ledger.quota.hold(ANA, 10, key="m")
    with pytest.raises(UnknownSpendError):
        await ledger.quota.give_back(ANA, key="h")

    assert again == late
    assert again.spend == first.spend._replace(replayed=True)
    assert again.expires_ms == first.expires_ms


async def test_what_was_never_held_cannot_end(ledger: OpenLedger) -> None:
    """No hold, a spend, and the share of another payer."""
    await ledger.quota.consume(ANA, key="m")
    await ledger.quota.hold(ANA, 60, key="h", payers=(POOL,))
    for account, key in ((ANA, "none"), (ANA, "m"), (POOL, "h"), (BEN, "h")):
        with pytest.raises(UnknownHoldError):
            await ledger.quota.release(account, key=key)


async def test_a_refused_hold_holds_nothing(ledger: OpenLedger) -> None:
    """Whole or not at all; the same key may succeed later."""
    with pytest.raises(OutOfQuotaError):
        await ledger.quota.hold(ANA, 51, key="h")
    for ttl_seconds in (0, 86_401):
        with pytest.raises(AmountError):
            await ledger.quota.hold(ANA, 1, key="h", ttl_seconds=ttl_seconds)
    held = await ledger.quota.hold(ANA, 50, key="h")

    assert (held.spend.units, held.spend.replayed) == (50, False)


async def test_thresholds_are_crossed_when_units_are_held(wide: OpenLedger) -> None:
    """Once in a window, although some of them go back."""
    first = await wide.quota.hold(ANA, 5, key="h")
    await wide.quota.release(ANA, key="h")
    second = await wide.quota.consume(ANA, 5, key="m")
    await assert_sound(wide)

    assert [crossing.percent for crossing in first.spend.crossings] == [50]
    assert second.crossings == ()


async def test_a_hold_whose_time_is_over_is_released_once(ledger: OpenLedger) -> None:
    """By the task, and by whoever touches the account first: a spend, another hold, an end that comes too late."""
    for key in ("task", "spend", "hold", "end"):
        await ledger.quota.hold(ANA, 50, key=key, ttl_seconds=60)
        ledger.clock.move(seconds=60)
        if key == "task":
            await asyncio.gather(*(ledger.quota.holds.end_due() for _ in range(3)))
        elif key == "spend":
            await ledger.quota.consume(ANA, 50, key="m")
            await ledger.quota.give_back(ANA, key="m")
        elif key == "hold":
            await ledger.quota.hold(ANA, 50, key="h2", ttl_seconds=600)
            await ledger.quota.release(ANA, key="h2")
        for end in (ledger.quota.settle(ANA, key=key, units=3), ledger.quota.release(ANA, key=key)):
            with pytest.raises(HoldEndedError) as refusal:
                await end
            assert refusal.value.how == "expired"
    releases = [entry for entry in await ledger.entries() if entry.kind == EntryKind.RELEASE]
    await assert_sound(ledger)

    assert len(releases) == 5
    assert await ledger.rows("SELECT 1 FROM holds") == []


async def test_history_shows_what_is_held(ledger: OpenLedger) -> None:
    """Until it ends: what was used then is use, as requests are."""
    await ledger.quota.hold(ANA, 7, key="h")
    during = await ledger.history.page(ANA, 0)
    await ledger.quota.settle(ANA, key="h", units=3)
    after = await ledger.history.page(ANA, 0)
    stats = await ledger.statistics.now()

    assert [(line.kind, line.units, line.after) for line in during.lines] == [("hold", 7, None)]
    assert after.lines == ()
    assert stats.used == 3


async def test_racing_ends_end_a_hold_once(ledger: OpenLedger, place: Place, clock: SteerableClock) -> None:
    """Also in two processes: one end wins, whatever the others wanted."""
    other = ledger
    if not isinstance(place, Path):
        other = await open_ledger(place, catalog=ledger.catalog, clock=clock)
    for number in range(10):
        await ledger.quota.hold(ANA, 20, key=f"h{number}", ttl_seconds=60)
        clock.move(seconds=59 + number % 2)
        outcomes = await asyncio.gather(
            *(one.quota.settle(ANA, key=f"h{number}", units=5) for one in (ledger, other)),
            *(one.quota.release(ANA, key=f"h{number}") for one in (ledger, other)),
            *(one.quota.holds.end_due() for one in (ledger, other)),
            return_exceptions=True,
        )
        assert not [
            one for one in outcomes if isinstance(one, Exception) and not isinstance(one, HoldEndedError)
        ]
    ends = [entry for entry in await ledger.entries() if entry.kind in (EntryKind.SETTLE, EntryKind.RELEASE)]
    await assert_sound(ledger)
    if other is not ledger:
        await other.close()

    assert len(ends) == 10


async def test_the_task_sleeps_until_the_next_end(
    ledger: OpenLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hold that is placed wakes it, so that it knows of one that ends sooner."""
    holds = ledger.quota.holds
    assert await holds.end_due() == LOOK_SECONDS
    await ledger.quota.hold(ANA, 5, key="h1", ttl_seconds=600)
    assert await holds.end_due() == 600
    await ledger.quota.hold(ANA, 5, key="h2", ttl_seconds=1)
    assert await holds.end_due() == 1
    task = asyncio.create_task(holds.end_in_time())
    ledger.clock.move(seconds=1)
    told = asyncio.Event()
    monkeypatch.setattr("quota_core.holds.log.info", lambda *_: told.set())
    async with asyncio.timeout(120):
        await ledger.quota.hold(BEN, 1, key="h3", ttl_seconds=900)
        await told.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    left = await ledger.rows("SELECT units FROM holds ORDER BY units")

    assert left == [(1,), (5,)]


async def test_a_service_that_is_held_was_called_unless_it_is_released(wide: OpenLedger) -> None:
    """The calls stand when units go back after the work; they go with all units."""
    held = await wide.quota.hold(ANA, 2, key="h1", service="chat")
    await wide.quota.settle(ANA, key="h1", units=1)
    again = await wide.quota.hold(ANA, 2, key="h1", service="chat")
    await wide.quota.hold(ANA, 3, key="h2", service="chat")
    await wide.quota.release(ANA, key="h2")
    parts = [entry.parts for entry in await wide.entries()]
    await assert_sound(wide)

    assert again.spend == held.spend._replace(replayed=True)
    assert [("*chat" in text) for text in parts] == [True, False, True, True]
    assert "*chat=-3" in parts[3]


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_a_process_that_is_killed_while_it_holds_loses_nothing(
    place: Path, clock: SteerableClock, catalog: Catalog
) -> None:
    """SIGKILL between hold and settle: another process ends the hold by its time, once."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.core.other_process", "hold_units", str(place)),
        cwd=PROJECT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(120):
        while b"held" not in await process.stdout.readline():
            pass
    process.kill()
    await process.wait()
    ledger = await open_ledger(place, catalog=catalog, clock=clock)
    before = (await ledger.balances.of(ANA)).of("requests")
    clock.move(seconds=60)
    await ledger.quota.holds.end_due()
    await ledger.quota.holds.end_due()
    after = (await ledger.balances.of(ANA)).of("requests")
    kinds = [entry.kind for entry in await ledger.entries()]
    await assert_sound(ledger)
    await ledger.close()

    assert before is not None
    assert (before.held, before.allowance_left) == (30, 20)
    assert after is not None
    assert (after.held, after.allowance_left) == (0, 50)
    assert kinds == [EntryKind.HOLD, EntryKind.RELEASE]
