"""How much accounts have used, by plan and metric, and how often that is added up."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from quota_core.accounts import AccountRef
from quota_core.catalog_file import parse
from quota_core.figures import PERCENTS, Figures, Snapshot
from tests.core.catalogs import EVERYTHING, everything
from tests.core.opened_ledger import OPERATOR, OpenLedger, Place, SteerableClock, open_ledger
from tests.core.test_rollover import rolling


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest) -> str:
    """Return the engine's name."""
    return str(request.param)


class Seconds:
    """A monotonic clock that a test turns; it goes on by `step` whenever somebody looks."""

    def __init__(self) -> None:
        self.now = 0.0
        self.step = 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


@pytest.fixture
async def wide(place: Place, clock: SteerableClock) -> AsyncIterator[OpenLedger]:
    """Return a ledger with every kind of pot."""
    opened = await open_ledger(place, catalog=everything(), clock=clock)
    yield opened
    await opened.close()


def figures_of(ledger: OpenLedger, seconds: Seconds) -> Figures:
    """Return the figures of a ledger."""
    return Figures(ledger.database, ledger.book, clock=ledger.clock, monotonic=seconds)


async def made(ledger: OpenLedger) -> Snapshot:
    """Return new figures."""
    found = await figures_of(ledger, Seconds()).latest(wait_seconds=120)
    assert found is not None
    return found


async def on_plan(ledger: OpenLedger, number: int, plan: str) -> AccountRef:
    """Return a new account on a plan."""
    account = AccountRef("user", str(number))
    await ledger.grants.set_plan(account, plan, until_ms=None, actor=OPERATOR, reason="", key=f"plan{number}")
    return account


async def test_accounts_are_added_up_by_plan_and_metric(wide: OpenLedger) -> None:
    """The tightest window counts, tension begins at the first threshold that warns, overage is beyond the limit."""
    for number, units in ((1, 2), (2, 10)):
        await wide.quota.consume(AccountRef("user", str(number)), units, key=f"free{number}")
    pro = await on_plan(wide, 3, "pro")
    await wide.quota.consume(pro, 20, key="pro")
    charged = await on_plan(wide, 4, "charged")
    await wide.quota.consume(charged, 13, key="charged")

    usage = (await made(wide)).usage

    free = usage["free", "requests"]
    assert dict(zip([*PERCENTS, None], free.counts, strict=True))[25] == 1
    assert (free.accounts, free.percent_sum, free.remaining, free.tense) == (2, 120.0, 8, 1)
    # 20 of 20 a day and 20 of 45 a month: the day is the tighter one.
    assert (usage["pro", "requests"].percent_sum, usage["pro", "requests"].remaining) == (100.0, 0)
    assert (usage["charged", "requests"].overage, usage["charged", "requests"].percent_sum) == (3, 130.0)
    assert usage["pro", "renders"].accounts == 0


async def test_what_was_used_in_a_closed_window_no_longer_counts(
    wide: OpenLedger, clock: SteerableClock
) -> None:
    """Tomorrow nobody has used anything of a day, without anything having been reset."""
    await wide.quota.consume(AccountRef("user", "1"), 9, key="a")
    clock.move(days=1)

    assert (await made(wide)).usage["free", "requests"].accounts == 0


async def test_what_rolled_over_is_left_to_use(place: Place, clock: SteerableClock) -> None:
    """Each account has its own limit then: one that used nothing yesterday carried over as much as may be."""
    ledger = await open_ledger(place, catalog=rolling(), clock=clock)
    ana, ben = AccountRef("user", "1"), AccountRef("user", "2")
    await ledger.quota.consume(ana, 3, key="a")
    await ledger.quota.consume(ben, 9, key="b")
    clock.move(days=1)
    for account in (ana, ben):
        await ledger.quota.consume(account, 1, key="c")
    one_day = (await made(ledger)).usage["free", "calls"]
    clock.move(days=2)
    await ledger.quota.consume(ben, 1, key="d")
    idle = (await made(ledger)).usage["free", "calls"]
    await ledger.close()

    # 1 of 10 and 4 carried over, 1 of 10 and 1; after a day off, 1 of 10 and 4.
    assert one_day.remaining == 13 + 10
    assert idle.remaining == 13


async def test_windows_from_the_accounts_own_start_are_found(place: Place, clock: SteerableClock) -> None:
    """Each account has its own, which no other's can stand for."""
    text = EVERYTHING.replace(
        'limit = 10\nperiod = "day"\nthresholds',
        'limit = 10\nperiod = "month"\nanchor = "account"\nthresholds',
        1,
    )
    ledger = await open_ledger(place, catalog=parse(text, name="own"), clock=clock)
    await ledger.quota.consume(AccountRef("user", "1"), 3, key="a")
    clock.move(days=9)
    await ledger.quota.consume(AccountRef("user", "2"), 4, key="b")

    usage = (await made(ledger)).usage["free", "requests"]
    await ledger.close()

    assert (usage.accounts, usage.percent_sum) == (2, 70.0)


async def test_figures_are_kept_for_a_while_and_the_longer_the_more_they_cost(wide: OpenLedger) -> None:
    """Whoever asks every second costs the ledger no more than whoever asks every fifteen."""
    seconds = Seconds()
    figures = figures_of(wide, seconds)
    first = await figures.latest(wait_seconds=120)
    seconds.now += 14
    same = await figures.latest(wait_seconds=120)
    seconds.now, seconds.step = seconds.now + 2, 1.0  # from here on a walk takes a second
    second = await figures.latest(wait_seconds=120)
    seconds.now, seconds.step = seconds.now + 40, 0.0
    still = await figures.latest(wait_seconds=120)
    seconds.now += 10
    third = await figures.latest(wait_seconds=120)

    assert same is first
    assert second is not first
    assert still is second
    assert third is not second


async def test_whoever_cannot_wait_gets_the_last_figures(wide: OpenLedger) -> None:
    """A slow database makes figures old, and no scrape late; several that ask at once share one walk."""
    seconds = Seconds()
    figures = figures_of(wide, seconds)
    nothing = await figures.latest(wait_seconds=0)
    found = await asyncio.gather(*[figures.latest(wait_seconds=120) for _ in range(3)])
    await figures.close()

    assert nothing is None
    assert found[0] is not None
    assert found[0] is found[1] is found[2]


async def test_messages_that_are_owed_are_counted(wide: OpenLedger) -> None:
    """By channel, with the moment of the oldest."""
    before = await made(wide)

    def work():  # type: ignore[no-untyped-def]  # noqa: ANN202 - a transaction's work
        states = yield from wide.book.states_of([AccountRef("user", "1")], now_ms=wide.clock(), create=True)
        state = states[AccountRef("user", "1")]
        yield from wide.notices.owe(state, "low", "x", {}, locale="en", now_ms=wide.clock())

    await wide.database.write(work)
    after = await made(wide)

    assert set(before.notices.values()) == {(0, None)}
    assert after.notices == {**before.notices, "dm": (1, wide.clock())}
