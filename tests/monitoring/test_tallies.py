"""What the core and the edges report ends up in the counts, and nothing that names a person does."""

import asyncio

import pytest

from monitoring.tallies import Spread, Tallies
from quota_core.accounts import AccountRef
from quota_core.answers import Spend
from quota_core.errors import OutOfQuotaError
from quota_core.meter import checked, checked_many
from quota_core.quota import Quota
from tests.core.opened_ledger import OpenLedger

ANA = AccountRef("user", "1")


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    """Return the engine's name."""
    return str(getattr(request, "param", "sqlite"))


@pytest.fixture
def tallies(ledger: OpenLedger) -> Tallies:
    """Return the counts that the ledger's hot path reports to."""
    return Tallies(clock=ledger.clock)


@pytest.fixture
def quota(ledger: OpenLedger, tallies: Tallies) -> Quota:
    """Return a hot path that is watched."""
    seconds = iter(range(1_000_000))
    return Quota(
        ledger.database,
        ledger.book,
        clock=ledger.clock,
        meter=tallies,
        monotonic=lambda: next(seconds) / 1000,
    )


@pytest.mark.parametrize("engine", ["sqlite", "postgres"], indirect=True)
async def test_a_batch_is_reported_once_with_its_size(quota: Quota, tallies: Tallies) -> None:
    """Thirty operations at once are thirty checks with a time, and far fewer transactions."""
    await asyncio.gather(*[quota.consume(ANA, 1, key=f"m{number}") for number in range(30)])
    await quota.drain()

    assert sum(tallies.check_seconds.counts) == 30
    assert tallies.batch_operations.total == 30
    assert sum(tallies.batch_operations.counts) == sum(tallies.commit_seconds.counts) < 30


@pytest.mark.parametrize("engine", ["sqlite", "postgres"], indirect=True)
async def test_a_threshold_is_counted_once_with_its_severity(quota: Quota, tallies: Tallies) -> None:
    """The 95 % of the free plan are a warning under a policy that blocks; later spends cross nothing."""
    await quota.consume(ANA, 48, key="a")
    await quota.consume(ANA, 1, key="b")
    await quota.consume(ANA, 48, key="a")

    assert tallies.alerts == {("warning", "block"): 1}


async def test_what_an_edge_was_told_is_counted_by_source_and_outcome(quota: Quota, tallies: Tallies) -> None:
    """A refusal is raised on as it was, and counted."""
    await checked(tallies, "discord", quota.consume(ANA, 50, key="a"))
    with pytest.raises(OutOfQuotaError):
        await checked(tallies, "http", quota.consume(ANA, 1, key="b"))
    outcomes = await quota.consume_many([quota.operation(ANA, 1, key="c"), quota.operation(ANA, 50, key="a")])
    checked_many(tallies, "batch", outcomes)

    assert isinstance(outcomes[1], Spend)
    assert tallies.checks == {
        ("discord", "allowed"): 1,
        ("http", "refused"): 1,
        ("batch", "refused"): 1,
        ("batch", "allowed"): 1,
    }


def test_a_spread_counts_up_to_and_including_its_bounds() -> None:
    """As Prometheus wants it: each bucket holds all smaller ones."""
    spread = Spread((1, 2))
    spread.add(1)
    spread.add(1.5, times=2)
    spread.add(9)

    assert spread.buckets() == [("1.0", 1), ("2.0", 3), ("+Inf", 4)]
    assert spread.total == 13


def test_what_anybody_can_make_up_is_no_label(tallies: Tallies) -> None:
    """Paths without a route, methods and scopes that do not exist share one name each."""
    tallies.answered("", "BREW", 404, 0.001)
    tallies.answered("", "GET", 404, 0.001)
    tallies.asked_discord(429, "made-up")

    assert tallies.answers == {("other", "other", 404): 1, ("other", "GET", 404): 1}
    assert tallies.discord_limits == {"other": 1}
