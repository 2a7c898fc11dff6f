"""Use by day and service: what the entries say, once each, whoever adds up and whenever."""

import asyncio
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quota_core.accounts import AccountRef
from quota_core.chain import Entry
from quota_core.errors import UnavailableError
from quota_core.ledger import EntryKind
from quota_core.postgres_database import PostgresDatabase
from quota_core.usage import Usage, UsageFilter, UsagePage, UsedDay
from quota_core.used_days import Days, added_up, used_by
from tests.core.catalogs import everything
from tests.core.opened_ledger import (
    DAY_MS,
    NOON_MS,
    OPERATOR,
    OpenLedger,
    Place,
    SteerableClock,
    open_ledger,
)

ANA, BEN, POOL = AccountRef("user", "1"), AccountRef("user", "2"), AccountRef("guild", "3")
EVERYTHING = UsageFilter()


@pytest.fixture
async def ledger(place: Place, clock: SteerableClock) -> OpenLedger:
    """Return a ledger with services and every kind of pot."""
    return await open_ledger(place, catalog=everything(), clock=clock)


async def used(ledger: OpenLedger, account: AccountRef = ANA, wanted: UsageFilter = EVERYTHING) -> UsagePage:
    """Return what an account used."""
    usage = Usage(ledger.database, ledger.book, clock=ledger.clock)
    return await usage.of(account, wanted, None, 200)


def rows(page: UsagePage) -> list[tuple[str, str, str, int, int]]:
    """Return day, metric, service, units and calls."""
    return [(one.day, one.metric, one.service, one.units, one.calls) for one in page.days]


async def test_use_stands_by_day_metric_and_service(ledger: OpenLedger) -> None:
    """As it is spent, with what came back on the day on which it did."""
    await ledger.grants.set_plan(ANA, "pro", until_ms=None, actor=OPERATOR, reason="", key="plan")
    await ledger.quota.consume(ANA, 2, key="1")
    await ledger.quota.consume(ANA, 2, key="2", service="search")
    await ledger.quota.consume(ANA, 1, key="3", metric="renders")
    first = await used(ledger)
    ledger.clock.move(days=1)
    await ledger.quota.consume(ANA, 5, key="4")
    await ledger.quota.give_back(ANA, key="2")
    second = await used(ledger)
    search = await used(ledger, wanted=UsageFilter(service="search", since="2026-11-21"))
    renders = await used(ledger, wanted=UsageFilter(metric="renders"))

    assert set(rows(first)) == {
        ("2026-11-20", "requests", "", 2, 1),
        ("2026-11-20", "requests", "search", 6, 2),
        ("2026-11-20", "renders", "", 1, 1),
    }
    assert rows(second)[:2] == [
        ("2026-11-21", "requests", "search", -6, -2),
        ("2026-11-21", "requests", "", 5, 1),
    ]
    assert (second.units, second.calls) == (8, 3)
    assert rows(search) == [("2026-11-21", "requests", "search", -6, -2)]
    assert (rows(renders), renders.units) == ([("2026-11-20", "renders", "", 1, 1)], 1)
    await ledger.close()


async def test_holds_count_by_what_was_used_of_them(ledger: OpenLedger) -> None:
    """Settled by the units, released by nothing."""
    await ledger.quota.hold(ANA, 6, key="1")
    held = await used(ledger)
    await ledger.quota.settle(ANA, key="1", units=4)
    await ledger.quota.hold(ANA, 3, key="2")
    await ledger.quota.release(ANA, key="2")
    ended = await used(ledger)

    assert (held.units, held.calls) == (6, 1)
    assert (ended.units, ended.calls) == (4, 1)
    await ledger.close()


async def test_overage_lots_and_grants(ledger: OpenLedger) -> None:
    """Units from every pot are use; what is brought is none."""
    await ledger.grants.set_plan(ANA, "charged", until_ms=None, actor=OPERATOR, reason="", key="plan")
    await ledger.grants.add(ANA, 3, actor=OPERATOR, reason="", key="grant")
    limit = ledger.catalog.plans["charged"].allowances_of("requests")[0].limit_units
    assert limit is not None
    await ledger.quota.consume(ANA, limit + 5, key="1")
    page = await used(ledger)

    assert (page.units, page.overage, page.calls) == (limit + 5, 2, 1)
    await ledger.close()


async def test_a_gauge_counts_by_how_much_its_level_changed(ledger: OpenLedger) -> None:
    """The days of a gauge add up to its level."""
    await ledger.quota.set_level(ANA, 4, metric="space", key="1")
    ledger.clock.move(days=1)
    await ledger.quota.set_level(ANA, 1, metric="space", key="2")
    page = await used(ledger, wanted=UsageFilter(metric="space"))

    assert [(one.day, one.units) for one in page.days] == [("2026-11-21", -3), ("2026-11-20", 4)]
    assert page.units == 1
    await ledger.close()


