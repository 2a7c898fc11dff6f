"""Verification: it agrees with a sound ledger, and names what was altered in any other."""

import asyncio

import pytest

from quota_core import recent_check, watch
from quota_core.accounts import AccountRef
from quota_core.database import Database
from quota_core.operators import Actor
from quota_core.proof import Proof
from quota_core.recent_check import check_recent
from quota_core.verdict import Verdict
from quota_core.watch import watch_ledger
from tests.core.opened_ledger import OPERATOR, OpenLedger, owe_units, payment_of
from tests.core.recounting import assert_sound
from tests.core.reversing import refund, report

ANA, BEN = AccountRef("user", "1"), AccountRef("user", "2")


async def lived_in(ledger: OpenLedger) -> None:
    """Give the ledger a past with every kind of row."""
    await ledger.grants.add(ANA, 30, actor=OPERATOR, reason="", key="g")
    await ledger.quota.consume(ANA, 70, key="m1")
    await ledger.quota.consume(BEN, 20, key="m2")
    await ledger.quota.give_back(BEN, key="m2")
    await ledger.grants.remove(ANA, 5, actor=OPERATOR, reason="", key="r")
    await ledger.grants.set_plan(ANA, "pro", until_ms=None, actor=OPERATOR, reason="", key="p")
    await owe_units(ledger, ANA, "requests", 40)
    opened = await ledger.purchases.begin(ANA, "quota_100", buyer=ANA, locale="en")
    order = await ledger.purchases.order(opened.order_id)
    await ledger.settlements.settle(payment_of(order, str(order.reference)))
    await owe_units(ledger, BEN, "requests", 3)


async def verdict_of(ledger: OpenLedger) -> Verdict:
    """Verify everything."""
    return await Proof(ledger.database).verify()


async def test_a_sound_ledger_is_found_sound(ledger: OpenLedger) -> None:
    """With the numbers of what was checked."""
    await lived_in(ledger)
    verdict = await verdict_of(ledger)
    await assert_sound(ledger)

    assert verdict.sound
    assert verdict.entries == 9
    assert verdict.rows == {
        "accounts": 2,
        "balances": 2,
        "allowances": 0,
        "debts": 2,
        "lots": 2,
        "orders": 1,
        "notices": 1,
        "reversals": 0,
        "audit": 5,
        "crossings": 1,
        "holds": 0,
        "usage_days": 0,
        "payers": 0,
        "metrics": 1,
    }
    assert verdict.holdings == {
        "requests": {"granted": 30, "bought": 100, "spent": 20, "expired": 0, "taken_back": 45, "held": 65}
    }


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE entries SET units = units + 1 WHERE id = 2",
        "UPDATE entries SET parts = replace(parts, '=50', '=51') WHERE id = 2",
        "UPDATE entries SET at_ms = at_ms - 1 WHERE id = 4",
        "UPDATE entries SET key = zeroblob(16) WHERE id = 3",
        "UPDATE entries SET digest = zeroblob(16) WHERE id = 3",
        "UPDATE entries SET allowance_left = NULL WHERE id = 1",
        "UPDATE entries SET purchased_left = 9 WHERE id = 1",
        "UPDATE entries SET kind = 4 WHERE id = 1",
        "UPDATE entries SET id = 99 WHERE id = 9",
        "DELETE FROM entries WHERE id = 4",
        "DELETE FROM entries WHERE id = 9",
        "UPDATE balances SET version = version + 1 WHERE account = 1",
        "UPDATE balances SET head = 1 WHERE account = 1",
        "UPDATE balances SET digest = zeroblob(16) WHERE account = 2",
        "UPDATE accounts SET plan = 'founder' WHERE id = 1",
        "UPDATE accounts SET plan_until_ms = 5 WHERE id = 1",
        "UPDATE balances SET windows = 'requests/2026-11-20=1' WHERE account = 1",
        "UPDATE balances SET windows = windows || '+1' WHERE account = 1",
        "UPDATE balances SET windows = '' WHERE account = 1",
        "INSERT INTO allowances VALUES (1, 1, '2020-01-01', 1, 0)",
        "UPDATE lots SET left_units = left_units - 1 WHERE left_units > 0",
        "UPDATE lots SET taken_units = 0",
        "UPDATE lots SET units = units + 1 WHERE source = 'purchase'",
        "UPDATE lots SET account = 2 WHERE source = 'grant'",
        "DELETE FROM lots WHERE source = 'grant'",
        "UPDATE debts SET units = units + 1 WHERE account = 2",
        "DELETE FROM debts WHERE account = 2",
        "UPDATE orders SET units = 101",
        "UPDATE orders SET entry = 1",
        "UPDATE orders SET state = 'open', entry = NULL",
        "DELETE FROM audit WHERE entry = 1",
        "UPDATE audit SET entry = 2 WHERE entry = 1",
    ],
)
async def test_any_altered_row_is_found(ledger: OpenLedger, sql: str) -> None:
    """T47: whoever can write to the file can drop its triggers, but not make the sums agree."""
    await lived_in(ledger)
    await ledger.tamper(sql)
    verdict = await verdict_of(ledger)

    assert verdict.problems


