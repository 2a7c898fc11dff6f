"""A server's quota for its members: after or before their own, within caps that every process keeps to."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from quota_core.accounts import AccountRef
from quota_core.answers import Spend
from quota_core.errors import OutOfQuotaError
from quota_core.pool_caps import Draw
from tests.core.catalogs import everything
from tests.core.opened_ledger import OPERATOR, OpenLedger, Place, SteerableClock, open_ledger
from tests.core.recounting import assert_sound

ANA, BEN, GUILD = AccountRef("user", "1"), AccountRef("user", "2"), AccountRef("guild", "7")
CAPPED = Draw(GUILD, caps=(("day", 6), ("month", 9)))


@pytest.fixture
async def wide(place: Place, clock: SteerableClock) -> AsyncIterator[OpenLedger]:
    """Return a ledger with a server that was given units."""
    opened = await open_ledger(place, catalog=everything(), clock=clock)
    await opened.grants.add(GUILD, 100, actor=OPERATOR, reason="", key="g")
    yield opened
    await opened.close()


async def drawn(ledger: OpenLedger, member: AccountRef, units: int, key: str, draw: Draw = CAPPED) -> Spend:
    """Spend from the member and the server, and raise what refuses it."""
    operation = ledger.quota.operation(member, units, key=key, payers=(GUILD,))._replace(draw=draw)
    outcome = (await ledger.quota.consume_many([operation]))[0]
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


async def test_a_cap_bounds_what_a_member_draws(wide: OpenLedger) -> None:
    """In each window at once; the own quota goes first, and another member has its own cap."""
    first = await drawn(wide, ANA, 12, "m1")
    with pytest.raises(OutOfQuotaError) as refusal:
        await drawn(wide, ANA, 5, "m2")
    await drawn(wide, ANA, 4, "m3")
    other = await drawn(wide, BEN, 16, "m1")
    wide.clock.move(days=1)
    with pytest.raises(OutOfQuotaError) as monthly:
        await drawn(wide, ANA, 14, "m4")
    await drawn(wide, ANA, 13, "m5")
    await assert_sound(wide)

    assert (first.units, first.from_allowance) == (12, 12)
    assert (refusal.value.units_left, monthly.value.units_left) == (4, 13)
    assert other.units == 16


async def test_the_server_may_pay_first(wide: OpenLedger) -> None:
    """Then the member's own quota is for what the caps do not let through; the entry stays the member's."""
    await drawn(wide, ANA, 8, "m1", CAPPED._replace(first=True))
    again = await drawn(wide, ANA, 8, "m1", CAPPED._replace(first=True))
    balance = (await wide.balances.of(ANA)).of("requests")
    entries = (await wide.entries())[1:]
    await assert_sound(wide)

    assert again.replayed
    assert balance is not None
    assert balance.windows[0].used == 2
    assert [(entry.units, "%" in entry.parts) for entry in entries] == [(2, True), (6, False)]


async def test_what_goes_back_can_be_drawn_again(wide: OpenLedger) -> None:
    """After a give-back, and after a hold of which less was used."""
    await drawn(wide, ANA, 16, "m1")
    await wide.quota.give_back(ANA, key="m1")
    operation = wide.quota.operation(ANA, 16, key="h", payers=(GUILD,))._replace(draw=CAPPED)
    await wide.quota.holds.hold(operation, 60)
    with pytest.raises(OutOfQuotaError):
        await drawn(wide, ANA, 1, "m2")
    await wide.quota.settle(ANA, key="h", units=11)
    await drawn(wide, ANA, 5, "m3")
    with pytest.raises(OutOfQuotaError):
        await drawn(wide, ANA, 1, "m4")
    await assert_sound(wide)


async def test_a_cap_holds_when_many_ask_at_once(
    wide: OpenLedger, place: Place, clock: SteerableClock
) -> None:
    """Also in two processes, and after a restart: what was drawn is in the ledger."""
    other = (
        wide if not isinstance(place, str) else await open_ledger(place, catalog=everything(), clock=clock)
    )
    outcomes = await asyncio.gather(
        *(drawn(one, ANA, 1, f"{number}") for number in range(40) for one in (wide, other)),
        return_exceptions=True,
    )
    taken = {one.entry_ids for one in outcomes if isinstance(one, Spend)}
    wide.book.forget()
    with pytest.raises(OutOfQuotaError):
        await drawn(wide, ANA, 1, "later")
    await assert_sound(wide)
    if other is not wide:
        await other.close()

    assert len(taken) == 10 + 6


async def test_a_cap_of_nothing_lets_nothing_through(wide: OpenLedger) -> None:
    """And no cap at all only counts."""
    with pytest.raises(OutOfQuotaError):
        await drawn(wide, ANA, 11, "m1", Draw(GUILD, caps=(("week", 0),)))
    spend = await drawn(wide, ANA, 60, "m2", Draw(GUILD, caps=(("week", None),)))
    await assert_sound(wide)

    assert spend.units == 60
