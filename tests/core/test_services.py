"""Services: what a call costs, which plans have it, and what the ledger says of it."""

from itertools import pairwise

import pytest

from quota_core.accounts import AccountRef
from quota_core.answers import Spend
from quota_core.catalog_file import parse
from quota_core.errors import (
    AmountError,
    CatalogError,
    ConflictingReplayError,
    NotInPlanError,
    OutOfQuotaError,
    UnknownServiceError,
)
from quota_core.proof import Proof
from tests.core.catalogs import EVERYTHING, everything
from tests.core.opened_ledger import OPERATOR, OpenLedger, Place, SteerableClock, open_ledger
from tests.core.recounting import assert_sound

ANA, BEN, POOL = AccountRef("user", "1"), AccountRef("user", "2"), AccountRef("guild", "3")


@pytest.fixture
async def ledger(place: Place, clock: SteerableClock) -> OpenLedger:
    """Return a ledger whose catalog has two services, one of them behind a feature."""
    return await open_ledger(place, catalog=everything(), clock=clock)


async def put_on(ledger: OpenLedger, account: AccountRef, plan: str) -> None:
    """Change the plan of an account."""
    await ledger.grants.set_plan(account, plan, until_ms=None, actor=OPERATOR, reason="", key=f"to {plan}")


async def test_a_call_costs_what_its_service_says(ledger: OpenLedger) -> None:
    """Three units a search, in memory and when the account is first met; the entry says what was called."""
    await put_on(ledger, ANA, "pro")
    first = await ledger.quota.consume(ANA, key="1", service="search")
    again = await ledger.quota.consume(ANA, 2, key="2", service="search")
    chat = await ledger.quota.consume(BEN, key="3", service="chat")
    parts = [entry.parts for entry in (await ledger.entries())[1:]]

    assert (first.metric, first.units, first.allowance_left) == ("requests", 3, 17)
    assert (again.units, again.allowance_left, chat.units) == (6, 11, 1)
    assert parts == [
        "2026-11-20=3 2026-11=3 *search=1",
        "2026-11-20=6 2026-11=6 *search=2",
        "2026-11-20=1 *chat=1",
    ]
    await assert_sound(ledger)
    await ledger.close()


async def test_a_plan_without_the_feature_is_refused_and_told_who_has_it(ledger: OpenLedger) -> None:
    """Units that were bought do not help; nothing is written, and the same key succeeds on a larger plan."""
    await ledger.grants.add(ANA, 50, actor=OPERATOR, reason="", key="g")
    for _ in range(2):
        with pytest.raises(NotInPlanError) as refusal:
            await ledger.quota.consume(ANA, key="k", service="search")
    await put_on(ledger, ANA, "pro")
    spend = await ledger.quota.consume(ANA, key="k", service="search")
    await put_on(ledger, ANA, "endless")
    with pytest.raises(NotInPlanError):
        await ledger.quota.consume(ANA, key="later", service="search")

    facts = refusal.value
    assert (facts.name, facts.metric, facts.feature) == ("search", "requests", "searching")
    assert (facts.plan, facts.plans) == ("free", ("pro",))
    assert (spend.units, spend.replayed) == (3, False)
    await assert_sound(ledger)
    await ledger.close()


async def test_a_metric_outside_the_plan_is_not_in_it_until_units_are_there(ledger: OpenLedger) -> None:
    """Given units can be spent on any plan; what is empty then is out of quota, not out of plan."""
    with pytest.raises(NotInPlanError) as refusal:
        await ledger.quota.consume(ANA, key="1", metric="renders")
    await ledger.grants.add(ANA, 2, actor=OPERATOR, reason="", key="g", metric="renders")
    spend = await ledger.quota.consume(ANA, key="1", metric="renders")
    with pytest.raises(OutOfQuotaError):
        await ledger.quota.consume(ANA, 2, key="2", metric="renders")

    assert (refusal.value.name, refusal.value.feature) == ("renders", None)
    assert refusal.value.plans == ("pro", "charged")
    assert spend.purchased_left == 1
    await ledger.close()


async def test_it_is_enough_that_one_payer_has_the_feature(ledger: OpenLedger) -> None:
    """A pool whose plan has the service opens it for members; both entries name it."""
    await put_on(ledger, POOL, "pro")
    await ledger.quota.consume(ANA, 9, key="most", service="chat")
    spend = await ledger.quota.consume(ANA, key="1", service="search", payers=(POOL,))
    with pytest.raises(NotInPlanError) as refusal:
        await ledger.quota.consume(ANA, key="2", service="search", payers=(BEN,))
    parts = [entry.parts for entry in (await ledger.entries())[-2:]]
    pool = (await ledger.entries())[-1].account

    assert spend.units == 3
    assert parts == [f"2026-11-20=1 *search=1 ^{pool}=2", "2026-11-20=2 2026-11=2 *search=1"]
    assert refusal.value.plan == "free"
    await assert_sound(ledger)
    await ledger.close()


