"""PostgreSQL: statements that wait for company, how their texts travel, and how many trips a batch takes."""

from typing import Any

import pytest

from quota_core.accounts import AccountRef
from quota_core.errors import ConstraintError
from quota_core.postgres_database import PostgresDatabase
from quota_core.statements import Row, Work, fetch, run, run_all
from tests.core.opened_ledger import OpenLedger
from tests.core.recounting import assert_sound

ANA = AccountRef("user", "1")
AWKWARD = [
    "",
    " ",
    "NULL",
    "it's",
    "''; DROP TABLE entries; --",
    'a "quoted" one',
    "a\\b",
    "\\",
    "\\'",
    "{a,b}",
    "a,b",
    "$1",
    "two\nlines\tand a tab",
    "Straße 🦊",
    "E'\\x41'",
]
TYPES = ("bigint", "bigint", "text", "bigint", "bigint")


@pytest.fixture
def engine() -> str:
    """Return the one engine that this is about."""
    return "postgres"


class Counting:
    """A connection that counts how often it is asked for something."""

    def __init__(self, real: Any) -> None:
        self.real = real
        self.trips: list[str] = []

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.real, name)
        if name not in {"execute", "executemany", "fetch"}:
            return found

        async def counted(sql: str, *arguments: Any) -> Any:
            self.trips.append(sql)
            return await found(sql, *arguments)

        return counted


def closed(account: int, period: str, used: int) -> tuple[int, int, str, int, int]:
    """Return a row of a window that closed."""
    return account, 1, period, used, 0


def keep(rows: list[tuple[int, int, str, int, int]]) -> Work[None]:
    """Write such rows."""
    yield run_all("INSERT INTO allowances (account, metric, period, used, overage) {rows}", TYPES, rows)


async def test_every_text_arrives_as_it_was_sent(ledger: OpenLedger) -> None:
    """Nothing in a text ends it, whichever character it is."""
    rows = [closed(1, text, place) for place, text in enumerate(AWKWARD)]
    await ledger.database.write(lambda: keep(rows))
    found = await ledger.rows("SELECT period, used FROM allowances ORDER BY used")

    assert [row[0] for row in found] == AWKWARD


async def test_a_look_sees_what_was_written_before_it(ledger: OpenLedger) -> None:
    """What waits goes before the next statement that asks something, and in its order."""

    def work() -> Work[list[list[Row]]]:
        seen = []
        for used in (1, 2):
            yield from keep([closed(used, "2026-11-20", used)])
            seen.append((yield fetch("SELECT used FROM allowances ORDER BY used")))
            yield run("UPDATE allowances SET used = used + 10 WHERE account = $1", used)
        yield from keep([])
        return seen

    seen = await ledger.database.write(work)
    after = await ledger.rows("SELECT used FROM allowances ORDER BY used")

    assert seen == [[(1,)], [(2,), (11,)]]
    assert after == [(11,), (12,)]


async def test_a_waiting_row_that_is_refused_takes_everything_with_it(ledger: OpenLedger) -> None:
    """Its COMMIT is never run, whatever stands before the row and behind it; the connection is good for more."""

    def work() -> Work[None]:
        yield from keep([closed(1, "2026-11-20", 1)])
        yield from keep([closed(2, "2026-11-20", -1)])
        yield from keep([closed(3, "2026-11-20", 1)])

    with pytest.raises(ConstraintError):
        await ledger.database.write(work)
    spend = await ledger.quota.consume(ANA, 1, key="m")
    await assert_sound(ledger)

    assert not spend.replayed
    assert await ledger.rows("SELECT 1 FROM allowances") == []


async def test_work_that_raises_writes_nothing_of_what_waited(ledger: OpenLedger) -> None:
    """What was not sent yet is never sent."""

    def work() -> Work[None]:
        yield from keep([closed(1, "2026-11-20", 1)])
        raise LookupError

    with pytest.raises(LookupError):
        await ledger.database.write(work)

    assert await ledger.rows("SELECT 1 FROM allowances") == []


async def test_a_batch_takes_few_trips(ledger: OpenLedger) -> None:
    """Both sides pay for each: BEGIN with the lock, all that is read, all that is written with COMMIT."""
    assert isinstance(ledger.database, PostgresDatabase)
    await ledger.quota.consume(ANA, 1, key="before")
    connections = ledger.database._connections  # the tests' one look inside
    counting = Counting(connections._idle.pop())
    connections._idle.append(counting)
    await ledger.quota.consume(ANA, 1, key="now")

    assert len(counting.trips) == 3
    assert counting.trips[-1].endswith("COMMIT")
