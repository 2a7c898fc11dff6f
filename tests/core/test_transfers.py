"""What a server owns, moved into a member's account: exactly once, provably, and never more than there is."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from quota_core.account_statement import Statements
from quota_core.accounts import AccountRef
from quota_core.after_sale import Movement
from quota_core.erasure import Erasures
from quota_core.errors import (
    AmountError,
    ConflictingReplayError,
    MetricKindError,
    NotAllowedError,
    UnknownMetricError,
)
from quota_core.export import Wanted, exported
from quota_core.ledger import EntryKind
from quota_core.moving import Moved, TransferRefusedError
from quota_core.operators import Actor
from quota_core.past_balance import past_balance
from quota_core.proof import Proof
from quota_core.signing import SigningKey
from quota_core.statement_check import check_statement
from quota_core.tombstones import TombstoneFile
from quota_core.usage import Usage
from tests.core.catalogs import everything
from tests.core.opened_ledger import OPERATOR, OpenLedger, Place, SteerableClock, open_ledger, owe_units
from tests.core.recounting import assert_sound
from tests.core.reversing import bought, dispute, holds, refund, report

GUILD_ID = 7
GUILD, ANA, BEN = AccountRef("guild", "7"), AccountRef("user", "1"), AccountRef("user", "2")
MANAGER = Actor(user_id=5, guild_id=GUILD_ID, manages_guild=True)
OTHER_MANAGER = Actor(user_id=6, guild_id=GUILD_ID, administrator=True)


@pytest.fixture
async def rich(place: Place, clock: SteerableClock) -> AsyncIterator[OpenLedger]:
    """Return a ledger with a server that was given units."""
    opened = await open_ledger(place, catalog=everything(), clock=clock)
    await opened.grants.add(GUILD, 100, actor=OPERATOR, reason="", key="g")
    yield opened
    await opened.close()


async def move(
    ledger: OpenLedger, units: int, key: str, member: AccountRef = ANA, metric: str = "requests"
) -> Moved:
    """Let a manager of the server move units."""
    return await ledger.transfers.move(GUILD_ID, member, units, actor=MANAGER, key=key, metric=metric)


async def refused(ledger: OpenLedger, units: int = 1, member: AccountRef = ANA) -> TransferRefusedError:
    """Return why units are not moved; looking says the same."""
    with pytest.raises(TransferRefusedError) as looked:
        await ledger.transfers.look(GUILD_ID, member, units, actor=MANAGER)
    with pytest.raises(TransferRefusedError) as refusal:
        await move(ledger, units, "refused", member)
    assert looked.value.reason == refusal.value.reason
    return refusal.value


async def left(ledger: OpenLedger, account: AccountRef) -> int:
    """Return what can be spent of the account's lots."""
    part = (await ledger.balances.of(account)).of("requests")
    return 0 if part is None else part.purchased_left - part.frozen + part.expiring_left


async def test_units_move_from_the_server_to_the_member(rich: OpenLedger) -> None:
    """What one has less the other has more; looking told so before, and changed nothing."""
    looked = await rich.transfers.look(GUILD_ID, ANA, 30, actor=MANAGER)
    moved = await move(rich, 30, "t1")
    out, into = (await rich.entries())[1:]
    await assert_sound(rich)

    assert looked == moved == Moved(units=30, server_left=70, member_left=30)
    assert (await left(rich, GUILD), await left(rich, ANA)) == (70, 30)
    assert (out.kind, out.units, into.kind, into.units) == (19, 30, EntryKind.TRANSFER, 30)
    assert f"~to={into.account}" in out.parts
    assert f"~from={out.account}" in into.parts


async def test_the_same_key_moves_once(rich: OpenLedger) -> None:
    """The first answer comes again, whatever happened since; another content is refused."""
    first = await move(rich, 30, "t1")
    await rich.quota.consume(ANA, 15, key="spent")
    await move(rich, 5, "t2")
    again = await move(rich, 30, "t1")
    for other in (
        move(rich, 31, "t1"),
        move(rich, 30, "t1", BEN),
        rich.transfers.move(GUILD_ID, ANA, 30, actor=MANAGER, key="t1", metric="renders"),
    ):
        with pytest.raises(ConflictingReplayError):
            await other
    await assert_sound(rich)

    assert again.replayed
    assert again == first
    assert (await left(rich, GUILD), await left(rich, ANA)) == (65, 30)


