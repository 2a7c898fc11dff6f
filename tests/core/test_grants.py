"""What operators do by hand: bounded, audited, and by nobody else."""

from typing import Any

import pytest

from quota_core.access_keys import AccessKey, Scope
from quota_core.accounts import AccountRef
from quota_core.errors import (
    AmountError,
    ConflictingReplayError,
    NotAllowedError,
    QuotaError,
    UnknownMetricError,
    UnknownPlanError,
)
from quota_core.grants import Change
from quota_core.operators import Actor, Operators
from quota_core.plan_changes import PlanChange
from quota_core.proof import Proof
from tests.core.opened_ledger import DAY_MS, OPERATOR, OpenLedger, payment_of
from tests.core.recounting import assert_sound

ANA = AccountRef("user", "1")


def key_with(scope: Scope, account: AccountRef | None = None) -> Actor:
    """Return who acts by a key with one scope."""
    return Actor(
        key=AccessKey(
            id="0123456789ab",
            name="",
            scopes=frozenset({scope}),
            account=account,
            created_ms=0,
            expires_ms=None,
            revoked_ms=None,
        )
    )


KEY = key_with(Scope.ADMIN_WRITE)


@pytest.mark.parametrize(
    ("actor", "allowed"),
    [
        (Actor(user_id=900), True),
        (Actor(user_id=900, guild_id=1, administrator=False), True),
        (Actor(user_id=5, guild_id=77, administrator=True), True),
        (Actor(user_id=5, guild_id=77, administrator=False), False),
        (Actor(user_id=5, guild_id=78, administrator=True), False),
        (Actor(user_id=5, guild_id=None, administrator=True), False),
        (Actor(user_id=77), False),
        (Actor(), False),
        (KEY, True),
        (key_with(Scope.ADMIN_READ), False),
        (key_with(Scope.ADMIN_WRITE, ANA), False),
    ],
)
async def test_only_operators_create_units(ledger: OpenLedger, actor: Actor, *, allowed: bool) -> None:
    """P10, T07: an Administrator of any other server is nobody, for each of the three changes."""
    works = (
        ledger.grants.add(ANA, 1, actor=actor, reason="", key="a"),
        ledger.grants.remove(ANA, 1, actor=actor, reason="", key="r"),
        ledger.grants.set_plan(ANA, "pro", until_ms=None, actor=actor, reason="", key="p"),
    )
    for work in works:
        if allowed:
            await work
        else:
            with pytest.raises(NotAllowedError):
                await work

    assert len(await ledger.entries()) == (3 if allowed else 0)
    assert Operators().allow(actor) == (actor is KEY)


async def test_each_change_says_before_and_after_and_is_audited(ledger: OpenLedger) -> None:
    """A3: actor, action, reason, in the same transaction as the entry."""
    added = await ledger.grants.add(ANA, 30, actor=OPERATOR, reason="a gift", key="a")
    removed = await ledger.grants.remove(ANA, 40, actor=OPERATOR, reason="x" * 300, key="r")
    nothing = await ledger.grants.remove(ANA, 5, actor=OPERATOR, reason="", key="r2")
    planned = await ledger.grants.set_plan(ANA, "pro", until_ms=None, actor=OPERATOR, reason="", key="p")
    audit = await ledger.rows("SELECT entry, actor, action, reason FROM audit ORDER BY id")

    assert added == Change(units=30, before=0, after=30)
    assert removed == Change(units=30, before=30, after=0)
    assert nothing == Change(units=0, before=0, after=0)
    assert planned == PlanChange(before="free", after="pro", until_ms=None)
    assert audit == [
        (1, "user:900", "grant", "a gift"),
        (2, "user:900", "remove", "x" * 200),
        (3, "user:900", "remove", ""),
        (4, "user:900", "plan", ""),
    ]
    await assert_sound(ledger)


async def test_a_repeat_gets_the_first_answer(ledger: OpenLedger) -> None:
    """Also after everything else has changed."""
    added = await ledger.grants.add(ANA, 30, actor=OPERATOR, reason="", key="a")
    removed = await ledger.grants.remove(ANA, 10, actor=OPERATOR, reason="", key="r")
    await ledger.grants.add(ANA, 500, actor=OPERATOR, reason="", key="a2")
    again = await ledger.grants.add(ANA, 30, actor=OPERATOR, reason="", key="a")
    removed_again = await ledger.grants.remove(ANA, 10, actor=OPERATOR, reason="", key="r")

    assert (again, removed_again) == (added, removed)
    assert len(await ledger.rows("SELECT 1 FROM audit")) == 3


@pytest.mark.parametrize("units", [0, -1, 1_000_001, 2**70])
async def test_one_grant_is_bounded(ledger: OpenLedger, units: int) -> None:
    """MAX_GRANT caps what one slip of a finger can do."""
    for change in (ledger.grants.add, ledger.grants.remove):
        with pytest.raises(AmountError) as refusal:
            await change(ANA, units, actor=OPERATOR, reason="", key="k")

        assert (refusal.value.minimum, refusal.value.maximum) == (1, 1_000_000)


