"""Deciding in memory ahead of the database: the same entries as the rule makes, and never more than it would."""

import asyncio
import copy
import sqlite3
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quota_core import decisions
from quota_core import ledger as rules
from quota_core.accounts import AccountRef
from quota_core.answers import Spend
from quota_core.book import Book
from quota_core.catalog import Catalog
from quota_core.catalog_file import load
from quota_core.consumes import Consume
from quota_core.errors import ConflictingReplayError, OutOfQuotaError, UnavailableError
from quota_core.ledger import Payer, Shortage
from quota_core.posting import Posting
from quota_core.sqlite_database import SqliteDatabase
from quota_core.statements import Work
from tests.core.opened_ledger import OPERATOR, OpenLedger, Place, SteerableClock, open_ledger
from tests.core.recounting import assert_sound
from tests.core.test_rule import METRIC, NOW_MS, accounts

ANA = AccountRef("user", "1")
BEN = AccountRef("user", "2")
KEY = bytes(range(16))


@pytest.fixture
def engine() -> str:
    """Return the only engine that one process owns."""
    return "sqlite"


def posting() -> Posting:
    """Return a posting behind entry 40."""
    book = Book(load("quota-manager"))
    book.metric_ids, book.last_id = {METRIC: 1}, 40
    begun = Posting(book, NOW_MS)
    begun.begin_at_once()
    return begun


@given(accounts(1), st.integers(1, 12))
def test_the_short_way_makes_the_entry_that_the_rule_makes(drawn: tuple[Any, Payer], units: int) -> None:
    """Whatever the pots: the same entry and the same state, or it leaves both to the rule."""
    _, payer = drawn
    ruled = copy.deepcopy(payer)
    short, long = posting(), posting()
    drafts = rules.spend([ruled], METRIC, units, NOW_MS)
    entry = short.spend_allowance(payer.state, payer.windows, METRIC, units, KEY)
    if entry is None:
        from_windows = rules.allowance_left(payer)

        assert from_windows is not None
        assert from_windows < units or not payer.windows
        assert payer.state == copy.deepcopy(ruled.state)
        return
    assert not isinstance(drafts, Shortage)

    assert entry == long.append(drafts[0], KEY, ruled.windows)
    assert payer.state == ruled.state
    assert (short.entries, short.accounts) == (long.entries, long.accounts)


def forget_keys(ledger: OpenLedger) -> None:
    """Make the decisions forget every key, as many operations later."""
    decisions = ledger.quota._decisions  # the tests' one look inside: it would take 200 000 operations
    decisions._keys, decisions._older_keys = set(), set()


async def test_a_key_older_than_memory_is_still_a_replay(ledger: OpenLedger) -> None:
    """The unique index objects, and everything in the same batch is decided again, once."""
    first = await ledger.quota.consume(ANA, 3, key="old")
    await ledger.quota.consume(BEN, 1, key="other")
    forget_keys(ledger)
    again, fresh = await asyncio.gather(
        ledger.quota.consume(ANA, 3, key="old"), ledger.quota.consume(BEN, 2, key="new")
    )
    forget_keys(ledger)
    with pytest.raises(ConflictingReplayError):
        await ledger.quota.consume(ANA, 4, key="old")

    assert again == first._replace(replayed=True, crossings=())
    assert (fresh.replayed, fresh.allowance_left) == (False, 47)
    assert len(await ledger.entries()) == 3
    await assert_sound(ledger)


async def test_a_refusal_of_a_key_older_than_memory_is_its_first_answer(ledger: OpenLedger) -> None:
    """A refusal writes nothing that the index could object to, so the key is looked up."""
    first = await ledger.quota.consume(ANA, 50, key="all")
    await ledger.quota.consume(BEN, 1, key="resident")
    forget_keys(ledger)
    again, refused = await asyncio.gather(
        ledger.quota.consume(ANA, 50, key="all"),
        ledger.quota.consume(ANA, 1, key="more"),
        return_exceptions=True,
    )

    assert again == first._replace(replayed=True, crossings=())
    assert isinstance(refused, OutOfQuotaError)
    await assert_sound(ledger)


async def test_what_was_decided_on_a_batch_that_failed_is_decided_again(ledger: OpenLedger) -> None:
    """Two batches under way on one account; the disk refuses the first, and the second counts without it."""
    await ledger.quota.consume(ANA, 1, key="resident")
    assert isinstance(ledger.database, SqliteDatabase)
    connection = ledger.database._connection  # the tests' one look inside, as in test_database
    assert connection is not None
    failing = 1

    def authorize(action: int, table: str | None, *_: Any) -> int:
        nonlocal failing
        if failing and action == sqlite3.SQLITE_INSERT and table == "entries":
            failing -= 1
            return sqlite3.SQLITE_DENY
        return sqlite3.SQLITE_OK

    connection._conn.set_authorizer(authorize)
    first = ledger.quota._commit([ledger.quota.operation(ANA, 5, key="first")])
    second = ledger.quota._commit([ledger.quota.operation(ANA, 7, key="second")])
    failed, decided = await asyncio.gather(first, second, return_exceptions=True)
    connection._conn.set_authorizer(None)

    assert isinstance(failed, UnavailableError | sqlite3.Error)
    assert isinstance(decided, list)
    assert isinstance(decided[0], Spend)
    assert decided[0].allowance_left == 42
    assert (await ledger.quota.consume(ANA, 5, key="first")).allowance_left == 37
    await assert_sound(ledger)