async def test_only_who_manages_the_server_moves_its_units(rich: OpenLedger) -> None:
    """No member, no manager of another server, no operator of the bot; and nobody from elsewhere."""
    for actor in (
        Actor(user_id=5, guild_id=GUILD_ID),
        Actor(user_id=5, guild_id=GUILD_ID + 1, administrator=True, manages_guild=True),
        Actor(user_id=5, administrator=True, manages_guild=True),
        OPERATOR,
    ):
        with pytest.raises(NotAllowedError):
            await rich.transfers.move(GUILD_ID, ANA, 1, actor=actor, key="t")
        with pytest.raises(NotAllowedError):
            await rich.transfers.look(GUILD_ID, ANA, 1, actor=actor)

    assert (await left(rich, GUILD), await left(rich, ANA)) == (100, 0)


async def test_amounts_and_metrics_are_bounded(rich: OpenLedger) -> None:
    """At least one unit, at most MAX_GRANT, of something that is counted."""
    for units in (0, -1, 1_000_001):
        with pytest.raises(AmountError):
            await move(rich, units, "t")
    with pytest.raises(UnknownMetricError):
        await move(rich, 1, "t", metric="moons")
    with pytest.raises(MetricKindError):
        await move(rich, 1, "t", metric="space")

    assert (await refused(rich, member=AccountRef("external", "project:x"))).reason == "not_a_person"


async def test_only_what_can_be_spent_now_is_moved(rich: OpenLedger, clock: SteerableClock) -> None:
    """Nothing of the plan's allowance, nothing on hold, nothing that has ended; whole or not at all."""
    await rich.grants.add(GUILD, 5, actor=OPERATOR, reason="", key="e", expires_ms=clock() + 1000)
    await rich.quota.hold(GUILD, 50, key="h")  # 10 of the allowance, the 5 that end, 35 more
    clock.move(seconds=2)
    short = await refused(rich, 66)
    await move(rich, 65, "t1")
    await assert_sound(rich)

    assert (short.reason, short.units_left) == ("short", 65)
    assert await left(rich, GUILD) == 0
    assert (await refused(rich)).units_left == 0


async def test_moved_units_end_when_they_would_have(rich: OpenLedger, clock: SteerableClock) -> None:
    """Those that end soonest go first, as in a spend; the parts with another end are entries of their own."""
    soon_ms, later_ms = clock() + 1000, clock() + 5000
    await rich.grants.add(GUILD, 4, actor=OPERATOR, reason="", key="e1", expires_ms=later_ms)
    await rich.grants.add(GUILD, 3, actor=OPERATOR, reason="", key="e2", expires_ms=soon_ms)
    await rich.grants.add(GUILD, 2, actor=OPERATOR, reason="", key="e3", expires_ms=soon_ms)
    moved = await move(rich, 12, "t1")
    again = await move(rich, 12, "t1")
    with pytest.raises(ConflictingReplayError):
        await move(rich, 5, "t1")
    lots = await rich.rows(
        "SELECT l.units, l.expires_ms FROM lots l JOIN accounts a ON a.id = l.account"
        " WHERE a.kind = 'user' ORDER BY l.id"
    )
    clock.move(seconds=2)
    await assert_sound(rich)

    assert lots == [(5, soon_ms), (4, later_ms), (3, None)]
    assert moved == again == Moved(units=12, server_left=97, member_left=12)
    assert again.replayed
    assert (await left(rich, GUILD), await left(rich, ANA)) == (97, 7)


