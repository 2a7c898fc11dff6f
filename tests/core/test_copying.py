"""A ledger moved from a file to PostgreSQL: every row, whatever cuts it off, or not at all."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from quota_core.copying import CopyError, Copying
from quota_core.migrations import migrate
from quota_core.operators import Actor
from quota_core.postgres_database import PostgresDatabase
from quota_core.proof import Proof
from quota_core.statements import Row, Work, fetch, run, tables
from quota_core.store import copies
from tests.core.catalogs import everything
from tests.core.opened_ledger import OPERATOR, OpenLedger, SteerableClock, open_ledger
from tests.core.rich_ledger import ANA, TEAM, lived_in
from tests.postgres_server import PostgresServer


class CutOffError(Exception):
    """The process ends here."""


@pytest.fixture
def engine() -> str:
    """Return the engine of the source; the target is the other one."""
    return "sqlite"


@pytest.fixture
async def source(tmp_path: Path, clock: SteerableClock) -> AsyncIterator[OpenLedger]:
    """Return a ledger in which every table has rows."""
    opened = await open_ledger(tmp_path / "quota.db", catalog=everything(), clock=clock)
    await lived_in(opened)
    await opened.grants.add(TEAM, 9, actor=OPERATOR, reason="", key="to share")
    manager = Actor(user_id=5, guild_id=int(TEAM.external_id), manages_guild=True)
    await opened.transfers.move(int(TEAM.external_id), ANA, 4, actor=manager, key="shared")
    await opened.keys.create("service", [])
    yield opened
    await opened.close()


@pytest.fixture
async def url(postgres: PostgresServer) -> AsyncIterator[str]:
    """Return the address of an empty ledger."""
    address = await postgres.new_database()
    yield address
    await postgres.drop(address)


@pytest.fixture
async def target(url: str, clock: SteerableClock) -> AsyncIterator[PostgresDatabase]:
    """Return an open database with the schema and nothing in it."""
    database = PostgresDatabase(url)
    await database.open()
    await migrate(database, clock=clock)
    yield database
    await database.close()


def silent(*_: str | int) -> None:
    """Take no notice."""


def before_comparing(stage: str, *_: int) -> None:
    """End once everything is copied."""
    if stage.startswith("comparing"):
        raise CutOffError


async def rows_in(database: PostgresDatabase, sql: str) -> list[Row]:
    """Return the rows of a query."""

    def work() -> Work[list[Row]]:
        return (yield fetch(sql))

    return await database.read(work)


async def test_every_table_is_copied_or_left_out_on_purpose(target: PostgresDatabase) -> None:
    """A new table cannot be forgotten."""
    found = {row[0] for row in await target.read(tables)}

    assert found == set(copies.TABLES) | set(copies.LEFT_OUT)
    assert len(copies.TABLES) == len(set(copies.TABLES))


async def test_a_copy_has_every_row_and_proves_itself(source: OpenLedger, target: PostgresDatabase) -> None:
    """And nothing keeps a bot from it any more."""
    seen: list[str] = []

    copied = await Copying(
        source.database, target, show=lambda stage, done, total: seen.append(f"{stage} {done}/{total}")
    ).run()
    verdict = await Proof(target).verify()
    entries = len(await source.entries())

    assert copied.entries == entries
    assert verdict.problems == []
    assert verdict.entries == entries
    assert await target.read(copies.under_way) is None
    assert f"comparing entries {entries}/{entries}" in seen


async def test_accounts_come_with_parents_that_were_made_after_them(
    source: OpenLedger, target: PostgresDatabase
) -> None:
    """Nothing makes parents yet, so the proof would not take them for sound."""
    await source.execute("UPDATE accounts SET parent = 3 WHERE id = 1")
    with pytest.raises(CutOffError):
        await Copying(source.database, target, show=before_comparing, step=1).run()

    assert await rows_in(target, "SELECT parent FROM accounts ORDER BY id LIMIT 3") == [
        (3,),
        (None,),
        (None,),
    ]


async def test_the_copy_goes_on_with_the_next_numbers(
    source: OpenLedger, target: PostgresDatabase, url: str, clock: SteerableClock
) -> None:
    """Ids continue, and a key that was used is known."""
    await Copying(source.database, target, show=silent).run()
    last = (await source.entries())[-1].id
    moved = await open_ledger(url, catalog=everything(), clock=clock, pages=source.pages)
    again = await moved.quota.consume(ANA, 2, key="a5")
    new = await moved.quota.consume(ANA, 1, key="a new one")
    verdict = await Proof(moved.database).verify()
    ids = [entry.id for entry in await moved.entries()]
    await moved.close()

    assert again.replayed
    assert not new.replayed
    assert min(ids[len(await source.entries()) :]) > last
    assert verdict.problems == []


@pytest.mark.parametrize("step", [1, 7])
async def test_a_copy_that_is_cut_off_anywhere_goes_on(
    source: OpenLedger, target: PostgresDatabase, step: int
) -> None:
    """Each run ends a little later than the one before, until one comes through."""
    runs, calls = 0, 0

    def cut(*_: str | int) -> None:
        nonlocal calls
        calls += 1
        if calls % 15 == 0:
            raise CutOffError

    copied = None
    while copied is None:
        runs += 1
        show = cut if runs < 8 else silent
        try:
            copied = await Copying(source.database, target, show=show, step=step).run()
        except CutOffError:
            assert await target.read(copies.under_way) is not None

    assert runs > 1
    assert copied.entries == len(await source.entries())
    assert (await Proof(target).verify()).problems == []


async def test_a_ledger_that_changed_in_between_is_found(
    source: OpenLedger, target: PostgresDatabase
) -> None:
    """A bot that worked after the copy was cut off leaves rows that differ: no half truth comes out."""
    with pytest.raises(CutOffError):
        await Copying(source.database, target, show=before_comparing).run()
    await source.quota.consume(ANA, 1, key="meanwhile")

    with pytest.raises(CopyError, match="balances 1 is not the same"):
        await Copying(source.database, target, show=silent).run()
    assert await target.read(copies.under_way) is not None


async def test_an_altered_row_of_the_copy_is_found(source: OpenLedger, target: PostgresDatabase) -> None:
    """One unit in one row."""

    def alter() -> Work[None]:
        yield run("UPDATE lots SET frozen = 1 WHERE id = 2")

    with pytest.raises(CutOffError):
        await Copying(source.database, target, show=before_comparing).run()
    await target.write(alter)

    with pytest.raises(CopyError, match="lots 2 is not the same"):
        await Copying(source.database, target, show=silent).run()


async def test_a_target_with_another_ledger_is_refused(source: OpenLedger, target: PostgresDatabase) -> None:
    """A whole one, or part of the copy of another."""

    def other() -> Work[None]:
        yield from copies.begin("12345")

    await target.write(other)
    with pytest.raises(CopyError, match="a part of a copy of another"):
        await Copying(source.database, target, show=silent).run()
    await target.write(copies.end)
    await Copying(source.database, target, show=silent).run()

    with pytest.raises(CopyError, match="holds another ledger already"):
        await Copying(source.database, target, show=silent).run()