async def test_what_another_pays_is_used_by_both_and_counted_once(ledger: OpenLedger) -> None:
    """The member's use is all of it; over all accounts each unit stands once, also when it comes back."""
    usage = Usage(ledger.database, ledger.book, clock=ledger.clock)
    await ledger.quota.consume(ANA, 14, key="1", payers=(POOL,))
    member, pool = await used(ledger), await used(ledger, POOL)
    over_all = await usage.over_all("2026-11-20", "2026-11-20", "requests")
    paid = [one.paid for one in (*member.days, *pool.days)]

    assert (member.units, pool.units, paid) == (14, 4, [10, 4])
    assert over_all == [("2026-11-20", "", 14, 0)]
    await ledger.close()


async def test_pages_follow_each_other(ledger: OpenLedger) -> None:
    """Each row once, in order, whatever the size of a page."""
    await ledger.grants.set_plan(ANA, "pro", until_ms=None, actor=OPERATOR, reason="", key="plan")
    for day in range(4):
        await ledger.quota.consume(ANA, 1, key=f"a{day}")
        await ledger.quota.consume(ANA, 1, key=f"b{day}", service="chat")
        ledger.clock.move(days=1)
    usage = Usage(ledger.database, ledger.book, clock=ledger.clock)
    whole = await usage.of(ANA, EVERYTHING, None, 100)
    for size in (1, 3):
        found: list[UsedDay] = []
        place = None
        while True:
            page = await usage.of(ANA, EVERYTHING, place, size)
            found += page.days
            place = page.next_place
            if place is None:
                break

        assert tuple(found) == whole.days
    assert len(whole.days) == 8
    await ledger.close()


async def test_who_adds_up_at_once_adds_each_entry_once(ledger: OpenLedger) -> None:
    """As several processes do; beside spends that go on."""
    usages = [Usage(ledger.database, ledger.book, clock=ledger.clock) for _ in range(4)]

    async def spend(number: int) -> None:
        await ledger.quota.consume(
            AccountRef("user", f"{number % 5 + 1}"), 1, key=f"k{number}", metric="requests"
        )

    for start in range(0, 40, 10):
        await asyncio.gather(
            *(spend(number) for number in range(start, start + 10)), *(one.catch_up() for one in usages)
        )
    total = sum([(await used(ledger, AccountRef("user", f"{n}"))).units for n in range(1, 6)])
    entries = await ledger.entries()

    assert total == len(entries) == 40
    assert (await ledger.rows("SELECT value FROM marks WHERE name = 'usage_entry'")) == [(entries[-1].id,)]
    await ledger.close()


async def test_an_entry_that_may_still_come_is_never_passed_over(ledger: OpenLedger) -> None:
    """On PostgreSQL an id is drawn before its entry is there: until then nothing behind it is added up."""
    if not isinstance(ledger.database, PostgresDatabase):
        await ledger.close()
        return
    usage = Usage(ledger.database, ledger.book, clock=ledger.clock)
    connection = await ledger.database._connections.take()
    await connection.execute("BEGIN")
    await connection.execute("INSERT INTO marks VALUES ('held', 1)")
    await connection.fetchval("SELECT nextval('entries_id_seq')")
    await ledger.quota.consume(ANA, 3, key="m")
    with pytest.raises(UnavailableError):
        await usage.catch_up(patience_seconds=0.2)
    before = await ledger.rows("SELECT * FROM usage_days")
    await connection.execute("COMMIT")
    ledger.database._connections.give(connection, sound=True)
    after = await used(ledger)
    await ledger.close()

    assert before == []
    assert after.units == 3


async def test_an_account_that_was_never_seen_used_nothing(ledger: OpenLedger) -> None:
    """And is not opened by looking."""
    page = await used(ledger, BEN)

    assert page == UsagePage((), 0, 0, 0, None)
    assert await ledger.rows("SELECT * FROM accounts") == []
    await ledger.close()


spends = st.lists(
    st.tuples(st.integers(1, 3), st.integers(0, 3 * DAY_MS), st.integers(1, 9), st.sampled_from(["", "rag"])),
    max_size=20,
)


@given(spends)
def test_sums_are_those_of_the_entries(operations: list[tuple[int, int, int, str]]) -> None:
    """However they are cut into steps."""
    days = Days(everything().zone)
    entries = [
        Entry(
            number,
            account,
            1,
            0,
            EntryKind.SPEND,
            1,
            units,
            f"2026-11={units}" + (f" *{service}=1" if service else ""),
            NOON_MS + ahead_ms,
            b"",
            None,
            0,
            b"",
        )
        for number, (account, ahead_ms, units, service) in enumerate(operations, 1)
    ]
    expected: dict[tuple[int, str, int, str], int] = defaultdict(int)
    for entry in entries:
        row = used_by(entry, days)
        assert row is not None
        expected[row[:4]] += row.units

    assert {row[:4]: row.units for row in added_up(entries, days)} == expected
    assert sum(row.units for row in added_up(entries, days)) == sum(entry.units for entry in entries)