async def test_what_does_not_exist_is_refused(ledger: OpenLedger) -> None:
    """Plans and metrics by name; nothing is written."""
    with pytest.raises(UnknownPlanError):
        await ledger.grants.set_plan(ANA, "gold", until_ms=None, actor=OPERATOR, reason="", key="p")
    with pytest.raises(UnknownMetricError):
        await ledger.grants.add(ANA, 1, actor=OPERATOR, reason="", key="a", metric="tokens")

    assert await ledger.rows("SELECT 1 FROM accounts") == []


async def test_given_units_go_before_bought_ones(ledger: OpenLedger) -> None:
    """What was paid for is touched last."""
    opened = await ledger.purchases.begin(ANA, "quota_100", buyer=ANA, locale="en")
    order = await ledger.purchases.order(opened.order_id)
    await ledger.grants.add(ANA, 20, actor=OPERATOR, reason="", key="g1")
    await ledger.settlements.settle(payment_of(order, str(order.reference)))
    await ledger.grants.add(ANA, 5, actor=OPERATOR, reason="", key="g2")
    await ledger.grants.remove(ANA, 24, actor=OPERATOR, reason="", key="r1")
    first = await ledger.rows("SELECT source, left_units FROM lots ORDER BY id")
    await ledger.grants.remove(ANA, 6, actor=OPERATOR, reason="", key="r2")
    second = await ledger.rows("SELECT source, left_units FROM lots ORDER BY id")

    assert first == [("grant", 1), ("purchase", 100), ("grant", 0)]
    assert second == [("grant", 0), ("purchase", 95), ("grant", 0)]


async def test_a_plan_ends_at_its_moment(ledger: OpenLedger) -> None:
    """What was used under it stays used under the smaller one, and nothing is negative."""
    until_ms = ledger.clock() + 1000
    await ledger.grants.set_plan(ANA, "pro", until_ms=until_ms, actor=OPERATOR, reason="", key="p")
    spend = await ledger.quota.consume(ANA, 800, key="m")
    during = await ledger.balances.of(ANA)
    ledger.clock.move(ms=1000)
    after = await ledger.balances.of(ANA)
    free = after.of("requests")

    assert spend.allowance_left == 200
    assert (during.plan, during.plan_until_ms) == ("pro", until_ms)
    assert (after.plan, after.plan_until_ms) == ("free", None)
    assert free is not None
    assert (free.windows[0].used, free.windows[0].left, free.allowance_left) == (800, 0, 0)


async def test_a_repeated_plan_change_says_what_was_before(ledger: OpenLedger) -> None:
    """The same key with the same content returns the first answer."""
    first = await ledger.grants.set_plan(ANA, "pro", until_ms=None, actor=OPERATOR, reason="", key="p")
    again = await ledger.grants.set_plan(ANA, "pro", until_ms=None, actor=OPERATOR, reason="", key="p")

    assert again == first


async def test_removing_leaves_expired_units_alone(ledger: OpenLedger) -> None:
    """Ten units ended yesterday: there is nothing to take, and the answer's figures add up."""
    await ledger.grants.add(ANA, 10, actor=OPERATOR, reason="", key="g")
    await ledger.execute("UPDATE lots SET expires_ms = $1", ledger.clock() + DAY_MS)
    ledger.clock.move(days=2)
    removed = await ledger.grants.remove(ANA, 4, actor=OPERATOR, reason="", key="r")

    assert removed == Change(units=0, before=0, after=0)


@pytest.mark.parametrize("until_ms", [0])
async def test_a_plan_that_ended_long_ago_is_refused_or_proved(ledger: OpenLedger, until_ms: int) -> None:
    """Whatever the end of a plan: refused, or the ledger still verifies."""
    try:
        await ledger.grants.set_plan(ANA, "pro", until_ms=until_ms, actor=OPERATOR, reason="", key="p")
    except QuotaError:
        return
    verdict = await Proof(ledger.database).verify()

    assert verdict.problems == []


async def test_a_gift_may_have_an_end(ledger: OpenLedger) -> None:
    """It is spent before what never ends, and gone afterwards; the same key with another end conflicts."""
    end_ms = ledger.clock() + DAY_MS
    given: dict[str, Any] = {"actor": OPERATOR, "reason": "bonus"}
    bonus = await ledger.grants.add(ANA, 5, key="b", expires_ms=end_ms, **given)
    again = await ledger.grants.add(ANA, 5, key="b", expires_ms=end_ms, **given)
    for other in (None, end_ms + 1):
        with pytest.raises(ConflictingReplayError):
            await ledger.grants.add(ANA, 5, key="b", expires_ms=other, **given)
    with pytest.raises(AmountError):
        await ledger.grants.add(ANA, 5, key="past", expires_ms=ledger.clock(), **given)
    await ledger.grants.add(ANA, 3, key="ever", **given)
    part = (await ledger.balances.of(ANA)).of("requests")
    ledger.clock.move(days=1)
    later = (await ledger.balances.of(ANA)).of("requests")

    assert (bonus.units, bonus.after, again.replayed) == (5, 5, True)
    assert part is not None
    assert (part.expiring_left, part.purchased_left) == (5, 3)
    assert later is not None
    assert (later.expiring_left, later.purchased_left) == (0, 3)
    await assert_sound(ledger)
