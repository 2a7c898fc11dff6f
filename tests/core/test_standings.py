"""Blocked by hand, exhausted by itself, and accounts for which another one pays."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from quota_core.accounts import AccountRef
from quota_core.errors import (
    AccountBlockedError,
    ConflictingReplayError,
    NotAllowedError,
    NotInPlanError,
    OutOfQuotaError,
    UnfitParentError,
)
from quota_core.operators import Actor
from quota_core.proof import Proof
from quota_core.standings import StatusChange
from tests.core.catalogs import everything
from tests.core.opened_ledger import OPERATOR, OpenLedger, Place, SteerableClock, open_ledger
from tests.core.recounting import assert_sound

ANA = AccountRef("user", "1")
WEB, APP, TEAM, HOUSE = (
    AccountRef.parse(name) for name in ("project:web", "project:app", "team:a", "team:b")
)


@pytest.fixture
async def wide(place: Place, clock: SteerableClock) -> AsyncIterator[OpenLedger]:
    """Return a ledger with every kind of pot, and two projects of one team."""
    opened = await open_ledger(place, catalog=everything(), clock=clock)
    for number, project in enumerate((WEB, APP)):
        await opened.grants.set_parent(project, TEAM, actor=OPERATOR, reason="ours", key=f"parent{number}")
    yield opened
    await opened.close()


async def test_a_blocked_account_spends_nothing(ledger: OpenLedger) -> None:
    """Whatever it has; what it holds may still end, and an operator lifts it."""
    await ledger.grants.add(ANA, 10, actor=OPERATOR, reason="", key="g")
    await ledger.quota.hold(ANA, 5, key="h")
    blocked = await ledger.grants.block(ANA, actor=OPERATOR, reason="spam", key="b")
    for work in (ledger.quota.consume(ANA, key="m"), ledger.quota.hold(ANA, key="h2")):
        with pytest.raises(AccountBlockedError):
            await work
    end = await ledger.quota.settle(ANA, key="h", units=2)
    status = (await ledger.balances.of(ANA)).status
    ledger.book.forget()
    with pytest.raises(AccountBlockedError):
        await ledger.quota.consume(ANA, key="m")
    lifted = await ledger.grants.unblock(ANA, actor=OPERATOR, reason="sorry", key="u")
    spend = await ledger.quota.consume(ANA, key="m")
    audit = await ledger.rows("SELECT actor, action, reason FROM audit ORDER BY id")
    lines = [line.kind for line in (await ledger.history.page(ANA, 0)).lines]
    await assert_sound(ledger)

    assert blocked == StatusChange(was_blocked=False, blocked=True)
    assert lifted == StatusChange(was_blocked=True, blocked=False)
    assert (end.units_used, spend.units, status) == (2, 1, "blocked")
    assert audit[1:] == [("user:900", "block", "spam"), ("user:900", "unblock", "sorry")]
    assert lines == ["unblock", "block", "grant"]


async def test_only_operators_block(ledger: OpenLedger) -> None:
    """And nobody lifts the own block."""
    stranger = Actor(user_id=1, guild_id=78, administrator=True)
    for change in (ledger.grants.block, ledger.grants.unblock):
        with pytest.raises(NotAllowedError):
            await change(ANA, actor=stranger, reason="", key="b")
    with pytest.raises(NotAllowedError):
        await ledger.grants.set_parent(WEB, TEAM, actor=stranger, reason="", key="p")

    assert await ledger.entries() == []


async def test_a_repeated_block_gets_the_first_answer(ledger: OpenLedger) -> None:
    """The same key, whatever happened since; for something else it is refused."""
    first = await ledger.grants.block(ANA, actor=OPERATOR, reason="", key="b")
    await ledger.grants.unblock(ANA, actor=OPERATOR, reason="", key="u")
    again = await ledger.grants.block(ANA, actor=OPERATOR, reason="", key="b")
    with pytest.raises(ConflictingReplayError):
        await ledger.grants.unblock(ANA, actor=OPERATOR, reason="", key="b")
    with pytest.raises(ConflictingReplayError):
        await ledger.grants.add(ANA, 1, actor=OPERATOR, reason="", key="b")

    assert again == first
    assert (await ledger.balances.of(ANA)).status == "active"


async def test_an_exhausted_account_is_freed_by_a_refill_or_by_units(ledger: OpenLedger) -> None:
    """Nothing is stored: it follows from what is left."""
    seen = [(await ledger.balances.of(ANA)).status]
    await ledger.quota.consume(ANA, 50, key="all of the day")
    seen.append((await ledger.balances.of(ANA)).status)
    await ledger.grants.add(ANA, 1, actor=OPERATOR, reason="", key="g")
    seen.append((await ledger.balances.of(ANA)).status)
    await ledger.quota.consume(ANA, 1, key="the rest")
    seen.append((await ledger.balances.of(ANA)).status)
    ledger.clock.move(days=1)
    seen.append((await ledger.balances.of(ANA)).status)

    assert seen == ["active", "exhausted", "active", "exhausted", "active"]


async def test_a_team_pays_for_its_projects(wide: OpenLedger) -> None:
    """One limit for both; each has an entry of its own, which says who paid how much."""
    first = await wide.quota.consume(WEB, 6, key="m1")
    again = await wide.quota.consume(WEB, 6, key="m1")
    second = await wide.quota.consume(APP, 3, key="m1")
    with pytest.raises(OutOfQuotaError) as refusal:
        await wide.quota.consume(WEB, 2, key="m2")
    balances = [await wide.balances.of(account) for account in (WEB, TEAM)]
    entries = (await wide.entries())[2:]
    team = (await wide.rows("SELECT id FROM accounts WHERE external_id = 'team:a'"))[0][0]
    await assert_sound(wide)

    assert (first.units, first.from_allowance, first.allowance_left) == (6, 6, 4)
    assert (again.replayed, again.allowance_left) == (True, 4)
    assert second.allowance_left == 1
    assert (refusal.value.units_left, len(refusal.value.refills)) == (1, 1)
    assert [(entry.units, entry.account == team) for entry in entries] == [(0, False), (6, True)] * 1 + [
        (0, False),
        (3, True),
    ]
    assert [f"^{team}=6" in entries[0].parts, f"^{team}=3" in entries[2].parts] == [True, True]
    assert balances[0].metrics == balances[1].metrics
    assert (balances[0].account, balances[0].parent, balances[1].parent) == (WEB, TEAM, None)


async def test_everything_works_for_a_project(wide: OpenLedger) -> None:
    """Batches, holds, give-backs, advice, the team's bought units and its plan."""
    await wide.grants.add(TEAM, 5, actor=OPERATOR, reason="", key="g")
    outcomes = await wide.quota.consume_many(
        [wide.quota.operation(WEB, 4, key=f"m{number}") for number in range(4)]
    )
    await wide.quota.give_back(WEB, key="m0")
    held = await wide.quota.hold(APP, 6, key="h")
    end = await wide.quota.settle(APP, key="h", units=1)
    await wide.quota.hold(APP, 4, key="h2", ttl_seconds=1)
    advice = await wide.quota.advisor.on(wide.quota.operation(WEB, 3, key="m9"))
    wide.clock.move(seconds=1)
    await wide.quota.holds.end_due()
    left = (await wide.quota.consume(WEB, 6, key="m5")).purchased_left
    with pytest.raises(NotInPlanError):
        await wide.quota.consume(WEB, 1, key="m6", service="search")
    await wide.grants.set_plan(TEAM, "pro", until_ms=None, actor=OPERATOR, reason="", key="p")
    await wide.quota.consume(WEB, 1, key="m6", service="search")
    await assert_sound(wide)

    assert [isinstance(outcome, OutOfQuotaError) for outcome in outcomes] == [False] * 3 + [True]
    assert (held.spend.units, end.units_back) == (6, 5)
    assert advice.refusal is not None
    assert left == 0


