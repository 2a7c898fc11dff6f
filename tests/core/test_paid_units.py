"""The step from free units to paid ones: refused as a whole until somebody agreed, and charged once."""

import asyncio

import pytest

from quota_core.accounts import AccountRef
from quota_core.answers import Spend
from quota_core.errors import QuotaError
from quota_core.paid_units import PaidUnitsError
from tests.core.catalogs import everything
from tests.core.opened_ledger import OPERATOR, OpenLedger, Place, SteerableClock, buy, open_ledger
from tests.core.recounting import assert_sound

ANA = AccountRef("user", "1")


async def free(ledger: OpenLedger, units: int, key: str) -> Spend | QuotaError:
    """Ask for free units alone."""
    operation = ledger.quota.operation(ANA, units, key=key)._replace(free_only=True)
    [outcome] = await ledger.quota.consume_many([operation])
    return outcome


async def test_bought_units_are_not_taken_for_free_ones(ledger: OpenLedger) -> None:
    """The refusal says what would be taken, and writes nothing: the same key works afterwards."""
    await ledger.grants.add(ANA, 100, actor=OPERATOR, reason="gift", key="g")
    covered = await free(ledger, 48, "a")
    refused = await free(ledger, 5, "b")
    before = len(await ledger.entries())
    spend = await ledger.quota.consume(ANA, 5, key="b")

    assert isinstance(covered, Spend)
    assert isinstance(refused, PaidUnitsError)
    assert (refused.units_asked, refused.from_purchased, refused.from_overage) == (5, 3, 0)
    assert refused.purchased_left == 100
    assert before == 2
    assert (spend.from_allowance, spend.from_purchased, spend.replayed) == (2, 3, False)
    await assert_sound(ledger)


async def test_charged_units_are_asked_about_too(place: Place, clock: SteerableClock) -> None:
    """Overage costs money as well."""
    ledger = await open_ledger(place, catalog=everything(), clock=clock)
    await ledger.grants.set_plan(ANA, "charged", until_ms=None, actor=OPERATOR, reason="r", key="p")
    refused = await free(ledger, 12, "a")
    await ledger.close()

    assert isinstance(refused, PaidUnitsError)
    assert (refused.from_purchased, refused.from_overage) == (0, 2)


async def test_who_has_paid_units_alone_is_not_asked(place: Place, clock: SteerableClock) -> None:
    """Without an allowance there is no step."""
    ledger = await open_ledger(place, catalog=everything(), clock=clock)
    await ledger.grants.set_plan(ANA, "endless", until_ms=None, actor=OPERATOR, reason="r", key="p")
    spent = await free(ledger, 1000, "a")
    await ledger.close()

    assert isinstance(spent, Spend)


async def test_many_that_ask_for_free_units_at_once_take_no_paid_one(ledger: OpenLedger) -> None:
    """Of twenty for five each, ten fit into the allowance; the lot stays whole."""
    await ledger.grants.add(ANA, 100, actor=OPERATOR, reason="gift", key="g")
    outcomes = await asyncio.gather(*(free(ledger, 5, f"k{number}") for number in range(20)))
    part = (await ledger.balances.of(ANA)).of("requests")

    assert sum(isinstance(one, Spend) for one in outcomes) == 10
    assert part is not None
    assert part.purchased_left == 100
    await assert_sound(ledger)


async def test_an_agreement_holds_for_its_window(ledger: OpenLedger) -> None:
    """Until the next day, and for its account and metric alone."""
    consents = ledger.messages.consents
    before = await consents.given(ANA, "requests")
    await consents.give(ANA, "requests")
    await consents.give(ANA, "requests")
    given = await consents.given(ANA, "requests")
    other = await consents.given(AccountRef("user", "2"), "requests")
    ledger.clock.move(days=1)

    assert (before, given, other) == (False, True, False)
    assert not await consents.given(ANA, "requests")


@pytest.mark.parametrize(("used", "agreed"), [(50, True), (49, False)])
async def test_who_buys_at_the_empty_pot_has_agreed(ledger: OpenLedger, used: int, *, agreed: bool) -> None:
    """Before that, a purchase says nothing about when it is to be used; nor does it on the next day."""
    await ledger.quota.consume(ANA, used, key="a")
    await buy(ledger, ANA)
    today = await ledger.messages.consents.given(ANA, "requests")
    ledger.clock.move(days=1)

    assert today is agreed
    assert not await ledger.messages.consents.given(ANA, "requests")


@pytest.mark.parametrize("bought", [0, 100])
async def test_a_look_takes_nothing(ledger: OpenLedger, bought: int) -> None:
    """It says what would be taken; nothing where all is free, or where there is not enough."""
    if bought:
        await ledger.grants.add(ANA, bought, actor=OPERATOR, reason="gift", key="g")
    looks = [await ledger.messages.consents.look(ANA, "requests", units) for units in (50, 51, 151)]

    assert [look is not None for look in looks] == [False, bool(bought), False]
    assert len(await ledger.entries()) == bool(bought)
