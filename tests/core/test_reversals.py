"""Refunds and disputes: what is taken back, what is owed, what comes back; the same end in any order."""

import asyncio
from dataclasses import replace

import pytest

from quota_core.accounts import AccountRef
from quota_core.after_sale import Movement
from quota_core.errors import OutOfQuotaError
from quota_core.reversals import Reversed
from tests.core.catalogs import everything
from tests.core.opened_ledger import OPERATOR, OpenLedger, Place, SteerableClock, open_ledger
from tests.core.recounting import assert_sound
from tests.core.reversing import (
    ANA,
    PRICE_MINOR,
    bought,
    dispute,
    holds,
    ordered,
    pay,
    refund,
    refunded,
    report,
)

BEN = AccountRef("user", "2")
ALLOWANCE = 50


async def spend_bought(ledger: OpenLedger, units: int) -> None:
    """Spend so much of what was bought, after the day's allowance."""
    await ledger.quota.consume(ANA, ALLOWANCE + units, key=f"spend-{units}")


async def told(ledger: OpenLedger, kind: str = "reversal") -> list[dict[str, object]]:
    """Return the facts of notices of a kind, in order."""
    found = []
    while (notice := await ledger.notices.claim()) is not None:
        if notice.kind == kind:
            found.append(dict(notice.facts))
        await ledger.notices.sent(notice)
    return found


async def test_a_full_refund_takes_exactly_all(ledger: OpenLedger) -> None:
    """Nothing was spent: nothing is owed, and the buyer is told the numbers of the entry."""
    order = await bought(ledger)
    outcomes = await report(ledger, refund(order, PRICE_MINOR), refunded(order, PRICE_MINOR))
    facts = await told(ledger)

    assert outcomes == [Reversed.TAKEN_BACK, Reversed.UNCHANGED]
    assert await holds(ledger) == (0, 0, 0)
    assert [(f["change"], f["cause"], f["units"], f["debt"], f["entry"]) for f in facts] == [
        ("take_back", "refund", 1000, 0, 2)
    ]
    await assert_sound(ledger)


async def test_what_was_spent_becomes_a_debt_that_the_next_purchase_pays(ledger: OpenLedger) -> None:
    """ElizaOS #10920, #10938, #10963: nothing stays spendable, goes below zero, or is let go."""
    order = await bought(ledger)
    await spend_bought(ledger, 400)
    await report(ledger, refund(order, PRICE_MINOR))
    owing = await holds(ledger)
    ledger.clock.move(days=1)
    free = await ledger.quota.consume(ANA, ALLOWANCE, key="free")
    with pytest.raises(OutOfQuotaError):
        await ledger.quota.consume(ANA, 1, key="beyond")
    await bought(ledger)

    assert owing == (0, 0, 400)
    assert free.units == ALLOWANCE
    assert await holds(ledger) == (600, 0, 0)
    await assert_sound(ledger)


