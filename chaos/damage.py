"""
Files that come back as others than they were written: flipped, cut, deleted, exchanged.

Each copy of a ledger that a killed process left is damaged in one way. It must be refused, or be found out by the
proof, with the heads of an anchor that was kept elsewhere; or nothing that counts may have changed.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from chaos.outside import Lines
from chaos.raising import nursery
from chaos.storm import sqlite_in
from chaos.tally import Tally
from quota_core.errors import DatabaseInUseError, SchemaError, UnavailableError
from quota_core.proof import Proof
from quota_core.sqlite_database import SqliteDatabase
from quota_core.statements import Row, Work, fetch

# What the proof vouches for, and whatever else would be money if it were another number.
MONEY = (
    "SELECT * FROM entries ORDER BY id",
    "SELECT * FROM lots ORDER BY id",
    "SELECT account, metric, units FROM debts ORDER BY account, metric",
    "SELECT account, metric, period, used, overage FROM allowances ORDER BY account, metric, period",
    "SELECT account, version, head, digest, windows FROM balances ORDER BY account",
    "SELECT id, kind, external_id, plan, plan_until_ms FROM accounts ORDER BY id",
    "SELECT id, account, units, price_minor, state, reference FROM orders ORDER BY id",
    "SELECT entry, actor, action, reason FROM audit ORDER BY entry",
)
Damage = Callable[[Path, Random], None]


def _flip(path: Path, random: Random, *, first: int = 0) -> None:
    data = bytearray(path.read_bytes())
    place = random.randrange(first, len(data))
    data[place] ^= 1 << random.randrange(8)
    path.write_bytes(data)


def _flip_page(ledger: Path, random: Random) -> None:
    _flip(ledger, random)


def _flip_log(ledger: Path, random: Random) -> None:
    _flip(_log(ledger), random)


def _cut_log(ledger: Path, random: Random) -> None:
    log = _log(ledger)
    with log.open("r+b") as file:
        file.truncate(random.randrange(log.stat().st_size))


def _delete_log(ledger: Path, _random: Random) -> None:
    _log(ledger).unlink()


def _cut_file(ledger: Path, random: Random) -> None:
    with ledger.open("r+b") as file:
        file.truncate(random.randrange(ledger.stat().st_size))


def _zero_sector(ledger: Path, random: Random) -> None:
    with ledger.open("r+b") as file:
        file.seek(random.randrange(ledger.stat().st_size // 512) * 512)
        file.write(bytes(512))


def _garbage_index(ledger: Path, random: Random) -> None:
    ledger.with_name(ledger.name + "-shm").write_bytes(random.randbytes(32_768))


def _older_file(ledger: Path, _random: Random) -> None:
    shutil.copyfile(ledger.parents[1] / "older.db", ledger)


DAMAGES: dict[str, Damage] = {
    "flipped bit in the file": _flip_page,
    "zeroed sector in the file": _zero_sector,
    "file cut off": _cut_file,
    "flipped bit in the log": _flip_log,
    "log cut off": _cut_log,
    "log deleted": _delete_log,
    "index is garbage": _garbage_index,
    "an older file beside the log": _older_file,
}


def damages(folder: Path, seed: int, times: int) -> Tally:
    """Damage a ledger in every way, so often each."""
    tally, random = Tally(), Random(seed)
    home = folder / "whole"
    heads = _made(home, seed)
    data = home / "data"
    before = asyncio.run(_looked_at(_copy(home, folder / "before"), heads))
    assert before[0] == [], before[0]
    refused = proved = harmless = 0
    for name, damage in DAMAGES.items():
        for number in range(times):
            copy = _copy(home, folder / f"{number}")
            damage(copy, random)
            tally.faults[name] += 1
            problems, rows = asyncio.run(_looked_at(copy, heads))
            if rows is None:
                refused += 1
            elif problems:
                proved += 1
            elif rows == before[1]:
                harmless += 1
            else:
                tally.found["drifted"].append(f"{name}, seed {seed}, number {number}: nothing noticed it")
            shutil.rmtree(copy.parents[1])
    shutil.rmtree(data)
    tally.figures["damaged ledgers: refused, found out, harmless"] = f"{refused}, {proved}, {harmless}"
    return tally


def _log(ledger: Path) -> Path:
    return ledger.with_name(ledger.name + "-wal")


def _made(home: Path, seed: int) -> dict[tuple[int, int], bytes]:
    """Make a ledger with a file and a log that both count; return the heads that an anchor would keep."""
    home.mkdir(parents=True)
    work = ["spend", "grant", "buy", "tell"]
    told: dict[str, Any] = {"folder": str(home), "database": sqlite_in(home), "seed": seed}
    with nursery() as there:
        there.raise_one(**told, number=1, scripts=[*work, *work])
        shutil.copyfile(home / "data" / "quota.db", home / "older.db")
        there.raise_one(**told, number=2, scripts=[*work, *work])
        there.raise_one(**told, number=3, scripts=[*work, "heads", "nothing"], plan="ops.82.checkpoint=kill")
    heads = next(line["heads"] for line in Lines(home / "life-000003.jsonl").read() if line["t"] == "heads")
    return {(account, version): bytes.fromhex(digest) for account, version, digest in heads}


def _copy(home: Path, target: Path) -> Path:
    shutil.copytree(home, target)
    return target / "data" / "quota.db"


async def _looked_at(
    ledger: Path, heads: dict[tuple[int, int], bytes]
) -> tuple[list[str], list[list[Row]] | None]:
    """Return what a proof finds, and the rows; None for them when the ledger is refused."""
    database = SqliteDatabase(ledger)
    try:
        await database.open()
        try:
            verdict = await Proof(database, dict(heads)).verify()
            rows = [await database.read(lambda sql=sql: _rows(sql)) for sql in MONEY]  # type: ignore[misc]
            return verdict.problems, rows
        finally:
            await database.close()
    except (UnavailableError, SchemaError, DatabaseInUseError):
        return [], None
    except Exception as error:
        return [f"the proof cannot be made: {error!r}"], []


def _rows(sql: str) -> Work[list[Row]]:
    return (yield fetch(sql))