async def test_a_replay_is_compared_by_service_and_calls(place: Place, clock: SteerableClock) -> None:
    """The first answer stands, though the service costs more by now; other calls conflict."""
    ledger = await open_ledger(place, catalog=everything(), clock=clock)
    first = await ledger.quota.consume(ANA, 2, key="k", service="chat")
    await ledger.close()
    dearer = EVERYTHING.replace("cost = 3", "cost = 4").replace(
        'metric = "requests"\n\n[plans', 'metric = "requests"\ncost = 2\n\n[plans'
    )
    ledger = await open_ledger(place, catalog=parse(dearer, name="dearer.toml"), clock=clock)
    again = await ledger.quota.consume(ANA, 2, key="k", service="chat")
    others = [
        ledger.quota.operation(ANA, 1, key="k", service="chat"),
        ledger.quota.operation(ANA, 2, key="k"),
        ledger.quota.operation(ANA, 2, key="k", service="search"),
    ]
    refusals = await ledger.quota.consume_many(others)

    assert ledger.catalog.services["chat"].cost == 2
    assert again == first._replace(replayed=True, crossings=())
    assert [type(refusal) for refusal in refusals] == 3 * [ConflictingReplayError]
    await ledger.close()


async def test_what_is_given_back_is_no_call_any_more(ledger: OpenLedger) -> None:
    """The calls of an entry and of what undoes it add up to none."""
    await ledger.quota.consume(ANA, 4, key="k", service="chat")
    back = await ledger.quota.give_back(ANA, key="k")
    parts = [entry.parts for entry in await ledger.entries()]

    assert back == 4
    assert parts == ["2026-11-20=4 *chat=4", "2026-11-20=-4 *chat=-4"]
    await assert_sound(ledger)
    await ledger.close()


async def test_unknown_services_and_too_many_calls_are_refused(ledger: OpenLedger) -> None:
    """Before anything is queued, with the bounds of the service."""
    with pytest.raises(UnknownServiceError):
        ledger.quota.operation(ANA, key="k", service="fax")
    with pytest.raises(AmountError) as refusal:
        ledger.quota.operation(ANA, 2**53 - 1, key="k", service="search")

    assert refusal.value.maximum == (2**53 - 1) // 3
    await ledger.close()


async def test_memory_and_transaction_make_the_same_entries(ledger: OpenLedger) -> None:
    """One call after the other and all at once lead to the same answers, but for their entries."""
    names = [
        ledger.quota.operation(who, key=f"m{n}", service="chat") for n in range(12) for who in (ANA, BEN)
    ]
    together = await ledger.quota.consume_many(names[:16])
    alone = [await ledger.quota.consume_many([one]) for one in names[16:]]
    left = [one.allowance_left for one in together if isinstance(one, Spend)]

    assert left == [n for n in range(9, 1, -1) for _ in range(2)]
    assert [type(one[0]) for one in alone] == 4 * [Spend] + 4 * [OutOfQuotaError]
    assert all(a.version + 2 > b.version for a, b in pairwise(await ledger.entries()))
    await assert_sound(ledger)
    await ledger.close()


@pytest.mark.parametrize("said", ["*chat=1 *chat=1", "*chat=-1", "*chat=0"])
async def test_verify_names_an_entry_that_says_no_service(ledger: OpenLedger, said: str) -> None:
    """An entry names one service with the calls that were made."""
    await ledger.quota.consume(ANA, key="k", service="chat")
    await ledger.tamper(f"UPDATE entries SET parts = '2026-11-20=1 {said}'")
    verdict = await Proof(ledger.database).verify()

    assert "entry 1: does not say which service was called how often" in verdict.problems
    await ledger.close()


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        (
            'features = ["searching"]',
            'features = ["serching"]',
            "plans.pro.features: there is no feature 'serching': write 'searching'",
        ),
        (
            "[services.chat]",
            "[services.renders]",
            "services.renders: a metric has this name too, and callers name either",
        ),
        (
            'feature = "searching"',
            'feature = "x"',
            "services.search.feature: there is no feature 'x' (there are: searching)",
        ),
        (
            'fr = "rendus" }',
            'fr = "rendus" }\nfeature = "x"',
            "metrics.renders.feature: there is no feature 'x' (there are: searching)",
        ),
        (
            'fr = "rendus" }',
            'fr = "rendus" }\nfeature = "searching"',
            "plans.charged.allowances.2: 'renders' needs the feature 'searching', which this plan lacks",
        ),
        (
            'metric = "requests"\ncost = 3',
            'metric = "request"',
            "services.search.metric: there is no metric 'request': write 'requests'",
        ),
    ],
)
def test_names_that_nothing_defines_are_told(before: str, after: str, problem: str) -> None:
    """Services, features and metrics agree, or the file is refused."""
    assert before in EVERYTHING
    with pytest.raises(CatalogError) as refusal:
        parse(EVERYTHING.replace(before, after, 1), name="bad.toml")

    assert f"bad.toml: {problem}" in refusal.value.problems


def test_an_allowance_warns_unless_it_says_otherwise() -> None:
    """Half is information, three quarters a warning, nine tenths critical; an empty list means none."""
    plans = parse(EVERYTHING.replace("limit = 60", "limit = 60\nthresholds = []"), name="some.toml").plans
    said = [(one.at, one.severity) for one in plans["charged"].allowances[0].thresholds]

    assert said == [(50, "info"), (75, "warning"), (90, "critical")]
    assert plans["charged"].allowances[1].thresholds == ()