async def test_nothing_is_decided_ahead_of_a_grant_that_is_under_way(ledger: OpenLedger) -> None:
    """A spend that comes after a grant in the queue finds its units, and the chain has no gap."""
    await ledger.quota.consume(ANA, 50, key="all")
    grant = asyncio.create_task(ledger.grants.add(ANA, 5, actor=OPERATOR, reason="", key="g"))
    await asyncio.sleep(0)
    spends = await asyncio.gather(*(ledger.quota.consume(ANA, 1, key=f"m{n}") for n in range(5)))
    await grant

    assert [spend.purchased_left for spend in spends] == [4, 3, 2, 1, 0]
    await assert_sound(ledger)


async def test_nothing_is_decided_ahead_of_a_grant_whose_caller_went_away(ledger: OpenLedger) -> None:
    """Who is cancelled does not stop the transaction: a spend decided before it would be written behind it."""
    await ledger.quota.consume(ANA, 1, key="resident")
    gate = threading.Event()

    def waits() -> Work[None]:
        gate.wait()
        yield from ()

    look = asyncio.create_task(ledger.database.read(waits))
    grant = asyncio.create_task(ledger.grants.add(ANA, 5, actor=OPERATOR, reason="", key="g"))
    for _ in range(3):
        await asyncio.sleep(0)
    grant.cancel()
    await asyncio.wait([grant])
    spend = ledger.quota.consume(ANA, 3, key="m")
    for _ in range(3):
        await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(look, spend)

    assert grant.cancelled()
    assert spend.result().purchased_left == 5
    await assert_sound(ledger)


async def test_many_callers_with_many_operations_each_get_their_own(ledger: OpenLedger) -> None:
    """Operations that come together stay together and in order, across several batches under way."""

    def group(number: int) -> list[Consume]:
        person = AccountRef("user", str(100 + number))
        return [ledger.quota.operation(person, 1, key=f"{number}:{n}") for n in range(60)]

    singles = [ledger.quota.consume(BEN, 1, key=f"single:{n}") for n in range(40)]
    groups = await asyncio.gather(*(ledger.quota.consume_many(group(number)) for number in range(30)))
    alone = await asyncio.gather(*singles)

    for outcomes in groups:
        assert [one.allowance_left for one in outcomes[:50] if isinstance(one, Spend)] == list(
            range(49, -1, -1)
        )
        assert all(isinstance(one, OutOfQuotaError) for one in outcomes[50:])
    assert sorted(spend.allowance_left or 0 for spend in alone) == list(range(10, 50))
    await assert_sound(ledger)


async def test_a_look_does_not_bring_back_what_was_before_a_spend_that_waits(
    place: Place, catalog: Catalog, clock: SteerableClock
) -> None:
    """
    A full cache, and looks that wait in the database's queue before spends that were decided already.

    Read again as it was before the spend, the account would make its next entry twice.
    """
    ledger = await open_ledger(place, catalog=catalog, clock=clock, resident_accounts=2)
    people = [AccountRef("user", str(number)) for number in range(1, 6)]
    await ledger.quota.consume_many([ledger.quota.operation(person, key="m") for person in people])
    resident = [person for person in people if person in ledger.book.states]
    gate = threading.Event()

    def waits() -> Work[None]:
        gate.wait()
        yield from ()

    def looks() -> Work[None]:
        yield from ledger.book.states_of(people, now_ms=clock(), create=False)

    jobs = [asyncio.create_task(ledger.database.read(work)) for work in (waits, looks, looks)]
    await asyncio.sleep(0)
    spends = [ledger.quota.consume(person, 2, key=f"ahead {person}") for person in resident]
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(*jobs, *spends)
    await ledger.quota.consume_many(
        [ledger.quota.operation(person, 3, key=f"after {person}") for person in people]
    )
    await assert_sound(ledger)
    await ledger.close()

    assert resident


async def test_what_breaks_while_it_is_decided_leaves_nothing_in_memory(ledger: OpenLedger) -> None:
    """The second of two decisions breaks: the first one is not in memory either, and both are told."""
    await ledger.quota.consume(ANA, 1, key="resident")
    ana = ledger.book.states[ANA]
    operations = [ledger.quota.operation(ANA, 5, key="first"), ledger.quota.operation(BEN, 1, key="second")]
    await ledger.quota.consume(BEN, 1, key="resident")
    del ledger.book.states[BEN].used  # what no program does: a state that cannot be decided on
    with pytest.raises(AttributeError):
        await ledger.quota._commit(operations)

    assert ana.version > 1
    assert ANA not in ledger.book.states
    assert (await ledger.quota.consume(ANA, 2, key="later")).allowance_left == 47
    await assert_sound(ledger)


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
async def test_the_keys_in_memory_are_bounded(ledger: OpenLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Old keys go by halves; where nothing is resident, none are kept."""
    monkeypatch.setattr(decisions, "REMEMBERED_KEYS", 20)
    for number in range(40):
        await ledger.quota.consume(AccountRef("user", str(number + 1)), 1, key=f"m{number}")
    kept = ledger.quota._decisions  # bounds are seen from inside alone

    assert len(kept._keys) + len(kept._older_keys) <= (22 if ledger.database.alone else 0)
