import asyncio
import sqlite3
from pathlib import Path

import pytest

from quota_core.accounts import AccountRef
from quota_core.errors import HaltedError
from quota_core.proof import Proof
from quota_core.recent_check import check_recent
from terminal.desk import Desk
from tests.core.opened_ledger import OPERATOR, OpenLedger, SteerableClock

ANA, BEN = AccountRef("user", "1"), AccountRef("user", "2")


async def live(ledger: OpenLedger, clock: SteerableClock) -> None:
    """Leave something of every kind in the ledger."""
    for number in range(30):
        await ledger.quota.consume(ANA, 1, key=f"a{number}")
        await ledger.quota.consume(BEN, 1, key=f"b{number}")
    await ledger.grants.add(ANA, 100, actor=OPERATOR, reason="gift", key="g1")
    await ledger.quota.consume(ANA, 50, key="mixed")
    await ledger.quota.give_back(ANA, key="mixed")
    await ledger.grants.remove(ANA, 10, actor=OPERATOR, reason="mistake", key="g2")
    await ledger.grants.set_plan(BEN, "pro", until_ms=None, actor=OPERATOR, reason="friend", key="g3")
    clock.move(days=1)
    await ledger.quota.consume(ANA, 60, key="tomorrow")


async def test_a_sound_ledger_is_called_sound_with_figures(ledger: OpenLedger, clock: SteerableClock) -> None:
    """The verdict says how much was looked at."""
    await live(ledger, clock)

    verdict = await Proof(ledger.database).verify()

    assert verdict.problems == []
    assert verdict.entries == 66
    assert verdict.rows["accounts"] >= 2
    assert verdict.rows["audit"] == 3


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE entries SET units = units + 1 WHERE id = 10",
        "UPDATE entries SET parts = '+' WHERE id = 10",
        "UPDATE entries SET at_ms = at_ms + 1 WHERE id = 10",
        "UPDATE entries SET key = randomblob(16) WHERE id = 10",
        "UPDATE entries SET kind = 2 WHERE id = 10",
        "UPDATE entries SET account = 1 WHERE id = 10",
        "UPDATE entries SET purchased_left = 5 WHERE id = 10",
        "UPDATE entries SET digest = randomblob(16) WHERE id = 10",
        "DELETE FROM entries WHERE id = 10",
        "DELETE FROM entries WHERE id = (SELECT max(id) FROM entries)",
        "UPDATE balances SET version = version - 1 WHERE account = 1",
        "UPDATE accounts SET plan = 'founder' WHERE id = 1",
        "UPDATE balances SET digest = randomblob(16) WHERE account = 2",
        "UPDATE balances SET windows = windows || '1' WHERE account = 1",
        "UPDATE balances SET windows = '' WHERE account = 2",
        "UPDATE lots SET left_units = left_units - 1",
        "UPDATE lots SET units = units + 1",
        "INSERT INTO debts VALUES (1, 1, 5)",
        "DELETE FROM audit WHERE id = 2",
        "INSERT INTO lots (account, metric, source, units, left_units, created_ms) VALUES (1, 1, 'grant', 9, 9, 0)",
    ],
)
async def test_a_row_changed_behind_the_ledgers_back_is_found(
    ledger: OpenLedger, clock: SteerableClock, tmp_path: Path, change: str
) -> None:
    """Whoever edits the file leaves a trace that `ledger verify` names, and its exit code is 1."""
    await live(ledger, clock)
    await ledger.close()
    with sqlite3.connect(tmp_path / "quota.db") as connection:
        for trigger in ("entries_stay", "entries_remain", "audit_stays", "audit_remains"):
            connection.execute(f"DROP TRIGGER {trigger}")
        changed = connection.execute(change).rowcount
    connection.close()
    again = await ledger.reopened()
    lines: list[str] = []

    code = await Desk(again.database, again.keys, clock=clock).do("ledger verify", {}, lines.append)
    await again.close()

    assert changed > 0
    assert code == 1
    assert any(line.startswith("WRONG") for line in lines)


async def test_verifying_beside_a_working_ledger_raises_no_false_alarm(
    ledger: OpenLedger, clock: SteerableClock
) -> None:
    """What is written while it counts is counted too."""
    await live(ledger, clock)
    finished = asyncio.Event()

    async def work(worker: int) -> None:
        number = 0
        while not finished.is_set():
            number += 1
            account = AccountRef("user", str(1000 + number % 40))
            await ledger.quota.consume(account, 1, key=f"w{worker}-{number}")
            if number % 7 == 0:
                await ledger.grants.add(account, 3, actor=OPERATOR, reason="", key=f"wg{worker}-{number}")

    workers = [asyncio.create_task(work(number)) for number in range(4)]
    verdicts = [await Proof(ledger.database).verify() for _ in range(5)]
    finished.set()
    await asyncio.gather(*workers)

    assert [verdict.problems for verdict in verdicts] == [[]] * 5
    assert verdicts[-1].entries > 66


async def test_the_recurring_check_reads_only_what_is_new(ledger: OpenLedger, clock: SteerableClock) -> None:
    """The second check starts where the first one ended."""
    await live(ledger, clock)
    first = await check_recent(ledger.database)
    await ledger.quota.consume(BEN, 1, key="new")

    second = await check_recent(ledger.database)

    assert (first.entries, first.problems) == (66, [])
    assert (second.entries, second.problems) == (1, [])


async def test_a_broken_chain_is_noticed_and_halted_writes_stay_halted(
    ledger: OpenLedger, clock: SteerableClock, tmp_path: Path
) -> None:
    """After a halt every write is refused with a reason, and reading goes on."""
    await live(ledger, clock)
    await ledger.close()
    with sqlite3.connect(tmp_path / "quota.db") as connection:
        connection.execute("DROP TRIGGER entries_stay")
        connection.execute("UPDATE entries SET units = 2 WHERE id = 20")
    connection.close()
    again = await ledger.reopened()

    verdict = await check_recent(again.database)
    again.database.halt(verdict.problems[0])

    assert verdict.problems[0].startswith("entry 20:")
    with pytest.raises(HaltedError, match="entry 20"):
        await again.quota.consume(ANA, 1, key="refused")
    assert (await again.balances.of(ANA)).exists
    await again.close()
