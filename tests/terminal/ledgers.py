"""Ledgers to move about: lived-in ones that are sound, and large ones that only fill a disk."""

import sqlite3
from contextlib import closing
from pathlib import Path

from quota_core.accounts import AccountRef
from quota_core.catalog_file import load
from quota_core.chain import Entry
from quota_core.own_keys import SECRET_FILE, SIGNING_FILE
from quota_core.proof import Proof
from quota_core.sqlite_database import SqliteDatabase
from quota_core.store.entries import after
from tests.core.opened_ledger import OPERATOR, OpenLedger, SteerableClock, open_ledger

ANA, BEN = AccountRef("user", "1"), AccountRef("user", "2")


async def live(ledger: OpenLedger) -> None:
    """Leave something of many kinds in the ledger: 36 entries."""
    for number in range(30):
        await ledger.quota.consume(ANA, 1, key=f"a{number}")
    await ledger.grants.add(ANA, 100, actor=OPERATOR, reason="gift", key="g1")
    await ledger.quota.consume(ANA, 50, key="mixed")
    await ledger.quota.give_back(ANA, key="mixed")
    await ledger.grants.remove(ANA, 10, actor=OPERATOR, reason="mistake", key="g2")
    await ledger.grants.set_plan(BEN, "pro", until_ms=None, actor=OPERATOR, reason="friend", key="g3")
    await ledger.quota.consume(BEN, 2, key="b")


async def make_ledger(file: Path) -> None:
    """Make a lived-in ledger and close it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    ledger = await open_ledger(file, catalog=load("quota-manager"), clock=SteerableClock())
    await live(ledger)
    await ledger.close()


async def make_large_ledger(file: Path, entries: int) -> None:
    """Make a ledger in which the last entry is repeated until there are so many: large, and not sound."""
    await make_ledger(file)
    facts = {name: name for name in Entry._fields} | {"id": "n", "key": "CAST(printf('%016d', n) AS BLOB)"}
    names, values = ", ".join(facts), ", ".join(facts.values())
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(
            f"""
            INSERT INTO entries ({names})
            WITH RECURSIVE numbers (n) AS (SELECT 37 UNION ALL SELECT n + 1 FROM numbers WHERE n < {entries})
            SELECT {values} FROM numbers, (SELECT * FROM entries WHERE id = 36)
            """
        )
        connection.commit()


async def proved(file: Path) -> list[Entry]:
    """Return the entries of a ledger, after it proved itself."""
    database = SqliteDatabase(file)
    await database.open()
    try:
        verdict = await Proof(database).verify()
        entries = await database.read(lambda: after(0, 1_000_000))
    finally:
        await database.close()
    assert verdict.problems == []
    return entries


def names_in(folder: Path) -> set[str]:
    """Return the names of all files in a folder but the program's own keys, which are made at its first start."""
    return {file.name for file in folder.iterdir()} - {SIGNING_FILE, SECRET_FILE}


def bytes_of(file: Path) -> bytes:
    """Return what a file holds."""
    return file.read_bytes()