async def test_a_parent_is_one_level_of_external_accounts(wide: OpenLedger) -> None:
    """Nothing else, and nothing is changed by a refusal."""
    for number, (child, parent, why) in enumerate(
        (
            (ANA, TEAM, "not_external"),
            (HOUSE, ANA, "not_external"),
            (HOUSE, HOUSE, "itself"),
            (HOUSE, WEB, "has_parent"),
            (TEAM, HOUSE, "has_children"),
        )
    ):
        with pytest.raises(UnfitParentError) as refusal:
            await wide.grants.set_parent(child, parent, actor=OPERATOR, reason="", key=f"p{number}")
        assert refusal.value.why == why
    moved = await wide.grants.set_parent(WEB, HOUSE, actor=OPERATOR, reason="", key="move")
    await wide.quota.consume(WEB, 10, key="m1")
    alone = await wide.grants.set_parent(APP, None, actor=OPERATOR, reason="", key="alone")
    spend = await wide.quota.consume(APP, 10, key="m1")
    await assert_sound(wide)

    assert (moved.parent, alone.parent) == (HOUSE, None)
    assert spend.allowance_left == 0
    assert (await wide.balances.of(TEAM)).of("requests").allowance_left == 10  # type: ignore[union-attr]


async def test_projects_race_for_what_the_team_has(
    wide: OpenLedger, place: Place, clock: SteerableClock
) -> None:
    """Also in two processes: together they get what there is."""
    other = (
        wide if not isinstance(place, str) else await open_ledger(place, catalog=everything(), clock=clock)
    )
    outcomes = await asyncio.gather(
        *(
            one.quota.consume(account, 1, key=f"{number}")
            for number in range(15)
            for one, account in ((wide, WEB), (other, APP))
        ),
        return_exceptions=True,
    )
    await assert_sound(wide)
    if other is not wide:
        await other.close()

    assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 10
    assert all(isinstance(one, OutOfQuotaError) for one in outcomes if isinstance(one, BaseException))


@pytest.mark.parametrize("change", ["status = 'active'", "status = 'blocked'", "parent = NULL", "parent = 1"])
async def test_a_standing_that_no_entry_says_is_found(wide: OpenLedger, change: str) -> None:
    """By `ledger verify`."""
    await wide.grants.block(WEB, actor=OPERATOR, reason="", key="b")
    await wide.tamper(
        f"UPDATE accounts SET {change} WHERE id = {3 if 'blocked' in change or '1' in change else 1}"
    )
    problems = (await Proof(wide.database).verify()).problems

    assert len(problems) == 1
    assert "its entries say" in problems[0]