async def test_partial_refunds_take_the_difference_of_the_cumulative_amount(ledger: OpenLedger) -> None:
    """Three parts that only together are all of it: rounded down each time, and exactly all in the end."""
    order = await bought(ledger)
    lefts = []
    for number, amount_minor in enumerate((500, 500, 499)):
        await report(ledger, refund(order, amount_minor, f"re_{number}"))
        await report(ledger, refunded(order, min(PRICE_MINOR, 500 * (number + 1))))
        lefts.append((await holds(ledger))[0])

    assert lefts == [1000 - 1000 * 500 // 1499, 1000 - 1000 * 1000 // 1499, 0]
    await assert_sound(ledger)


async def test_more_than_was_paid_takes_no_more_than_was_bought(ledger: OpenLedger) -> None:
    """An over-refund, and a lost dispute after a refund."""
    order = await bought(ledger)
    await report(ledger, refund(order, 9_999), refund(order, 9_999, "re_2"), dispute(order, Movement.LOST))

    assert await holds(ledger) == (0, 0, 0)
    await assert_sound(ledger)


async def test_only_the_sum_is_enough(ledger: OpenLedger) -> None:
    """An endpoint that is subscribed to `charge.refunded` alone."""
    order = await bought(ledger)
    outcomes = await report(ledger, refunded(order, 500), refunded(order, 1000), refunded(order, 500))

    assert outcomes == [Reversed.TAKEN_BACK, Reversed.TAKEN_BACK, Reversed.UNCHANGED]
    assert (await holds(ledger))[0] == 1000 - 1000 * 1000 // 1499
    await assert_sound(ledger)


async def test_a_failed_refund_gives_back(ledger: OpenLedger) -> None:
    """What is still owed is let go first, the rest goes back where it was."""
    order = await bought(ledger)
    await spend_bought(ledger, 400)
    outcomes = await report(ledger, refund(order, PRICE_MINOR), refund(order, PRICE_MINOR, failed=True))
    facts = await told(ledger)

    assert outcomes == [Reversed.TAKEN_BACK, Reversed.RESTORED]
    assert await holds(ledger) == (600, 0, 0)
    assert [f["change"] for f in facts] == ["take_back", "restore"]
    await assert_sound(ledger)


async def test_a_debt_that_another_purchase_paid_goes_back_to_that_purchase(ledger: OpenLedger) -> None:
    """What was taken cannot go where it was spent; no unit is lost, and none appears."""
    order = await bought(ledger)
    await spend_bought(ledger, 400)
    await report(ledger, refund(order, PRICE_MINOR))
    await bought(ledger)
    paid = await holds(ledger)
    await report(ledger, refund(order, PRICE_MINOR, failed=True))

    assert paid == (600, 0, 0)
    assert await holds(ledger) == (1600, 0, 0)
    assert await ledger.rows("SELECT left_units, taken_units, debt_paid_units FROM lots ORDER BY id") == [
        (600, 0, 0),
        (1000, 0, 0),
    ]
    await assert_sound(ledger)


async def test_a_refund_that_comes_before_its_payment_waits_for_it(ledger: OpenLedger) -> None:
    """Reports are unordered: the credit and what takes it back are one transaction then."""
    order = await ordered(ledger)
    early = await report(ledger, refunded(order, PRICE_MINOR), refund(order, PRICE_MINOR))
    await pay(ledger, order)

    assert early == [Reversed.KEPT, Reversed.KEPT]
    assert await holds(ledger) == (0, 0, 0)
    assert [entry.kind for entry in await ledger.entries()] == [5, 16]
    await assert_sound(ledger)


async def test_a_chargeback_freezes_what_is_left_of_its_own_purchase(ledger: OpenLedger) -> None:
    """The units are there and cannot be spent; buyer and operator are told."""
    order = await bought(ledger)
    other = await bought(ledger)
    await spend_bought(ledger, 300)
    outcomes = await report(ledger, dispute(order), dispute(order))
    frozen = await holds(ledger)
    with pytest.raises(OutOfQuotaError):
        await ledger.quota.consume(ANA, 1001, key="too-much")
    await ledger.quota.consume(ANA, 1000, key="the-other")
    facts = await told(ledger, "dispute_opened")

    assert outcomes == [Reversed.FROZEN, Reversed.UNCHANGED]
    assert frozen == (1700, 700, 0)
    assert await holds(ledger) == (700, 700, 0)
    assert [(f["order"], f["reference"], f["units"]) for f in facts] == [(order.id, "du_1", 700)]
    assert other.id != order.id
    await assert_sound(ledger)


@pytest.mark.parametrize("movement", [Movement.WITHDRAWN, Movement.LOST])
async def test_money_that_is_gone_takes_back(ledger: OpenLedger, movement: Movement) -> None:
    """First from the lot on hold; what was spent is owed."""
    order = await bought(ledger)
    await spend_bought(ledger, 300)
    await report(ledger, dispute(order), dispute(order, movement))
    facts = await told(ledger)

    assert await holds(ledger) == (0, 0, 300)
    assert [(f["change"], f["cause"]) for f in facts] == [("freeze", "dispute"), ("take_back", "dispute")]
    await assert_sound(ledger)


@pytest.mark.parametrize("movement", [Movement.WON, Movement.REINSTATED])
@pytest.mark.parametrize("withdrawn", [False, True])
async def test_money_that_came_back_restores(
    ledger: OpenLedger, movement: Movement, *, withdrawn: bool
) -> None:
    """ElizaOS #10997: clawed at the opening of a dispute, and never given back when it was won."""
    order = await bought(ledger)
    await report(ledger, dispute(order))
    if withdrawn:
        await report(ledger, dispute(order, Movement.WITHDRAWN, at=100))
    outcomes = await report(ledger, dispute(order, movement, at=200))

    assert outcomes == [Reversed.RESTORED if withdrawn else Reversed.UNFROZEN]
    assert await holds(ledger) == (1000, 0, 0)
    await assert_sound(ledger)


async def test_a_refund_after_a_won_dispute_nets_right(ledger: OpenLedger) -> None:
    """ElizaOS #11017 and #11155: the reinstatement counted, and a later refund that takes all of it."""
    order = await bought(ledger)
    await report(ledger, refund(order, 500), dispute(order, amount_minor=999))
    await report(ledger, dispute(order, Movement.WITHDRAWN, amount_minor=999))
    taken = await holds(ledger)
    await report(ledger, dispute(order, Movement.REINSTATED, at=300, amount_minor=999))
    restored = await holds(ledger)
    await report(ledger, refund(order, 999, "re_2"), refunded(order, PRICE_MINOR))

    assert taken == (0, 0, 0)
    assert restored == (1000 - 1000 * 500 // 1499, 0, 0)
    assert await holds(ledger) == (0, 0, 0)
    await assert_sound(ledger)


async def test_a_dispute_that_is_taken_up_again_takes_again(ledger: OpenLedger) -> None:
    """Won, and withdrawn once more: the newest movement counts, whichever is reported last."""
    order = await bought(ledger)
    await report(
        ledger,
        dispute(order, Movement.WITHDRAWN, at=300),
        dispute(order, Movement.REINSTATED, at=200),
        dispute(order, Movement.WITHDRAWN, at=100),
    )

    assert await holds(ledger) == (0, 0, 0)
    await assert_sound(ledger)


async def test_what_does_not_fit_the_order_changes_nothing_and_calls_an_operator(ledger: OpenLedger) -> None:
    """Another mode, another currency."""
    order = await bought(ledger)
    said = refund(order, PRICE_MINOR)
    outcomes = await report(ledger, replace(said, livemode=True), replace(said, currency="usd"))

    assert outcomes == [Reversed.MISMATCH, Reversed.MISMATCH]
    assert await holds(ledger) == (1000, 0, 0)
    assert [f["difference"] for f in await told(ledger, "payment_held")] == ["livemode is True"]
    await assert_sound(ledger)


async def test_twenty_copies_at_once_take_back_once(ledger: OpenLedger) -> None:
    """Whoever comes second finds it done; the refund of a purchase races the payment itself too."""
    order = await ordered(ledger)
    reversals = ledger.settlements.reversals
    await asyncio.gather(
        pay(ledger, order),
        *(reversals.report(refund(order, 500)) for _ in range(10)),
        *(reversals.report(refunded(order, 500)) for _ in range(10)),
    )

    assert (await holds(ledger))[0] == 1000 - 1000 * 500 // 1499
    assert [entry.kind for entry in await ledger.entries()] == [5, 16]
    await assert_sound(ledger)


async def test_units_that_end_are_frozen_and_taken_like_others(place: Place, clock: SteerableClock) -> None:
    """A package that lasts for its period; what never ends is not touched by its chargeback."""
    ledger = await open_ledger(place, catalog=everything(), clock=clock)
    lasting, ending = await ordered(ledger, "five"), await ordered(ledger, "eight")
    for order in (lasting, ending):
        await pay(ledger, order)
    await report(ledger, dispute(ending, amount_minor=399))
    part = (await ledger.balances.of(ANA)).of("requests")
    assert part is not None
    frozen = (part.frozen, part.lasting_left, part.total_left)
    await report(ledger, dispute(ending, Movement.LOST, amount_minor=399))
    part = (await ledger.balances.of(ANA)).of("requests")
    await assert_sound(ledger)
    await ledger.close()

    assert frozen == (8, 5, 15)
    assert part is not None
    assert (part.frozen, part.lasting_left, part.expiring_left, part.debt) == (0, 5, 0, 0)


async def test_a_dispute_that_came_first_is_told_as_one(ledger: OpenLedger) -> None:
    """Its money was gone before the payment was reported."""
    order = await ordered(ledger)
    await report(ledger, dispute(order, Movement.WITHDRAWN))
    await pay(ledger, order)

    assert [(f["change"], f["cause"]) for f in await told(ledger)] == [("take_back", "dispute")]


async def test_a_restart_changes_nothing(ledger: OpenLedger) -> None:
    """Lots on hold are read as such."""
    order = await bought(ledger)
    await report(ledger, dispute(order))
    ledger.book.forget()
    with pytest.raises(OutOfQuotaError):
        await ledger.quota.consume(ANA, ALLOWANCE + 1, key="frozen")

    assert await holds(ledger) == (1000, 1000, 0)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE lots SET reversed_units = reversed_units - 1, taken_units = taken_units - 1",
        "UPDATE lots SET reversed_lot_units = 0",
        "UPDATE lots SET debt_paid_units = 7",
        "UPDATE lots SET frozen = 1",
        "DELETE FROM reversals",
        "UPDATE reversals SET amount_minor = 1",
        "UPDATE reversals SET standing = 2",
        "UPDATE reversals SET payment = 'pi_other'",
        "UPDATE reversals SET currency = 'USD'",
        "UPDATE reversals SET kind = 'dispute', standing = 0",
    ],
)
async def test_the_proof_finds_what_does_not_agree(ledger: OpenLedger, change: str) -> None:
    """Lots with entries, and both with what the provider reported."""
    order = await bought(ledger)
    await spend_bought(ledger, 400)
    await report(ledger, refund(order, 500))
    await assert_sound(ledger)
    await ledger.tamper(change)

    with pytest.raises(AssertionError):
        await assert_sound(ledger)


async def test_units_that_an_operator_removed_stay_removed(ledger: OpenLedger) -> None:
    """They are owed when the purchase is refunded, and do not come back when that fails."""
    order = await bought(ledger)
    await ledger.grants.remove(ANA, 300, actor=OPERATOR, reason="", key="r")
    await report(ledger, refund(order, PRICE_MINOR))
    taken = await holds(ledger)
    await report(ledger, refund(order, PRICE_MINOR, failed=True))

    assert taken == (0, 0, 300)
    assert await holds(ledger) == (700, 0, 0)
    await assert_sound(ledger)
