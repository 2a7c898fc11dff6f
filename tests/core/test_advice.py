"""Advice is what the decision then says, it changes nothing, and memory and rows agree on it."""

from collections.abc import Mapping
from typing import Any

import pytest

from quota_core.accounts import AccountRef
from quota_core.advice import Advice
from quota_core.answers import Spend
from quota_core.errors import NotInPlanError, OutOfQuotaError, QuotaError
from tests.core.catalogs import everything
from tests.core.opened_ledger import OPERATOR, OpenLedger, Place, SteerableClock, open_ledger

ANA, POOL = AccountRef("user", "1"), AccountRef("guild", "3")


@pytest.fixture
async def ledger(place: Place, clock: SteerableClock) -> OpenLedger:
    """Return a ledger with every kind of pot."""
    return await open_ledger(place, catalog=everything(), clock=clock)


async def advised(ledger: OpenLedger, units: int, **options: Any) -> tuple[Advice, Spend | QuotaError]:
    """Return the advice on an operation, and what then became of it."""
    advisor = ledger.quota.advisor
    key = f"{units} {options} {ledger.clock.now_ms}"
    operation = ledger.quota.operation(ANA, units, key=key, **options)
    before = await ledger.entries()
    advice = await advisor.on(operation)
    # As who remembers nothing, too.
    ledger.book.forget()
    assert str(await advisor.on(operation)) == str(advice)
    assert await ledger.entries() == before
    return advice, (await ledger.quota.consume_many([operation]))[0]


@pytest.mark.parametrize(
    ("plan", "granted", "units", "options"),
    [
        ("free", 0, 10, {}),
        ("free", 0, 11, {}),
        ("free", 5, 15, {}),
        ("free", 5, 16, {}),
        ("free", 0, 1, {"service": "search"}),
        ("pro", 0, 2, {"service": "search"}),
        ("pro", 0, 21, {}),
        ("pro", 0, 46, {}),
        ("charged", 0, 11, {}),
        ("free", 0, 30, {"payers": (POOL,)}),
        ("free", 0, 12, {"payers": (POOL,)}),
        ("endless", 0, 10**6, {}),
    ],
)
async def test_advice_is_what_the_decision_says(
    ledger: OpenLedger, plan: str, granted: int, units: int, options: Mapping[str, Any]
) -> None:
    """Each refusal by its kind, each spend by what it leaves; nothing is written by looking."""
    if plan != "free":
        await ledger.grants.set_plan(ANA, plan, until_ms=None, actor=OPERATOR, reason="", key="plan")
    if granted:
        await ledger.grants.add(ANA, granted, actor=OPERATOR, reason="", key="grant")
    await ledger.quota.consume(ANA, key="before", metric="requests")
    await ledger.quota.give_back(ANA, key="before")
    advice, outcome = await advised(ledger, units, **options)

    if isinstance(outcome, Spend):
        assert advice.refusal is None
        assert advice.units == outcome.units
        assert advice.allowance_left is None or outcome.allowance_left is not None
        if advice.allowance_left is not None and outcome.allowance_left is not None:
            assert advice.allowance_left - outcome.from_allowance <= outcome.allowance_left
    else:
        assert type(advice.refusal) is type(outcome)
        assert str(advice.refusal) == str(outcome)
    await ledger.close()


async def test_somebody_who_was_never_seen_is_advised_and_not_opened(ledger: OpenLedger) -> None:
    """What the default plan gives, and when it comes back."""
    advisor = ledger.quota.advisor
    well = await advisor.on(ledger.quota.operation(ANA, 10, key="k"))
    short = await advisor.on(ledger.quota.operation(ANA, 11, key="k"))
    closed = await advisor.on(ledger.quota.operation(ANA, 1, key="k", service="search"))

    assert (well.refusal, well.allowance_left, well.total_left, well.plan) == (None, 10, 10, "free")
    assert well.refills_ms == well.windows[0].resets_ms
    assert isinstance(short.refusal, OutOfQuotaError)
    assert short.refills_ms is None
    assert isinstance(closed.refusal, NotInPlanError)
    assert closed.refusal.plans == ("pro",)
    assert await ledger.entries() == []
    await ledger.close()