@pytest.mark.parametrize(
    "column",
    [
        "account",
        "version",
        "prev",
        "kind",
        "metric",
        "units",
        "parts",
        "at_ms",
        "key",
        "allowance_left",
        "purchased_left",
    ],
)
async def test_the_recent_check_finds_an_altered_entry(ledger: OpenLedger, column: str) -> None:
    """L7: each fact of an entry is under its digest."""
    await ledger.quota.consume(BEN, 20, key="m1")
    await ledger.quota.consume(ANA, 20, key="m2")
    await ledger.quota.consume(ANA, 5, key="m3")
    changed = {"parts": "'2026-11-21=5'", "key": "zeroblob(16)", "prev": "1", "kind": "2"}.get(column, "7")
    await ledger.tamper(f"UPDATE entries SET {column} = {changed} WHERE id = 3")
    verdict = await check_recent(ledger.database)

    assert verdict.problems


async def test_the_recent_check_goes_on_where_it_ended(
    ledger: OpenLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In steps, across accounts, and never past what is broken."""
    monkeypatch.setattr(recent_check, "STEP", 3)
    await lived_in(ledger)
    first = await check_recent(ledger.database)
    nothing = await check_recent(ledger.database)
    await ledger.quota.consume(ANA, 1, key="m9")
    one = await check_recent(ledger.database)
    await ledger.quota.consume(ANA, 1, key="m10")
    await ledger.execute("UPDATE balances SET version = 99 WHERE account = 1")
    broken = [await check_recent(ledger.database) for _ in range(2)]

    assert [verdict.entries for verdict in (first, nothing, one)] == [9, 0, 1]
    assert first.sound
    assert all(not verdict.sound for verdict in broken)
    assert (await verdict_of(ledger)).problems


async def test_a_ledger_can_be_verified_while_it_is_written(
    ledger: OpenLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps and writes take turns; what came meanwhile is counted, not mistaken for a difference."""
    monkeypatch.setattr("quota_core.verdict.MAX_ROWS", 2)
    await lived_in(ledger)
    proving = asyncio.create_task(verdict_of(ledger))
    written = 0
    while not proving.done():
        written += 1
        account = AccountRef("user", str(1 + written % 5))
        await ledger.grants.add(account, 2, actor=OPERATOR, reason="", key=f"w{written}")
        await ledger.quota.consume(account, 1, key=f"c{written}")
        if written == 30:
            break
    verdict = await proving

    assert verdict.problems == []
    assert verdict.entries > 9 or not ledger.database.alone  # there, nobody has to wait for the other


async def test_what_the_watch_finds_stops_all_writes(ledger: OpenLedger) -> None:
    """P8: writes are refused from then on, with the reason; reads stay up."""
    await lived_in(ledger)
    await ledger.execute("UPDATE balances SET version = 99 WHERE account = 1")
    async with asyncio.timeout(120):
        await watch_ledger(ledger.database)

    assert ledger.database.halted is not None
    assert "account 1" in ledger.database.halted
    assert (await ledger.balances.of(BEN)).exists


async def test_a_check_that_fails_unforeseen_is_not_the_last(
    ledger: OpenLedger, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """F06: the next one comes all the same, and what it finds stops all writes."""
    await lived_in(ledger)
    await ledger.execute("UPDATE balances SET version = 99 WHERE account = 1")
    failures = iter([ValueError("for this test")])

    async def checked(database: Database) -> Verdict:
        for failure in failures:
            raise failure
        return await check_recent(database)

    monkeypatch.setattr(watch, "check_recent", checked)
    async with asyncio.timeout(120):
        await watch_ledger(ledger.database, interval_seconds=0)

    assert "for this test" in caplog.text
    assert ledger.database.halted is not None


async def test_an_empty_ledger_is_sound(ledger: OpenLedger) -> None:
    """Nothing is wrong with nothing."""
    verdict = await verdict_of(ledger)

    assert verdict.sound
    assert (await check_recent(ledger.database)).entries == 0


async def test_what_others_hear_of_a_purchase_for_a_server_is_sound(ledger: OpenLedger) -> None:
    """Its channel hears of it, of a refund of it too, and nobody there paid for it."""
    guild = AccountRef("guild", "7")
    await ledger.messages.recipients.add(guild, "channel", "1101500000000000001")
    opened = await ledger.purchases.begin(guild, "quota_100", buyer=ANA, locale="en")
    order = await ledger.purchases.order(opened.order_id)
    await ledger.settlements.settle(payment_of(order, str(order.reference)))
    await report(ledger, refund(order, order.price_minor))

    verdict = await verdict_of(ledger)

    assert verdict.problems == []
    assert verdict.rows["notices"] == 4


async def test_units_that_came_with_two_ends_are_told_once(ledger: OpenLedger) -> None:
    """Two pairs of entries, one message with the sum; without it, the last entry is named."""
    guild, manager = AccountRef("guild", "7"), Actor(user_id=5, guild_id=7, manages_guild=True)
    for key, end_ms in (("a", None), ("b", ledger.clock() + 1000)):
        await ledger.grants.add(guild, 3, actor=OPERATOR, reason="", key=key, expires_ms=end_ms)
    for key, units in (("t1", 5), ("t2", 1)):
        await ledger.transfers.move(7, ANA, units, actor=manager, key=key)
    sound = await verdict_of(ledger)
    await ledger.execute("DELETE FROM notices WHERE facts LIKE '%\"units\": 5%'")

    assert sound.problems == []
    assert (await verdict_of(ledger)).problems == ["entry 6: whom it concerns was not told"]