async def test_a_refund_of_moved_units_is_the_servers_debt(ledger: OpenLedger) -> None:
    """As of spent units: the member keeps them, the server's next units pay; it shares none until then."""
    order = await bought(ledger, GUILD)
    await move(ledger, 40, "t1")
    await report(ledger, refund(order, order.price_minor))
    owing = await holds(ledger, GUILD)
    debt = await refused(ledger)
    await ledger.grants.add(GUILD, 50, actor=OPERATOR, reason="", key="g2")
    paid = await holds(ledger, GUILD)
    await report(ledger, refund(order, order.price_minor, failed=True))
    restored = await holds(ledger, GUILD)
    await assert_sound(ledger)

    assert (await left(ledger, ANA)) == 40
    assert owing == (0, 0, 40)
    assert debt.reason == "debt"
    assert paid == (10, 0, 0)
    assert restored[2] == 0
    assert restored[0] == 10 + order.units


async def test_units_in_dispute_stay_where_they_are(ledger: OpenLedger) -> None:
    """The other ones can be shared; so can they, once the dispute is won."""
    order = await bought(ledger, GUILD)
    await ledger.grants.add(GUILD, 5, actor=OPERATOR, reason="", key="g")
    await report(ledger, dispute(order))
    short = await refused(ledger, 6)
    await move(ledger, 5, "t1")
    await report(ledger, dispute(order, Movement.WON))
    await move(ledger, 1000, "t2")
    await assert_sound(ledger)

    assert (short.reason, short.units_left) == ("short", 5)
    assert await left(ledger, ANA) == 1005


async def test_what_a_member_owes_is_paid_first(rich: OpenLedger) -> None:
    """As from any units that come; looking says so before."""
    await owe_units(rich, ANA, "requests", 8)
    looked = await rich.transfers.look(GUILD_ID, ANA, 10, actor=MANAGER)
    moved = await move(rich, 10, "t1")
    await owe_units(rich, BEN, "requests", 9)
    await move(rich, 9, "t2", BEN)
    await assert_sound(rich)

    assert looked == moved == Moved(units=10, server_left=90, member_left=2)
    assert (await left(rich, BEN), (await rich.balances.of(BEN)).metrics[0].debt) == (0, 0)


async def test_who_is_blocked_gives_and_gets_nothing(rich: OpenLedger) -> None:
    """Either side, until an operator lifts it."""
    reasons = []
    for blocked in (ANA, GUILD):
        await rich.grants.block(blocked, actor=OPERATOR, reason="", key=f"b{blocked}")
        reasons.append((await refused(rich)).reason)
        await rich.grants.unblock(blocked, actor=OPERATOR, reason="", key=f"u{blocked}")
    await move(rich, 1, "t1")

    assert reasons == ["member_blocked", "server_blocked"]


async def test_who_is_about_to_be_forgotten_gets_nothing(rich: OpenLedger, tmp_path: Path) -> None:
    """The units would be lost; and the server's entries outlive a member who was forgotten."""
    erasures = Erasures(rich.database, rich.book, TombstoneFile(tmp_path, b"s" * 32), clock=rich.clock)
    await move(rich, 1, "t1")
    await erasures.ask(ANA)
    leaving = await refused(rich)
    await erasures.cancel(ANA)
    await move(rich, 1, "t2")
    await erasures.forget(ANA)
    verdict = await Proof(rich.database).verify()
    page = await rich.history.page(GUILD, 0)

    assert leaving.reason == "leaving"
    assert verdict.sound, verdict.problems
    assert [str(line.other)[:7] for line in page.lines if line.other] == ["erased:"] * 2


async def test_the_last_units_go_once(rich: OpenLedger, place: Place, clock: SteerableClock) -> None:
    """Two managers move all of them at once, in two processes where there may be two; members spend."""
    other = (
        rich if not isinstance(place, str) else await open_ledger(place, catalog=everything(), clock=clock)
    )
    actors = ((rich, MANAGER, ANA), (other, OTHER_MANAGER, BEN))
    outcomes = await asyncio.gather(
        *(
            ledger.transfers.move(GUILD_ID, member, 100, actor=actor, key=f"{member}/{number}")
            for number in range(10)
            for ledger, actor, member in actors
        ),
        *(rich.quota.consume(member, 5, key=f"s{number}") for number in range(2) for member in (ANA, BEN)),
        return_exceptions=True,
    )
    moved = [one for one in outcomes if isinstance(one, Moved)]
    short = [one for one in outcomes if isinstance(one, TransferRefusedError)]
    await assert_sound(rich)
    if other is not rich:
        await other.close()

    assert (len(moved), len(short)) == (1, 19)
    assert sorted([await left(rich, ANA), await left(rich, BEN)]) == [0, 100]


