"""Roll-over: what was left of a window's own limit is added to the next one's, up to a cap."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from quota_core.accounts import AccountRef
from quota_core.book import Book
from quota_core.catalog import Catalog
from quota_core.catalog_file import parse
from quota_core.chain import GENESIS
from quota_core.errors import CatalogError, OutOfQuotaError
from quota_core.ledger import AccountState
from tests.core.opened_ledger import DAY_MS, NOON_MS, OPERATOR, OpenLedger, Place, SteerableClock, open_ledger
from tests.core.recounting import assert_sound

ANA = AccountRef("user", "1")
TEXT = """
currency = "EUR"
default_plan = "free"
primary_metric = "calls"
[metrics.calls]
label = { en = "calls", fr = "appels" }
[plans.free]
rank = 0
label = { en = "Free", fr = "Gratuit" }
description = { en = "Free", fr = "Gratuit" }
[[plans.free.allowances]]
metric = "calls"
limit = 10
period = "day"
rollover_cap = 4
thresholds = [{ at = 100, severity = "critical" }]
[plans.plain]
rank = 1
label = { en = "Plain", fr = "Simple" }
description = { en = "Plain", fr = "Simple" }
[[plans.plain.allowances]]
metric = "calls"
limit = 10
period = "day"
"""


def rolling() -> Catalog:
    """Return a catalog whose default plan carries up to 4 of 10 over to the next day."""
    return parse(TEXT, name="rolling.toml")


@pytest_asyncio.fixture
async def ledger(place: Place, clock: SteerableClock) -> AsyncIterator[OpenLedger]:
    """Return a ledger with a plan that rolls over."""
    opened = await open_ledger(place, catalog=rolling(), clock=clock)
    yield opened
    await opened.close()


async def window_of(ledger: OpenLedger) -> tuple[int, int | None, int]:
    """Return (used, limit, of it rolled over) of the day in force."""
    part = (await ledger.balances.of(ANA)).of("calls")
    assert part is not None
    (window,) = part.windows
    return window.used, window.limit, window.rolled_over


async def test_what_is_left_is_there_the_next_day_up_to_the_cap(ledger: OpenLedger) -> None:
    """Never more than the cap, nothing of what was carried over itself, and nothing after a day that used all."""
    said = []
    for day, units in enumerate((3, 14, 10, 8, 12)):
        spend = await ledger.quota.consume(ANA, units, key=f"m{day}")
        said.append((await window_of(ledger), spend.allowance_left))
        ledger.clock.move(days=1)

    assert said == [
        ((3, 10, 0), 7),
        ((14, 14, 4), 0),
        ((10, 10, 0), 0),
        ((8, 10, 0), 2),
        ((12, 12, 2), 0),
    ]
    await assert_sound(ledger)


async def test_days_without_a_request_roll_over_once(ledger: OpenLedger) -> None:
    """From the day before alone; a look and a spend see the same, with and without the cache."""
    await ledger.quota.consume(ANA, 10, key="a")
    ledger.clock.move(days=5)
    looked = await window_of(ledger)
    ledger.book.forget()
    spend = await ledger.quota.consume(ANA, 14, key="b")
    again = await ledger.reopened()
    with pytest.raises(OutOfQuotaError) as refusal:
        await again.quota.consume(ANA, 1, key="c")

    assert looked == (0, 14, 4)
    assert (spend.from_allowance, spend.allowance_left) == (14, 0)
    assert [crossing.limit for crossing in spend.crossings] == [14]
    assert [(one.used, one.limit) for one in refusal.value.refills] == [(14, 14)]
    await assert_sound(again)
    await again.database.close()


async def test_nothing_rolls_over_from_before_the_account_or_the_plan(ledger: OpenLedger) -> None:
    """A new account, and one that was on another plan when the day ended, have the limit alone."""
    first = await ledger.quota.consume(ANA, 1, key="a")
    await ledger.grants.set_plan(ANA, "plain", until_ms=None, actor=OPERATOR, reason="", key="p1")
    ledger.clock.move(days=1)
    plain = await ledger.quota.consume(ANA, 1, key="b")
    await ledger.grants.set_plan(ANA, "free", until_ms=None, actor=OPERATOR, reason="", key="p2")
    back = await window_of(ledger)
    ledger.clock.move(days=1)

    assert (first.allowance_left, plain.allowance_left, back) == (9, 9, (1, 10, 0))
    assert await window_of(ledger) == (0, 14, 4)
    await assert_sound(ledger)


async def test_what_is_given_back_later_counts_for_the_day_that_follows(ledger: OpenLedger) -> None:
    """It goes back into its own window, whose rest the next one adds."""
    await ledger.quota.consume(ANA, 9, key="a")
    ledger.clock.move(days=1)
    before = await ledger.quota.consume(ANA, 1, key="b")
    await ledger.quota.give_back(ANA, key="a")

    assert before.allowance_left == 10
    assert await window_of(ledger) == (1, 14, 4)
    await assert_sound(ledger)


async def test_many_spends_at_once_share_one_limit(ledger: OpenLedger) -> None:
    """Decided in memory or in a transaction, no more than limit and rest together."""
    await ledger.quota.consume(ANA, 7, key="a")
    ledger.clock.move(days=1)
    outcomes = await ledger.quota.consume_many([ledger.quota.operation(ANA, key=f"m{n}") for n in range(20)])

    assert sum(not isinstance(one, OutOfQuotaError) for one in outcomes) == 13
    await assert_sound(ledger)


@given(
    used=st.integers(0, 30), overage=st.integers(0, 30), age_days=st.integers(0, 3), since=st.integers(0, 3)
)
def test_the_rest_is_never_more_than_the_cap_and_never_negative(
    used: int, overage: int, age_days: int, since: int
) -> None:
    """Of any counts of the day before."""
    overage = min(overage, used)
    state = AccountState(
        id=1,
        ref=ANA,
        plan="free",
        plan_until_ms=None,
        blocked=False,
        locale=None,
        created_ms=NOON_MS - age_days * DAY_MS,
        version=1,
        head=1,
        digest=GENESIS,
        used={"calls/2026-11-19": (used, overage), "calls/2026-11-20": (0, 0)},
        plan_since_ms=NOON_MS - since * DAY_MS,
    )
    (window,) = Book(rolling()).windows(state, "calls", NOON_MS)
    own = max(0, 10 - (used - overage))

    assert window.rolled == (min(4, own) if min(age_days, since) else 0)
    assert window.limit == 10 + window.rolled


@pytest.mark.parametrize(("before", "after"), [("limit = 10", 'limit = "unlimited"'), ("cap = 4", "cap = 0")])
def test_a_cap_needs_something_to_carry(before: str, after: str) -> None:
    """No limit has no rest."""
    with pytest.raises(CatalogError, match="rollover_cap"):
        parse(TEXT.replace(before, after, 1), name="bad.toml")