async def test_one_key_at_once_moves_once(rich: OpenLedger, place: Place, clock: SteerableClock) -> None:
    """Twenty presses of one button, from two processes where there may be two: one is the first."""
    other = (
        rich if not isinstance(place, str) else await open_ledger(place, catalog=everything(), clock=clock)
    )
    moved = await asyncio.gather(
        *(
            ledger.transfers.move(GUILD_ID, ANA, 3, actor=MANAGER, key="press")
            for _ in range(10)
            for ledger in (rich, other)
        )
    )
    await assert_sound(rich)
    if other is not rich:
        await other.close()

    assert sorted(one.replayed for one in moved) == [False] + [True] * 19
    assert (await left(rich, GUILD), await left(rich, ANA)) == (97, 3)


async def test_spends_written_late_are_counted_first(rich: OpenLedger) -> None:
    """A spend before and after; a new process that reads the file sees one line of versions."""
    await rich.quota.consume(ANA, 2, key="s1")
    await rich.quota.consume(GUILD, 3, key="s2")
    await move(rich, 10, "t1")
    await rich.quota.consume(ANA, 2, key="s3")
    again = await rich.reopened()
    await assert_sound(again)
    used = [(await again.balances.of(account)).metrics[0].windows[0].used for account in (ANA, GUILD)]
    moved = await left(again, ANA)
    await again.close()

    assert (used, moved) == ([4, 3], 10)


async def test_both_sides_read_it_in_their_history(rich: OpenLedger) -> None:
    """What went, to whom, and what came, from where; it is no use, and nothing that an operator gave."""
    await move(rich, 30, "t1")
    sides = [(await rich.history.page(account, 0)).lines[0] for account in (GUILD, ANA)]
    usage = Usage(rich.database, rich.book, clock=rich.clock)
    await usage.catch_up()
    days = await rich.rows("SELECT count(*) FROM usage_days")
    stats = await rich.statistics.now()

    assert [(one.kind, one.units, one.other, one.after) for one in sides] == [
        ("shared", 30, ANA, 70),
        ("received", 30, GUILD, 30),
    ]
    assert days == [(0,)]
    assert (stats.granted, stats.used) == (100, 0)


async def test_what_there_was_is_told_by_the_entries(rich: OpenLedger, clock: SteerableClock) -> None:
    """At any moment, in an export, and in a statement that is checked without the ledger."""
    before_ms = clock()
    clock.move(seconds=1)
    await move(rich, 30, "t1")
    zone = rich.catalog.zone
    past = [
        [part.left for part in (await past_balance(rich.database, account, at_ms, zone=zone)).metrics]
        for account in (GUILD, ANA)
        for at_ms in (before_ms, clock())
    ]
    pages = [page async for page in exported(rich.database, Wanted())]
    parts = [
        (entry.account, part.pot, part.name, part.units)
        for page in pages
        for entry in page.entries
        for part in entry.parts
        if entry.kind == "transfer" and part.pot != "lot"
    ]
    statements = Statements(rich.database, SigningKey.new(), clock=clock)
    checked = [
        check_statement(found.content, None)
        for account in (GUILD, ANA)
        if (found := await statements.of(account)) is not None
    ]

    assert past == [[100], [70], [], [30]]
    assert parts == [("guild:7", "to", "user:1", 30), ("user:1", "from", "guild:7", 30)]
    assert [(one.problems, sorted(one.pots.values())) for one in checked] == [((), [70]), ((), [30])]


async def test_the_member_is_told_once(rich: OpenLedger) -> None:
    """With what came and what there is now; a second press tells nothing more."""
    await move(rich, 30, "t1")
    await move(rich, 30, "t1")
    notices = await rich.rows("SELECT kind, facts FROM notices")
    facts = json.loads(notices[0][1])

    assert len(notices) == 1
    assert notices[0][0] == "received"
    assert {name: facts[name] for name in ("units", "metric", "server", "after")} == {
        "units": 30,
        "metric": "requests",
        "server": "guild:7",
        "after": 30,
    }
